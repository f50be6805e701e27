# SPDX-License-Identifier: Apache-2.0
"""Firmware that a real compiler and linker make from an exported linker script fits; from another's it does not.

The host's gcc and ld stand in for a cross compiler: layout and headers are the linker's in every architecture.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from carveout.amp.elf import read_firmware
from carveout.amp.run import fit
from carveout.boot.run import boot
from carveout.report.export.model import Export, collect
from carveout.report.export.registry import render
from support.boards import usual_scene
from support.remotes import MIB, board_with, kept

if TYPE_CHECKING:
    from pathlib import Path

    from carveout.amp.model import Fit
    from carveout.board import Board

AT = 0x5000_0000
PATH = "/bus/rproc@1000"

SOURCE = r"""
#include "rmem.h"
struct vring { unsigned da, align, num, notifyid, pa; };
__attribute__((section(".resource_table"), used)) static struct {
    unsigned ver, num, reserved[2], offset[2];
    struct { unsigned type, da, pa, len, flags, reserved; char name[32]; } carveout;
    struct { unsigned type, id, notifyid, dfeatures, gfeatures, config_len;
             unsigned char status, num_of_vrings, reserved[2]; struct vring vring[2]; } vdev;
} table = {
    1, 2, {0, 0}, {24, 80},
    {0, RMEM_RPROC_BASE, 0, RMEM_RPROC_SIZE, 0, 0, "rproc"},
    {3, 7, 0, 1, 0, 0, 0, 2, {0, 0},
     {{RMEM_VDEV0VRING0_BASE, 4096, 256, 0, 0}, {RMEM_VDEV0VRING1_BASE, 4096, 256, 1, 0}}},
};
__attribute__((used)) static char heap[HEAP];
void _start(void) { for (;;) heap[0] = (char)table.num; }
"""
SCRIPT = """
INCLUDE rmem.ld
ENTRY(_start)
SECTIONS {
  .text : { *(.text*) } > RMEM_RPROC
  .resource_table : { KEEP(*(.resource_table)) } > RMEM_RPROC
  .data : { *(.data*) *(.bss*) *(COMMON) } > RMEM_RPROC
  /DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) }
}
"""


def a_board(base: int = AT) -> Board:
    """A Zynq UltraScale+ R5 with everything it needs for messages."""
    return board_with(
        [
            kept("rproc", base, MIB),
            kept("vdev0vring0", base + MIB, 0x8000),
            kept("vdev0vring1", base + MIB + 0x8000, 0x8000),
            kept("vdev0buffer", base + 2 * MIB, MIB, "no-map", pool=True),
        ],
        "xlnx,zynqmp-r5f",
    )


def linked(board: Board, folder: Path, *, heap: int = 0x1000) -> bytes:
    """Return a firmware that was linked for a board."""
    for name in ("gcc", "ld"):
        if shutil.which(name) is None:
            pytest.skip(f"needs {name} (Debian: apt-get install gcc binutils)")
    result = boot(board, usual_scene("6.12"))
    entries, left_out = collect(result, prefix="rmem")
    export = Export(title="b", board=board, boot=result, entries=tuple(entries), left_out=tuple(left_out))
    (folder / "rmem.ld").write_text(render("ld", export))
    (folder / "rmem.h").write_text(render("c", export))
    (folder / "fw.c").write_text(SOURCE)
    (folder / "fw.ld").write_text(SCRIPT)
    for command in (
        ["gcc", "-c", "-O1", "-ffreestanding", "-fno-pic", "-fcf-protection=none", "-mcmodel=large", f"-DHEAP={heap}", "fw.c"],
        ["ld", "-n", "-T", "fw.ld", "fw.o", "-o", "fw.elf"],
    ):  # fmt: skip
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if "-mcmodel" in done.stderr or "-fcf-protection" in done.stderr:
            pytest.skip("needs a compiler for x86-64")
        assert done.returncode == 0, done.stderr
    return (folder / "fw.elf").read_bytes()


def set_against(board: Board, data: bytes) -> Fit:
    return fit(board, boot(board, usual_scene("6.12")), read_firmware(data, name="fw.elf"), path=PATH)


def test_what_is_linked_for_a_board_fits_it(tmp_path: Path) -> None:
    board = a_board()
    found = set_against(board, linked(board, tmp_path))
    assert [problem.message for problem in found.problems] == []
    assert {use.where.partition(" ")[0] for use in found.uses} == {
        "rproc@50000000", "vdev0vring0@50100000", "vdev0vring1@50108000", "vdev0buffer@50200000",
    }  # fmt: skip


def test_what_is_linked_for_another_board_does_not(tmp_path: Path) -> None:
    data = linked(a_board(0x6000_0000), tmp_path)
    found = {problem.code for problem in set_against(a_board(), data).problems}
    assert {"AMP101", "AMP211", "AMP242"} <= found


def test_the_linker_refuses_what_does_not_fit(tmp_path: Path) -> None:
    """The exported LENGTH is heeded by ld, so that what is too large is seen at the first place it can be."""
    with pytest.raises(AssertionError, match="region `RMEM_RPROC' overflowed"):
        linked(a_board(), tmp_path, heap=2 * MIB)
