# SPDX-License-Identifier: Apache-2.0
"""32-bit arm: mapping lowmem, remapping contiguous areas, and struct pages.

The pages for tables and vectors were measured on one machine; they lie at the top of lowmem, where only struct
pages, the unflattened tree and a crash kernel follow.
Source: paging_init(), map_lowmem(), dma_contiguous_remap(), arch/arm/mm (kernel-semantics 1.3, 5.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.arm_lowmem import PMD_SIZE, mapped_ranges
from carveout.boot.result import StepKind
from carveout.boot.state import KernelPanic
from carveout.span import MIB, Span, is_aligned, round_down, round_up

if TYPE_CHECKING:
    from carveout.boot.arm_lowmem import Lowmem
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 5.6"
_SECTION = 1 * MIB


def paging_init(state: EarlyBoot, lowmem: Lowmem) -> None:
    """Map lowmem and what is remapped in it; from then on all lowmem can be allocated, and memblock can grow.

    Raises: KernelPanic without a text where the kernel hangs.
    """
    _take_tables(state, _split_entries(state, lowmem), "lowmem that does not end with a section")
    state.mb.current_limit = lowmem.limit
    for span in _fixups(state, lowmem):
        _check_remap(state, span)
        _take_tables(state, _entries_touched(span), "a contiguous area is mapped page by page")
    _take_vectors(state)
    state.mb.can_resize = True


def _take_vectors(state: EarlyBoot) -> None:
    # Vectors, and tables of fixed mappings. Their alignment leaves a page free among them.
    page = state.config.page_size
    above, below = state.profile.arm.paging_pages
    reason = "vectors and tables of fixed mappings"
    for _ in range(above):
        _early_alloc(state, reason)
    hole = state.mb.alloc(page, page)
    for _ in range(below):
        _early_alloc(state, reason)
    if hole:
        state.mb.phys_free(hole, page)


def _early_alloc(state: EarlyBoot, reason: str) -> None:
    # One page, or the kernel panics: without room, or with a full list of reserved regions.
    page = state.config.page_size
    if not state.allocate(page, page, "page tables", reason, source=_SOURCE):
        state.doubts.append("a boot without a page for its first tables was never recorded")
        state.step(StepKind.PANIC, "page tables", "no page could be allocated", size=page, source=_SOURCE)
        raise KernelPanic(f"early_alloc: Failed to allocate {page} bytes align=0x{page:x}")


def allocate_mem_map(state: EarlyBoot) -> Span:
    """Allocate the struct pages of all RAM, from its first to its last page; returns where they are.

    Raises: KernelPanic when there is no room.
    """
    layout, page = state.profile.arm, state.config.page_size
    ram = described_ram(state)
    size = ram.size // page * layout.struct_page
    base = state.allocate(size, state.profile.smp_cache_bytes, "struct pages", "mem_map", source=_SOURCE)
    if not base:
        state.doubts.append("too little lowmem is left for struct pages, which was never booted")
        state.step(StepKind.PANIC, "struct pages", "no room for mem_map in lowmem", size=size, source=_SOURCE)
        raise KernelPanic(f"Failed to allocate {size} bytes for node 0 memory map")
    return Span.sized(base, size)


def described_ram(state: EarlyBoot) -> Span:
    """Return the addresses that have a struct page: from the first to the last RAM, holes too."""
    align = state.profile.arm.mem_map_align
    return Span(round_down(state.mb.start_of_dram(), align), round_up(state.mb.end_of_dram(), align))


def _take_tables(state: EarlyBoot, entries: set[int], reason: str) -> None:
    for entry in sorted(entries):
        _early_alloc(state, f"0x{entry * PMD_SIZE:x}: {reason}")


def _split_entries(state: EarlyBoot, lowmem: Lowmem) -> set[int]:
    # The first-level entries that cannot be mapped by sections.
    page = state.config.page_size
    found = set()
    for bank in mapped_ranges(state):
        start, end = round_up(bank.start, page), min(round_down(bank.end, page), lowmem.limit)
        if start < end and not is_aligned(start, _SECTION):
            found.add(start // PMD_SIZE)
        if start < end and not is_aligned(end, _SECTION):
            found.add(end // PMD_SIZE)
    return found


def _fixups(state: EarlyBoot, lowmem: Lowmem) -> list[Span]:
    # What is remapped: static pools noted while reserving, and areas made by now; only what is in lowmem.
    noted = state.early_fixups + [Span.sized(area.base, area.size) for area in state.areas]
    spans = dict.fromkeys(Span(span.start, min(span.end, lowmem.limit)) for span in noted)
    return [span for span in spans if span.start < span.end]


def _entries_touched(span: Span) -> set[int]:
    return set(range(span.start // PMD_SIZE, (span.end - 1) // PMD_SIZE + 1))


def _check_remap(state: EarlyBoot, span: Span) -> None:
    # The kernel clears one first-level entry per 2 MiB, counted from the base: an area that needs one more
    # entry than that finds its last one still a section, and the kernel stops.
    offset = span.start % PMD_SIZE
    if offset == 0 and is_aligned(span.end, PMD_SIZE):
        return
    last = Span.sized(round_down(span.end - 1, PMD_SIZE), PMD_SIZE)
    needs_one_more = offset + (span.size - 1) % PMD_SIZE + 1 > PMD_SIZE
    if needs_one_more and not any(bank.overlaps(last) for bank in mapped_ranges(state)):
        state.doubts.append("a contiguous pool that is not 2 MiB aligned and not in RAM was never booted")
    elif needs_one_more:
        state.step(StepKind.PANIC, "page tables", "the remapping of a contiguous pool that is not 2 MiB aligned "
                   "meets a mapped section", base=span.start, size=span.size, source=_SOURCE)  # fmt: skip
        raise KernelPanic(None)
    state.step(StepKind.CHECK, "page tables", "a contiguous pool is not 2 MiB aligned: the rest of its first and "
               "last 2 MiB loses its mapping", base=span.start, size=span.size, source=_SOURCE)  # fmt: skip
