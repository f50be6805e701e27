# SPDX-License-Identifier: Apache-2.0
"""What stands before a kernel's message is taken off, whatever wrote it."""

from __future__ import annotations

import pytest

from carveout.observe.log_lines import LineCounter, records

TEXT = "OF: reserved mem: failed to allocate memory for node 'd'"


@pytest.mark.parametrize(
    ("line", "time"),
    [
        pytest.param(TEXT, None, id="nothing"),
        pytest.param(f"[    0.000000] {TEXT}", 0.0, id="dmesg"),
        pytest.param(f"[   12.345678] {TEXT}", 12.345678, id="later"),
        pytest.param(f"[    0.000000][    T0] {TEXT}", 0.0, id="thread"),
        pytest.param(f"[    0.000000] [    T0] {TEXT}", 0.0, id="thread-apart"),
        pytest.param(f"[    0.000000][    C3] {TEXT}", 0.0, id="cpu"),
        pytest.param(f"<3>[    0.000000] {TEXT}", 0.0, id="priority"),
        pytest.param(f"kern  :err   : [    0.000000] {TEXT}", 0.0, id="dmesg -x"),
        pytest.param(f"[Wed Nov 25 10:00:00 2026] {TEXT}", None, id="dmesg -T"),
        pytest.param(f"[Wed Nov  5 10:00:00 2026] {TEXT}", None, id="dmesg -T, one digit"),
        pytest.param(f"2026-11-25T10:00:00,000000+00:00 {TEXT}", None, id="dmesg iso"),
        pytest.param(f"Nov 25 10:00:00 board kernel: {TEXT}", None, id="journal"),
        pytest.param(f"Nov 25 10:00:00 board kernel: [    0.000000] {TEXT}", 0.0, id="syslog"),
        pytest.param(f"2026-11-25T10:00:00.000+00:00 board kernel: {TEXT}", None, id="rfc 5424"),
        pytest.param(f"\x1b[33m[    0.000000]\x1b[0m {TEXT}", 0.0, id="colour"),
        pytest.param(f"\x1b]0;title\x07[    0.000000] {TEXT}", 0.0, id="title"),
        pytest.param(f"[    0.000000] {TEXT}\x00\x00", 0.0, id="nul"),
    ],
)
def test_the_head_is_taken_off(line: str, time: float | None) -> None:
    found = [record for record in records([line.encode() + b"\r\n"]) if record.text]
    assert [(record.text, record.time) for record in found if "failed" in record.text] == [(TEXT, time)]


def test_logcat_fills_the_tag() -> None:
    line = (
        b"09-02 10:00:00.123     0     0 E OF      : reserved mem: failed to allocate memory for node 'd'\n"
    )
    assert [record.text for record in records([line])] == [TEXT]


def test_records_that_share_a_line_are_parted() -> None:
    line = f"login: [    0.000000] {TEXT}[    0.000001] {TEXT}\n".encode()
    assert [record.text for record in records([line])] == ["login:", TEXT, TEXT]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\r\n", b"\r"])
def test_line_ends(end: bytes) -> None:
    data = end.join([b"x", TEXT.encode(), b"y", TEXT.encode()]) + end
    for size in (1, 2, 5, len(data)):
        blocks = [data[at : at + size] for at in range(0, len(data), size)]
        assert [record.text for record in records(blocks)].count(TEXT) == 2


def test_lines_are_numbered_and_counted() -> None:
    counter = LineCounter()
    data = ("noise\n" * 3 + f"{TEXT}\n" + "noise\n" * 2 + f"{TEXT}\n").encode()
    numbers = [record.number for record in records([data], counter) if record.text == TEXT]
    assert (numbers, counter.lines, counter.bytes) == ([4, 7], 7, len(data))


def test_lines_about_other_things_are_passed_over() -> None:
    assert list(records([b"usb 1-1: new high-speed\nsystemd[1]: Started\n"])) == []
