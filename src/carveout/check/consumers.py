# SPDX-License-Identifier: Apache-2.0
"""What several rules about devices and their `memory-region` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carveout.board import Consumer, DmaRanges
    from carveout.check.context import BoardContext, Region

_UNRESOLVED = 0xFFFFFFFF
_SMALLEST_PHANDLES = 4


def region_of(context: BoardContext, entry: Consumer) -> Region | None:
    """Return the child of /reserved-memory that an entry leads to, enabled or not, or None."""
    region = context.by_path.get(entry.region) if entry.region is not None else None
    return region if region is not None and region.depth == 1 else None


def has_specifiers(context: BoardContext, entries: Sequence[Consumer]) -> bool:
    """Say whether a list reads as pairs of a phandle and a number: every second cell is no region.

    A single wrong cell could as well be a wrong phandle. It counts as a number when the region before it announces
    cells, when there is a name for each pair, or when it is smaller than phandles usually are and no node has it.
    """
    first, second = entries[::2], entries[1::2]
    regions = [region_of(context, entry) for entry in first]
    if len(first) != len(second) or any(region is None for region in regions):
        return False
    if all(region is not None and "#memory-region-cells" in region.node for region in regions):
        return True
    if any(region_of(context, entry) is not None for entry in second):
        return False
    named = entries[0].name is not None and sum(entry.name is not None for entry in entries) == len(first)
    small = all(entry.phandle <= _SMALLEST_PHANDLES and entry.region is None for entry in second)
    return named or small


def is_unresolved(context: BoardContext, entry: Consumer) -> bool:
    """Say whether an entry waits for an overlay to be applied."""
    return entry.phandle == _UNRESOLVED and context.tree.node("/__fixups__") is not None


def is_coherent_pool(region: Region) -> bool:
    """Say whether a region asks to be a per-device coherent pool."""
    return region.has("shared-dma-pool") and not region.raw.reusable


def bus_above(buses: Mapping[str, DmaRanges], path: str) -> DmaRanges | None:
    """Return the nearest bus above a device that limits what it can reach, or None. buses: by path."""
    while path:
        path = path.rpartition("/")[0]
        found = buses.get(path or "/")
        if found is not None:
            return found
    return None
