# SPDX-License-Identifier: Apache-2.0
"""Regions with `size` and no `reg`: the kernel picks the place.

Source: __reserved_mem_alloc_size(), __reserved_mem_alloc_in_range(), drivers/of/of_reserved_mem.c
(kernel-semantics 3.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import number
from carveout.boot.cma import min_alignment
from carveout.boot.fdt_scan import entry_at, entry_bytes
from carveout.boot.region_init import validate
from carveout.boot.region_nodes import compatible_names
from carveout.boot.result import Outcome, RegionKind, StepKind
from carveout.boot.state import EINVAL, ENOMEM
from carveout.span import Span

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot, RegionState

_SOURCE = "kernel-semantics 3.4"
_POOL = b"shared-dma-pool"


def allocate_dynamic(state: EarlyBoot, region: RegionState) -> int:
    """Find a place for a region and take it; returns 0 and fills base and size, or -errno."""
    node = region.node
    if node.size is None:
        region.reasons.append("reg has size 0 and there is no size property")
        return -EINVAL
    region.kind = RegionKind.DYNAMIC
    size = _sized_property(state, region, "size", 4 * state.root_size_cells)
    if size is None:
        return -EINVAL
    align = 0
    if node.alignment is not None:
        found = _sized_property(state, region, "alignment", 4 * state.root_address_cells)
        if found is None:
            return -EINVAL
        align = found
    region.requested_base, region.requested_size = None, size
    if size == 0:
        region.doubts.append("a region of size 0 without reg was never booted")
    error, align = _pool_alignment(state, region, size, align)
    if error:
        return error
    region.align = align or state.profile.smp_cache_bytes
    windows = _windows(state, region)
    if windows is None:
        return -EINVAL
    if state.ram_is_unknown:
        region.outcome = Outcome.UNKNOWN
        return -ENOMEM
    base = _try_windows(state, region, size, region.align, windows)
    if base == 0:
        _report_failure(state, region, size, region.align, windows)
        return -ENOMEM
    region.base, region.size, region.outcome = base, size, Outcome.PLACED
    return 0


def _sized_property(state: EarlyBoot, region: RegionState, what: str, expected: int) -> int | None:
    # `size` and `alignment` must have exactly the length of the root's cells.
    prop = region.node.size if what == "size" else region.node.alignment
    if prop is None or prop.length != expected:
        region.outcome = Outcome.ALLOC_FAILED
        have = prop.length if prop is not None else 0
        region.reasons.append(f"{what} has {have} bytes, the kernel expects exactly {expected}")
        state.step(StepKind.SKIP, region.node.path, region.reasons[-1], source=_SOURCE)
        state.say(f"invalid-{what}", name=region.node.name)
        return None
    return number(prop.value) & state.mask


def _pool_alignment(state: EarlyBoot, region: RegionState, size: int, align: int) -> tuple[int, int]:
    # Contiguous pools are aligned to what the page allocator needs. Returns (-errno or 0, alignment).
    config, node = state.config, region.node
    if state.behaviour.dynamic_cma_align == "DMA_CMA":
        # The CMA handler's validate step does it, and may veto the region.
        verdict = validate(state, region, 0, size)
        if verdict.error == 0 and verdict.driver is not None and verdict.driver.aligns:
            align = max(align, min_alignment(state.profile, state.pageblock_order))
        return (verdict.error if verdict.is_veto else 0), align
    is_pool = _POOL in compatible_names(state.behaviour, node.compatible)
    if config.cma and is_pool and node.reusable and not node.no_map:
        align = max(align, min_alignment(state.profile, state.pageblock_order))
    return 0, align


def _windows(state: EarlyBoot, region: RegionState) -> list[Span] | None:
    # The windows to try, in order; end 0 stands for "anywhere". None: the node is skipped.
    prop = region.node.alloc_ranges
    step = entry_bytes(state)
    if prop is None:
        return [Span(0, 0)]
    if step == 0 or prop.length % step:
        if state.behaviour.alloc_ranges_malformed == "absent":
            region.reasons.append("alloc-ranges is malformed, which counts as absent: it may land anywhere")
            return [Span(0, 0)]
        region.outcome = Outcome.ALLOC_FAILED
        region.reasons.append(
            f"the length of alloc-ranges, {prop.length} bytes, is not a multiple of an entry"
        )
        state.step(StepKind.SKIP, region.node.path, region.reasons[-1], source=_SOURCE)
        state.say("invalid-alloc-ranges", name=region.node.name)
        return None
    windows = []
    for index in range(prop.length // step):
        base, size = entry_at(state, prop.value_offset + index * step)
        start = base & state.mask
        windows.append(Span(start, (start + size) & state.mask))
    region.windows = tuple(Span(w.start, w.end or state.mask) for w in windows)
    return windows


def _try_windows(state: EarlyBoot, region: RegionState, size: int, align: int, windows: list[Span]) -> int:
    has_ranges = bool(region.windows)
    for window in windows:
        end = window.end or state.mask
        bottom_up = False
        if has_ranges and state.behaviour.alloc_direction == "neighbour":
            bottom_up = _beside_neighbour(state, window.start, end)
        base = _allocate(state, region, size, align, Span(window.start, end), bottom_up=bottom_up)
        if base:
            return base
    return 0


def _beside_neighbour(state: EarlyBoot, start: int, end: int) -> bool:
    # Both ends inclusive, as coded: a window that begins exactly at a region's end touches it.
    bottom_up = top_down = False
    for entry in state.table:
        if entry.size:
            last = (entry.base + entry.size) & state.mask
            bottom_up |= entry.base <= start <= last
            top_down |= entry.base <= end <= last
    return bottom_up if bottom_up != top_down else state.mb.bottom_up


def _allocate(
    state: EarlyBoot, region: RegionState, size: int, align: int, window: Span, *, bottom_up: bool
) -> int:
    mb, path, no_map = state.mb, region.node.path, region.node.no_map
    before = mb.bottom_up
    mb.bottom_up = bottom_up
    try:
        removed = removes = no_map and state.behaviour.dynamic_nomap == "remove"
        if removes:
            base = mb.find(size, align, window.start, window.end)
            removed = mb.remove(base, size) == 0 if base else False
            if base and not removed:
                # The kernel keeps the place it found, although nothing was taken there.
                region.reasons.append("the array of memory regions is full: it is not taken from RAM")
                region.doubts.append("a dynamic no-map region that memblock cannot remove was never booted")
        else:
            base = mb.alloc_range(size, align, window.start, window.end)
            if base and no_map and mb.mark_nomap(base, size):
                mb.phys_free(base, size)
                base = 0
    finally:
        mb.bottom_up = before
    where = "lowest" if bottom_up else "highest"
    if not base:
        return 0
    if not removes:
        state.ledger.take(base, size, path)
    reason = f"{where} free place in [{state.pa(window.start)}, {state.pa(window.end)})"
    if bottom_up:
        reason += ": its window begins at a dynamic region placed before"
    state.step(StepKind.ALLOC, path, reason, base=base, size=size, source=_SOURCE)
    if removed:
        state.step(StepKind.NOMAP, path, "no-map: removed from memory", base=base, size=size, source=_SOURCE)
    elif no_map and not removes:
        state.step(StepKind.NOMAP, path, "no-map: reserved and marked", base=base, size=size, source=_SOURCE)
    return base


def _report_failure(
    state: EarlyBoot, region: RegionState, size: int, align: int, windows: list[Span]
) -> None:
    region.outcome = Outcome.ALLOC_FAILED
    holes = [
        hole
        for window in windows
        if (hole := state.hole_in(align=align, start=window.start, end=window.end or state.mask)) is not None
    ]
    region.hole = max(holes, key=lambda hole: hole.usable, default=None)
    if not windows:
        region.reasons.append("alloc-ranges is empty: no place is tried")
    elif region.hole is None:
        region.reasons.append("there is no free memory in its alloc-ranges" if region.windows
                              else "there is no free memory")  # fmt: skip
    else:
        region.reasons.append(
            f"no free range holds 0x{size:x} bytes aligned to 0x{align:x}; the largest has "
            f"0x{region.hole.usable:x} bytes, at 0x{region.hole.span.start:x}"
        )
    state.step(StepKind.FAIL, region.node.path, region.reasons[-1], size=size, source=_SOURCE)
    if state.behaviour.alloc_failure_message == "with-size":
        state.say("alloc-failed-size", name=region.node.name, mib=state.mib(size))
    else:
        state.say("alloc-failed", name=region.node.name)
