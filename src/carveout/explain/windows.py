# SPDX-License-Identifier: Apache-2.0
"""Why a search had its window and its direction: the property, option or decision behind each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import RegionKind, StepKind
from carveout.explain.model import Reason
from carveout.span import GIB
from carveout.units import format_range, format_size

if TYPE_CHECKING:
    from carveout.board import Board
    from carveout.boot import Boot
    from carveout.boot.result import PlacedRegion
    from carveout.boot.watch import Search

_FOUR_GIB = 4 * GIB
NO_WINDOW = "no alloc-ranges"
TOP_DOWN = Reason("from the highest free range down: memblock's own direction")


def region_window(region: PlacedRegion, index: int) -> Reason:
    """Say where a dynamic region's search looked. index: the number of the search."""
    windows = region.alloc_ranges
    if not windows:
        return Reason("anywhere in RAM: neither a DMA limit nor the end of low memory counts", NO_WINDOW)
    which = f"entry {index + 1} of {len(windows)} of alloc-ranges" if len(windows) > 1 else "alloc-ranges"
    window = windows[min(index, len(windows) - 1)]
    return Reason(
        f"{format_range(window)}, {format_size(window.size)}" if window.size else "an empty range", which
    )


def region_direction(boot: Boot, search: Search, path: str) -> Reason:
    """Say why a dynamic region's search went up or down."""
    if not search.bottom_up:
        return TOP_DOWN
    touching = [
        name for name in placed_before(boot, path)
        if (other := next((r for r in boot.regions if r.path == name), None)) is not None
        and other.base is not None and other.size is not None
        and other.base <= search.start <= other.base + other.size
    ]  # fmt: skip
    whose = ", ".join(touching) or "a region"
    return Reason(
        f"from the lowest free range up: the window begins at or in {whose}, which was placed before",
        "alloc_direction=neighbour",
    )


def placed_before(boot: Boot, path: str) -> list[str]:
    """Return the dynamic regions that were placed before a region, in order."""
    dynamic = {region.path for region in boot.regions if region.kind is RegionKind.DYNAMIC}
    found: list[str] = []
    for step in boot.trace:
        if step.subject == path and step.kind in (StepKind.ALLOC, StepKind.FAIL):
            break
        if step.kind is StepKind.ALLOC and step.subject in dynamic:
            found.append(step.subject)
    return found


# ---- the default area -----------------------------------------------------------------------------------------
def area_window(board: Board, boot: Boot, search: Search) -> Reason:
    """Say where the search for a contiguous area looked, and what limits it."""
    if search.bottom_up and search.start == _FOUR_GIB:
        return Reason("above 4 GiB first, so that memory below stays for devices that need it",
                      f"cma_high={boot.profile.behaviour.cma_high}")  # fmt: skip
    if boot.lowmem_end is not None and search.start >= boot.lowmem_end:
        return Reason(
            f"high memory first, from 0x{search.start:x} on", f"cma_high={boot.profile.behaviour.cma_high}"
        )
    text, because = _limit(board, boot, search.end)
    start = f"from 0x{search.start:x} on, " if search.start > boot.scene.page_size else ""
    return Reason(f"{start}below 0x{search.end:x}: {text}", because)


def _limit(board: Board, boot: Boot, end: int) -> tuple[str, str]:
    cma = [word for word in boot.scene.cmdline.split() if word.startswith("cma=")]
    if cma and "-" in cma[-1]:
        return "the limit on the command line, or that of DMA", cma[-1]
    top = max((bank.base + bank.size for bank in boot.memory), default=0)
    if end == boot.lowmem_end:
        return "the end of the memory that the kernel maps permanently", "vmalloc="
    for ranges in board.dma_ranges:
        highest = max((base + size for base, size in ranges.entries), default=0)
        if ranges.enabled and _reaches(boot, highest) == end:
            return "devices below this bus reach no further", f"dma-ranges of {ranges.path}"
    if end >= top:
        return "the end of RAM", ""
    if end == _FOUR_GIB:
        return "what devices with 32-bit DMA reach", "CONFIG_ZONE_DMA, CONFIG_ZONE_DMA32"
    return "what devices reach", ""


def _reaches(boot: Boot, highest: int) -> int:
    # Older arm64 kernels count in whole powers of two.
    if boot.profile.behaviour.arm64_dma_limit == "power-of-two":
        return 1 << max(highest - 1, 0).bit_length()
    return highest


def area_direction(search: Search) -> Reason:
    """Say why the search for a contiguous area went up or down."""
    if search.bottom_up:
        return Reason("from the lowest free range up, away from the end of RAM", "cma_high")
    return TOP_DOWN
