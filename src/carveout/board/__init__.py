# SPDX-License-Identifier: Apache-2.0
"""Tree → Board: what a tree says about memory, as facts."""

from __future__ import annotations

from carveout.board.model import (
    Board,
    Cells,
    Chosen,
    Consumer,
    DmaRanges,
    LegacyRegion,
    MemoryNode,
    RegionNode,
    ReservedMemoryNode,
)
from carveout.board.read import read_board

__all__ = [
    "Board",
    "Cells",
    "Chosen",
    "Consumer",
    "DmaRanges",
    "LegacyRegion",
    "MemoryNode",
    "RegionNode",
    "ReservedMemoryNode",
    "read_board",
]
