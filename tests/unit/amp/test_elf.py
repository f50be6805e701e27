# SPDX-License-Identifier: Apache-2.0
"""Firmware files as they are read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from carveout.amp.elf import read_firmware
from carveout.errors import FirmwareError, ToolMissing
from support.elves import PT_NOTE, Load, elf, media_dsp, media_dsp_faulty, motion_rt, table
from support.remotes import MIB, board_with, codes, fit_on, kept

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("big_endian", [False, True])
def test_both_classes_and_orders(bits: int, big_endian: bool) -> None:
    data = elf(
        [Load(0x1000, 0x20, b"abcd"), Load(0x2000, 0x10, kind=PT_NOTE), Load(0x3000, 0)],
        table(), bits=bits, big_endian=big_endian, entry=0x1004, table_at=0x1008,
    )  # fmt: skip
    found = read_firmware(data, name="fw")
    (segment,) = found.segments
    assert (found.bits, found.entry, found.machine) == (bits, 0x1004, "EM_ARM")
    assert (segment.number, segment.span, segment.file_size) == (0, (0x1000, 0x1020), 4)
    assert found.table is not None
    assert (found.table.address, found.table.data) == (0x1008, table())
    assert bool(found.faults) is big_endian


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "is no ELF file: begins with nothing", id="empty"),
        pytest.param(b"MZ\0\0" + bytes(60), "begins with 4d 5a 00 00", id="other"),
        pytest.param(b"\x7fELF" + bytes(10), "too few for an ELF header", id="short"),
        pytest.param(
            b"\x7fELF\x09" + bytes(60), "its class is 9 and its byte order 0, expected 1 or 2", id="class"
        ),
        pytest.param(
            elf([], bits=64)[:60], "its ELF header at 0x0 is behind the end of the file", id="short-64"
        ),
        pytest.param(elf([Load(0, 16)])[:60], "program header 0 at 0x34 is behind the end", id="cut-off"),
        pytest.param(
            elf([Load(2**64 - 8, 16)], bits=64), "ends above the highest 64-bit address", id="wraps"
        ),
    ],
)
def test_what_cannot_be_read(data: bytes, message: str) -> None:
    with pytest.raises(FirmwareError, match=message):
        read_firmware(data, name="fw")


def test_what_the_kernel_refuses_is_a_finding() -> None:
    board = board_with([kept("fw", 0x5000_0000, MIB)], "fsl,imx8mp-cm7")
    assert "AMP003" in codes(fit_on(board, elf([], table())))
    assert "AMP003" in codes(fit_on(board, elf([Load(0, 16)], big_endian=True)))


@pytest.mark.parametrize(
    ("loads", "code"),
    [
        pytest.param([Load(0, 16, bytes(32))], "AMP105", id="more-in-the-file"),
        pytest.param([Load(0, 0x10000, filesz=0x8000)], "AMP105", id="not-in-the-file"),
        pytest.param([Load(0, 0x100), Load(0x80, 0x100)], "AMP104", id="overlap"),
        pytest.param([Load(0, 0x100), Load(0, 0x100)], "AMP104", id="the-same"),
    ],
)
def test_segments_in_themselves(loads: list[Load], code: str) -> None:
    board = board_with([kept("fw", 0x5000_0000, MIB)], "fsl,imx8mp-cm7")
    assert code in codes(fit_on(board, elf(loads)))


def test_without_pyelftools_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "elftools.elf.structs", None)
    with pytest.raises(ToolMissing, match=r"pip install 'carveout\[amp\]'"):
        read_firmware(elf([]), name="fw")


def test_the_examples_are_what_the_tests_write() -> None:
    assert (EXAMPLES / "media-dsp.elf").read_bytes() == media_dsp()
    assert (EXAMPLES / "media-dsp-old.elf").read_bytes() == media_dsp_faulty()
    assert (EXAMPLES / "motion-rt.elf").read_bytes() == motion_rt()
