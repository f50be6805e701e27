# SPDX-License-Identifier: Apache-2.0
"""Contiguous memory areas: the alignment they need, how one is made, and the default area.

Source: mm/cma.c, kernel/dma/contiguous.c (kernel-semantics 4).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from carveout.boot.result import StepKind
from carveout.boot.state import EBUSY, EINVAL, ENOMEM, ENOSPC, Area
from carveout.span import GIB, MIB, Span, is_aligned, round_down, round_up

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot, RegionState
    from carveout.kernel import Profile

_FOUR_GIB = 4 * GIB
_SOURCE = "kernel-semantics 4.3"


@lru_cache(maxsize=64)
def min_alignment(profile: Profile, block_order: int | None = None) -> int:
    """Return CMA_MIN_ALIGNMENT_BYTES, what base and size of an area must be multiples of.

    block_order: log2 of the pages in a block, where the kernel only knows it at run time.

    Source: kernel-semantics 4.1.
    """
    config = profile.config
    max_order = profile.highest_order
    pageblock_order = _pageblock_order(profile, max_order) if block_order is None else block_order
    if profile.behaviour.cma_min_alignment == "max-order":
        return config.page_size << max(max_order, pageblock_order)
    return config.page_size << pageblock_order


def _pageblock_order(profile: Profile, max_order: int) -> int:
    config = profile.config
    ceiling = max_order if config.page_block_max_order is None else config.page_block_max_order
    counts_orders = profile.behaviour.max_order_counts == "orders"
    huge = config.hugetlb_page or (config.transparent_hugepage and not counts_orders)
    if not huge:
        return ceiling
    if profile.behaviour.cma_min_alignment == "max-order":
        return config.hugetlb_page_order
    return min(config.hugetlb_page_order, ceiling)


def area_slots(profile: Profile) -> int:
    """Return MAX_CMA_AREAS."""
    return profile.config.cma_areas + (1 if profile.behaviour.cma_slots == "areas+1" else 0)


def init_reserved_area(
    state: EarlyBoot, base: int, size: int, name: str, region: RegionState | None
) -> tuple[int, Area | None]:
    """Make an area of memory that is reserved already; (0, area) or (-errno, None).

    Source: cma_init_reserved_mem(), mm/cma.c (kernel-semantics 3.7).
    """
    full = len(state.areas) >= area_slots(state.profile)
    reserved = size != 0 and state.mb.is_region_reserved(base, size)
    if state.behaviour.cma_messages == "requested":
        if not reserved:
            return -EINVAL, None
        if state.pageblock_order == 0:
            state.say("cma-no-pageblock")
            return -EINVAL, None
        if full:
            state.say("cma-slots")
            return -ENOSPC, None
    else:
        if full:
            state.say("cma-slots")
            return -ENOSPC, None
        if not reserved:
            return -EINVAL, None
    area = Area(name=name, base=base, size=size, region=region)
    state.areas.append(area)
    return 0, area


def reserve_default(state: EarlyBoot, limit: int) -> None:
    """Make the default area of the configuration or of `cma=`, unless the tree has given one.

    limit: what the architecture says about DMA, in bytes. Source: dma_contiguous_reserve() (4.2).
    """
    if not state.config.dma_cma:
        return
    argument = state.arguments.cma
    base, fixed = 0, False
    if argument is not None:
        size, base = argument.size & state.mask, argument.base & state.mask
        user_limit = argument.limit & state.mask
        fixed = (base + size) & state.mask == user_limit
        if state.behaviour.cma_user_limit == "wins":
            limit = user_limit or limit
        else:
            limit = min(filter(None, (user_limit, limit)), default=0)
        why = "cma= on the command line"
    else:
        size, why = _configured_size(state)
    if size == 0:
        state.step(
            StepKind.SKIP, "default cma", f"{why}: size 0, no default area", source="kernel-semantics 4.2"
        )
        return
    if state.default_area is not None:
        state.step(StepKind.SKIP, "default cma", f"the tree gives it: {state.default_area.name}",
                   source="kernel-semantics 4.2")  # fmt: skip
        return
    _, area = declare_contiguous(
        state, base=base, size=size, limit=limit, fixed=fixed, name="reserved", who="default cma", why=why
    )
    state.default_failed = area is None
    if area is not None:
        state.default_area = area


def _configured_size(state: EarlyBoot) -> tuple[int, str]:
    config = state.config
    page = config.page_size
    mbytes = config.cma_size_mbytes * MIB
    share = (state.mb.phys_mem_size() // page * config.cma_size_percentage // 100) * page
    choice = {
        "mbytes": (mbytes, "CONFIG_CMA_SIZE_MBYTES"),
        "percentage": (share, "CONFIG_CMA_SIZE_PERCENTAGE"),
        "min": (min(mbytes, share), "CONFIG_CMA_SIZE_SEL_MIN"),
        "max": (max(mbytes, share), "CONFIG_CMA_SIZE_SEL_MAX"),
    }
    return choice[config.cma_size_sel]


def declare_contiguous(
    state: EarlyBoot,
    *,
    base: int,
    size: int,
    limit: int,
    fixed: bool,
    name: str,
    who: str,
    why: str,
    nid: int | None = None,
    align: int = 0,
    several: bool = False,
) -> tuple[int, Area | None]:
    """Reserve memory and make an area of it; (0, area) or (-errno, None). Prints success or failure.

    align: bytes, a power of two; areas always have at least CMA_MIN_ALIGNMENT_BYTES.
    several: by the function that makes an area of several ranges when one is not to be had, which is not simulated.
    Source: cma_declare_contiguous_nid(), mm/cma.c (kernel-semantics 4.3, 4.4).
    """
    requested = size
    style = state.behaviour.cma_messages
    node = -1 if nid is None else nid
    align = max(align, min_alignment(state.profile, state.pageblock_order))
    error, rounded, area = _declare(state, base, size, limit, fixed=fixed, align=align, name=name, who=who,
                                    why=why, nid=nid)  # fmt: skip
    shown = requested if style == "requested" else rounded
    if area is not None:
        key = "cma-reserved-node" if style == "node" else "cma-reserved"
        key = "cma-reserved-ranges" if several else key
        state.say(key, mib=state.mib(shown), base=state.pa(area.base), nid=node, count=1)
        return 0, area
    if several and sum(free.size for free in state.mb.free_ranges(nid=nid)) >= rounded:
        state.doubts.append(f"{who} may be made of several ranges, which was never booted")
    silent = style != "requested" and error == -ENOSPC
    if not silent:
        key = "cma-failed-node" if style == "node" else "cma-failed"
        state.say(key, mib=state.mib(shown), nid=node)
    return error, None


def _declare(
    state: EarlyBoot,
    base: int,
    size: int,
    limit: int,
    *,
    fixed: bool,
    align: int,
    name: str,
    who: str,
    why: str,
    nid: int | None,
) -> tuple[int, int, Area | None]:
    # Returns (-errno or 0, size after rounding, area).
    mask = state.mask
    if len(state.areas) >= area_slots(state.profile):
        state.step(StepKind.FAIL, who, "no slot for another contiguous area", size=size, source=_SOURCE)
        state.say("cma-slots")
        return -ENOSPC, size, None
    if fixed and not is_aligned(base, align):
        state.step(StepKind.FAIL, who, f"its base must be a multiple of 0x{align:x}", base=base, size=size,
                   source=_SOURCE)  # fmt: skip
        state.say("cma-misaligned", base=state.pa(base), align=state.pa(align))
        return -EINVAL, size, None
    base, size, limit = round_up(base, align) & mask, round_up(size, align) & mask, round_down(limit, align)
    fixed = fixed and base != 0
    top = state.mb.end_of_dram()
    boundary = high_memory(state)
    checks = state.behaviour.cma_boundary_check == "always" or state.config.highmem
    if fixed and checks and base < boundary < (base + size) & mask:
        state.step(
            StepKind.FAIL, who, "it lies across the border of low and high memory", base=base, size=size
        )
        state.say("cma-boundary", base=state.pa(base), boundary=state.pa(boundary))
        return -EINVAL, size, None
    if limit == 0 or limit > top:
        limit = top
    if (base + size) & mask > limit:
        state.step(StepKind.FAIL, who, "size and base exceed the limit", base=base, size=size, source=_SOURCE)
        state.say("cma-exceeds", size=state.pa(size), base=state.pa(base), limit=state.pa(limit))
        return -EINVAL, size, None
    error, base = _reserve_area(state, base, size, limit, fixed=fixed, align=align, who=who, why=why, nid=nid)
    if error:
        return error, size, None
    error, area = init_reserved_area(state, base, size, name, None)
    if area is None:
        state.free(base, size, who, "the area could not be made", _SOURCE)
    return error, size, area


def high_memory(state: EarlyBoot) -> int:
    """Return the border of low and high memory; the end of RAM where there is no high memory."""
    return state.mb.end_of_dram() if state.high_memory is None else state.high_memory


def _reserve_area(
    state: EarlyBoot,
    base: int,
    size: int,
    limit: int,
    *,
    fixed: bool,
    align: int,
    who: str,
    why: str,
    nid: int | None,
) -> tuple[int, int]:
    if fixed:
        if state.mb.is_region_reserved(base, size):
            owners = ", ".join(state.owners(base, size))
            state.step(StepKind.FAIL, who, f"the fixed place is taken by {owners}", base=base, size=size,
                       source=_SOURCE)  # fmt: skip
            return -EBUSY, base
        if state.reserve(base, size, who, f"{why}: fixed place", _SOURCE):
            return -EBUSY, base
        return 0, base
    for window, bottom_up, reason in _attempts(state, base, size, limit):
        state.mb.bottom_up, before = bottom_up, state.mb.bottom_up
        try:
            found = state.mb.alloc_range(
                size, align, window.start, window.end, nid=nid, exact_nid=nid is not None
            )
        finally:
            state.mb.bottom_up = before
        if found:
            state.ledger.take(found, size, who)
            place = "lowest" if bottom_up else "highest"
            state.step(StepKind.CMA, who, f"{why}: {place} free place {reason}, aligned to 0x{align:x}",
                       base=found, size=size, source=_SOURCE)  # fmt: skip
            return 0, found
    hole = state.hole_in(align=align, start=base, end=limit)
    room = (
        f"the largest free range has 0x{hole.usable:x} bytes at 0x{hole.span.start:x}"
        if hole
        else "none is free"
    )
    state.step(StepKind.FAIL, who, f"no room below 0x{limit:x} for 0x{size:x} bytes aligned to 0x{align:x}; {room}",
               size=size, source=_SOURCE)  # fmt: skip
    return -ENOMEM, 0


def _attempts(state: EarlyBoot, base: int, size: int, limit: int) -> list[tuple[Span, bool, str]]:
    # The windows cma_declare_contiguous_nid() tries in turn: (window, bottom-up, reason).
    boundary = high_memory(state)
    how = state.behaviour.cma_high
    wide = state.profile.config.phys_bits == 64
    above: list[tuple[Span, bool, str]] = []
    high: list[tuple[Span, bool, str]] = []
    enough = limit if how == "above-4g-by-limit" else state.mb.end_of_dram()
    if wide and how != "highmem-only" and enough >= _FOUR_GIB + size:
        above = [(Span(_FOUR_GIB, limit), True, "above 4 GiB")]
    with_high = state.config.highmem if how == "above-4g-by-limit" else True
    if with_high and base < boundary < limit:
        high = [(Span(boundary, limit), False, "in high memory")]
        limit = boundary
    low = [(Span(base, limit), False, f"in [{state.pa(base)}, {state.pa(limit)})")]
    return [*above, *high, *low]
