# SPDX-License-Identifier: Apache-2.0
"""Exports of small boards, for the tests of every format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carveout.boot.run import boot
from carveout.report.export.model import Export, collect
from support.boards import region, usual_board, usual_scene

if TYPE_CHECKING:
    from carveout.fdt.draft import DraftNode

MIB = 1 << 20


def export_of(*regions: DraftNode, prefix: str = "rmem", kernel: str = "6.12", **scene: Any) -> Export:
    """Return the export of the usual board with these regions."""
    board = usual_board(*regions)
    result = boot(board, usual_scene(kernel, **scene))
    entries, left_out = collect(result, prefix=prefix)
    return Export(
        title="board.dtb (usual)",
        board=board,
        boot=result,
        entries=tuple(entries),
        left_out=tuple(left_out),
        prefix=prefix,
    )


def one_of_each() -> tuple[DraftNode, ...]:
    """Return regions of every kind: static, dynamic, no-map, reusable, one that finds no room."""
    return (
        region("fw@50000000", "no-map", reg=[(0x5000_0000, MIB)]),
        region("log@50100000", reg=[(0x5010_0000, MIB)], compatible="ramoops"),
        region("pool", "reusable", size=32 * MIB, compatible="shared-dma-pool", alignment=4 * MIB),
        region("stats", size=3 * MIB),
        region("huge", size=1 << 40),
    )


HOSTILE_NAMES = (
    "*int x;*@50200000",
    'quote"name@50300000',
    "line\nbreak@50400000",
    "semi;colon}@50500000",
    "$(reboot)@50600000",
    "back\\slash\\",
    "`id`@50700000",
    "\N{SNOWMAN}@50800000",
    "??trigraph??)@50900000",
    "=1+1@50a00000",
    "fdt;reset@50b00000",
    "r\x1b[31med@50c00000",
    "'single'@50d00000",
    "{{brace}}@50e00000",
    "*",
    "1-digit",
    "memory",
    "%s%n",
)


def hostile_regions() -> tuple[DraftNode, ...]:
    """Return regions whose names would be code in one language or other, if they were let."""
    return tuple(
        region(
            name, reg=[(0x5020_0000 + number * MIB, MIB)], compatible=f"*/{name}/*//??/".replace("\n", "\t")
        )
        for number, name in enumerate(HOSTILE_NAMES)
    )
