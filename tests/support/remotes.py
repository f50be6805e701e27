# SPDX-License-Identifier: Apache-2.0
"""Boards with one remote processor, as the trees of each vendor describe theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.amp.elf import read_firmware
from carveout.amp.run import fit
from carveout.boot.run import boot
from support.boards import cells, node, region, text, usual_board, usual_scene

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carveout.amp.model import Fit
    from carveout.board import Board
    from carveout.fdt.draft import DraftNode

MIB, KIB = 1 << 20, 1 << 10
SHARED = "shared-dma-pool"


def kept(name: str, base: int, size: int, *flags: str, pool: bool = False) -> DraftNode:
    """Return a static region; no-map unless flags say otherwise."""
    return region(
        f"{name}@{base:x}", *(flags or ("no-map",)), reg=[(base, size)], compatible=SHARED if pool else None
    )


def board_with(
    regions: Sequence[DraftNode],
    compatible: str,
    *,
    bus: Mapping[str, bytes] | None = None,
    properties: Mapping[str, bytes] | None = None,
) -> Board:
    """Return the usual board with these regions and, on a bus of one cell each, /bus/rproc@1000 that names them all.

    bus, properties: of the bus and of the processor, beside what both need.
    """
    numbered = [
        node(r.name, {**r.properties, "phandle": cells(number)}, *r.children)
        for number, r in enumerate(regions, 1)
    ]
    rproc = node(
        "rproc@1000",
        {
            "compatible": text(compatible),
            "memory-region": cells(*range(1, len(regions) + 1)),
            **(properties or {}),
        },
    )
    on = node(
        "bus", {"#address-cells": cells(1), "#size-cells": cells(1), "ranges": b"", **(bus or {})}, rproc
    )
    return usual_board(*numbered, others=[on])


def fit_on(board: Board, data: bytes, *, name: str = "fw.elf", entry: int = 0, kernel: str = "6.12") -> Fit:
    """Set a firmware against /bus/rproc@1000."""
    firmware = read_firmware(data, name=name)
    return fit(board, boot(board, usual_scene(kernel)), firmware, path="/bus/rproc@1000", entry=entry)


def codes(found: Fit, *, notes: bool = False) -> list[str]:
    """Return the codes of what was found, without notes unless they are wanted."""
    return [problem.code for problem in found.problems if notes or problem.gravity != "note"]
