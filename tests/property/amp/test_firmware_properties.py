# SPDX-License-Identifier: Apache-2.0
"""Damaged firmware: a clear error or findings, never anything else, and never much time."""

from __future__ import annotations

import struct
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from carveout.amp.codes import CODES
from carveout.amp.elf import read_firmware
from carveout.amp.resources import vring_size
from carveout.amp.table import read_table
from carveout.errors import FirmwareError
from support.elves import elf, media_dsp, media_dsp_faulty
from support.remotes import MIB, board_with, codes, fit_on, kept

_GOOD = [media_dsp(), media_dsp_faulty(), elf([], bits=64)]
_BOARDS = [
    board_with(
        [kept("vdev0buffer", 0x5000_0000, MIB, "no-map", pool=True), kept("fw", 0x5A00_0000, MIB)], compatible
    )
    for compatible in ("acme,dsp", "fsl,imx8mp-cm7", "ti,am64-r5f", "qcom,sm8250-adsp-pas", "st,stm32mp1-m4")
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return one of the good files, cut off, with bytes changed, or with words that are large."""
    data = bytearray(draw(st.sampled_from(_GOOD)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data) - 1))
        if draw(st.booleans()):
            data[at] = draw(st.integers(0, 255))
        else:
            word = draw(st.sampled_from([0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000000]))
            data[at : at + 4] = struct.pack("<I", word)
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data)


@given(damaged(), st.sampled_from(_BOARDS))
def test_damaged_files_are_errors_or_findings(data: bytes, board: object) -> None:
    try:
        read_firmware(data, name="fw")
    except FirmwareError:
        return
    found = fit_on(board, data)  # type: ignore[arg-type]
    assert set(codes(found, notes=True)) <= CODES.keys()


@given(st.binary(max_size=300))
def test_any_bytes_after_the_magic(data: bytes) -> None:
    with suppress(FirmwareError):
        read_firmware(b"\x7fELF" + data, name="fw")


@given(st.binary(max_size=400))
def test_any_bytes_as_a_table(data: bytes) -> None:
    read = read_table(b"\1\0\0\0" + data)
    assert read.fault is None or read.fault


@given(st.integers(0, 14).map(lambda n: 1 << n), st.integers(2, 14).map(lambda n: 1 << n))
def test_the_used_ring_is_aligned(number: int, align: int) -> None:
    assert (vring_size(number, align) - 6 - 8 * number) % align == 0
