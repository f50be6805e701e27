# SPDX-License-Identifier: Apache-2.0
"""Kernel messages as they come to people: with stamps, prefixes, other text between, cut and broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _each(form: str, end: str = "\n") -> Callable[[Sequence[str]], bytes]:
    def dress(lines: Sequence[str]) -> bytes:
        return "".join(form.format(line=line, us=number) + end for number, line in enumerate(lines)).encode()

    return dress


def _between(lines: Sequence[str]) -> bytes:
    noise = [
        "Starting kernel ...",
        "",
        "[  OK  ] Reached target Basic System.",
        "login: ",
        "systemd[1]: memory is fine",
    ]
    out = []
    for number, line in enumerate(lines):
        out += [noise[number % len(noise)], f"[    0.{number:06d}] {line}"]
    return "\r\n".join(out).encode()


def _on_one_line(lines: Sequence[str]) -> bytes:
    # Records that share a line: the line feed of the first one was lost.
    return b"".join(f"[    0.{number:06d}] {line}".encode() for number, line in enumerate(lines)) + b"\n"


def _behind_text(lines: Sequence[str]) -> bytes:
    return "".join(f"U-Boot> boot[    0.{number:06d}] {line}\n" for number, line in enumerate(lines)).encode()


def _with_text_after(lines: Sequence[str]) -> bytes:
    return "".join(f"[    0.{number:06d}] {line} \x1b[0;32m\n" for number, line in enumerate(lines)).encode()


def _wrapped(lines: Sequence[str]) -> bytes:
    # A terminal of 80 columns.
    out = []
    for number, line in enumerate(lines):
        text = f"[    0.{number:06d}] {line}"
        out += [text[at : at + 80] for at in range(0, len(text), 80)]
    return "\n".join(out).encode() + b"\n"


def _utf16(lines: Sequence[str]) -> bytes:
    return "".join(f"[    0.000000] {line}\r\n" for line in lines).encode("utf-16")


DRESSES: dict[str, Callable[[Sequence[str]], bytes]] = {
    "plain": _each("{line}"),
    "dmesg": _each("[    0.{us:06d}] {line}"),
    "threads": _each("[    0.{us:06d}][    T0] {line}"),
    "dmesg -x": _each("kern  :err   : [    0.{us:06d}] {line}"),
    "dmesg -T": _each("[Wed Nov 25 10:00:00 2026] {line}"),
    "dmesg --time-format iso": _each("2026-11-25T10:00:00,{us:06d}+00:00 {line}"),
    "priority": _each("<6>[    0.{us:06d}] {line}"),
    "syslog": _each("Nov 25 10:00:00 board kernel: [    0.{us:06d}] {line}"),
    "journal": _each("Nov 25 10:00:00 board kernel: {line}"),
    "rfc 5424": _each("2026-11-25T10:00:00.000000+00:00 board kernel: {line}"),
    "logcat": _each("11-25 10:00:00.{us:03d}     0     0 I {line}"),
    "serial": _each("\x1b[0m[    0.{us:06d}] {line}", "\r\r\n"),
    "cr only": _each("[    0.{us:06d}] {line}", "\r"),
    "lava": _each("2026-11-25T10:00:00.000 <6>[    0.{us:06d}] {line}"),
    "quoted": _each("> [    0.{us:06d}] {line}"),
    "between": _between,
    "behind text": _behind_text,
    "text after": _with_text_after,
    "one line": _on_one_line,
    "wrapped": _wrapped,
    "utf-16": _utf16,
}
"""Name to what makes a log of messages."""
