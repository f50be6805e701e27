# SPDX-License-Identifier: Apache-2.0
"""memblock, the kernel's early allocator: two lists of regions, and the search for room between them.

`memory` says what is RAM, `reserved` says what of it is taken. Both are sorted; neighbours that touch are one
region if their flags and node are equal. Addresses and sizes are in bytes and, as in the kernel, computed
modulo 2 to the width of a physical address: arguments that do not fit are cut off.

Source: kernel-semantics 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.memblock_regions import Flag, MemblockRegion, RegionList
from carveout.boot.memblock_rules import ENOMEM, MemblockPanic, MemblockRules
from carveout.boot.memblock_search import Request, Searcher, free_ascending, free_descending, roomiest, wanted
from carveout.span import Span, round_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot.memblock_search import Wanted

__all__ = ["ACCESSIBLE", "ENOMEM", "Flag", "Memblock", "MemblockPanic", "MemblockRegion", "MemblockRules"]

ACCESSIBLE = 0
"""As the end of a window: up to `current_limit`. The kernel's second such value is 1."""
_MAGIC_ENDS = (ACCESSIBLE, 1)


class Memblock:
    """The state of memblock, and the operations on it. Those that can fail return 0 or -ENOMEM.

    Raises MemblockPanic from every operation that changes a list, if `rules.growth_panics`.
    """

    def __init__(self, rules: MemblockRules) -> None:
        self.rules = rules
        # Both the largest address and the mask for addresses.
        self._max = (1 << rules.phys_bits) - 1
        self.current_limit = self._max
        """End of the memory that allocations without a limit of their own may use."""
        self.bottom_up = False
        self.can_resize = False
        """Whether a full list may move to a larger array. False until the kernel has mapped its memory."""
        self._memory = RegionList("memory", rules.memory_capacity)
        self._reserved = RegionList("reserved", rules.reserved_capacity)
        self._searcher = Searcher(self._memory, self._reserved, self._max)
        self._last_hole: tuple[tuple[int, int, Request], tuple[Span, int] | None] | None = None

    def copy(self) -> Memblock:
        """Return an independent memblock in the same state."""
        other = Memblock(self.rules)
        other.current_limit = self.current_limit
        other.bottom_up = self.bottom_up
        other.can_resize = self.can_resize
        other._memory = self._memory.copy()
        other._reserved = self._reserved.copy()
        other._searcher = Searcher(other._memory, other._reserved, self._max)
        return other

    @property
    def memory(self) -> tuple[MemblockRegion, ...]:
        """RAM, ascending."""
        return self._memory.view()

    @property
    def reserved(self) -> tuple[MemblockRegion, ...]:
        """What is taken, ascending; not all of it need be RAM."""
        return self._reserved.view()

    def snapshot(self) -> tuple[tuple[MemblockRegion, ...], tuple[MemblockRegion, ...]]:
        """Return `memory` and `reserved` as they are now."""
        return self.memory, self.reserved

    def start_of_dram(self) -> int:
        """Return the lowest address of RAM, no-map or not; 0 without RAM."""
        return self._memory.bases[0] if self._memory.bases else 0

    def end_of_dram(self) -> int:
        """Return the end of the last RAM region, no-map or not; 0 without RAM."""
        return self._memory.ends[-1] if self._memory.ends else 0

    def phys_mem_size(self) -> int:
        """Return the size of all RAM together, no-map or not."""
        return self._memory.total()

    def is_region_reserved(self, base: int, size: int) -> bool:
        """Say whether any byte of the range is reserved."""
        return self._reserved.overlaps(*self._range(base, size))

    def intersects_memory(self, base: int, size: int) -> bool:
        """Say whether any byte of the range is RAM."""
        return self._memory.overlaps(*self._range(base, size))

    def is_region_memory(self, base: int, size: int) -> bool:
        """Say whether one single RAM region, no-map or not, holds the whole range."""
        return self._memory.holds(*self._range(base, size))

    def free_ranges(
        self, *, nid: int | None = None, flags: int = Flag.NONE, reverse: bool = False
    ) -> Iterator[Span]:
        """Yield what an allocation could use, lowest first or in reverse; never across two RAM regions.

        memblock must not be changed while the iterator is in use.
        """
        which = self._wanted(nid, flags)
        walk = free_descending if reverse else free_ascending
        for low, high in walk(self._memory, self._reserved, which, 0, self._max):
            yield Span(low, high)

    def largest_free(
        self, *, align: int, start: int = 0, end: int = ACCESSIBLE, nid: int | None = None
    ) -> tuple[Span, int] | None:
        """Return the free range in the window with most room, and the bytes in it from an aligned base on.

        None if nothing in the window is free. The highest of several equal ones. Made for explanations.
        """
        request = self._request(align, start, end, nid, Flag.NONE)
        key = (self._memory.version, self._reserved.version, request)
        if self._last_hole is not None and self._last_hole[0] == key:
            return self._last_hole[1]
        hole = roomiest(self._memory, self._reserved, request)
        self._last_hole = (key, hole)
        return hole

    def add(self, base: int, size: int, *, nid: int | None = None, flags: int = Flag.NONE) -> int:
        """Add RAM. What is RAM already keeps its flags and node."""
        self._searcher.forget()
        return self._add_range(self._memory, base, size, flags, nid)

    def remove(self, base: int, size: int) -> int:
        """Make the range no RAM any more."""
        return self._remove_range(self._memory, base, size)

    def reserve(self, base: int, size: int, *, flags: int = Flag.NONE, nid: int | None = None) -> int:
        """Reserve the range; parts that are reserved already, or no RAM, do not matter."""
        return self._add_range(self._reserved, base, size, flags, nid)

    def phys_free(self, base: int, size: int) -> int:
        """Make the range not reserved, whoever reserved it."""
        self._searcher.forget()
        return self._remove_range(self._reserved, base, size)

    def mark_nomap(self, base: int, size: int) -> int:
        """Set NOMAP on the RAM in the range; 0 also if there is none."""
        return self._change_flags(base, size, set_bits=Flag.NOMAP)

    def clear_nomap(self, base: int, size: int) -> int:
        """Clear NOMAP on the RAM in the range."""
        self._searcher.forget()
        return self._change_flags(base, size, clear_bits=Flag.NOMAP)

    def mark_hotplug(self, base: int, size: int) -> int:
        """Set HOTPLUG on the RAM in the range; 0 also if there is none."""
        self._searcher.forget()
        return self._change_flags(base, size, set_bits=Flag.HOTPLUG)

    def clear_hotplug(self, base: int, size: int) -> int:
        """Clear HOTPLUG on the RAM in the range."""
        self._searcher.forget()
        return self._change_flags(base, size, clear_bits=Flag.HOTPLUG)

    def set_node(self, base: int, size: int, nid: int | None, *, reserved: bool = False) -> int:
        """Give the RAM in the range to a node; or, with `reserved`, what is reserved there."""
        self._searcher.forget()
        regions = self._reserved if reserved else self._memory
        between = self._isolate(regions, base, size)
        if between is None:
            return -ENOMEM
        if between[0] < between[1]:
            regions.set_nid(*between, nid)
        return 0

    def cap_memory_range(self, base: int, size: int) -> None:
        """Keep only the RAM in the range, and the no-map RAM everywhere; reserve nothing outside the range.

        Nothing happens if size is 0 or there is no RAM (about the latter newer kernels warn).
        """
        base, size = base & self._max, size & self._max
        if size == 0 or not self._memory:
            return
        between = self._isolate(self._memory, base, size)
        if between is None:
            return
        self._searcher.forget()
        first, last = between
        for index in (*range(len(self._memory) - 1, last - 1, -1), *range(first - 1, -1, -1)):
            if not self._memory.flags[index] & Flag.NOMAP:
                self._memory.delete(index, index + 1)
        self._remove_range(self._reserved, 0, base)
        self._remove_range(self._reserved, base + size, self._max)

    def enforce_memory_limit(self, limit: int) -> None:
        """Remove all RAM, no-map too, behind the first `limit` bytes of it, and the reservations there."""
        last = self._address_after(limit)
        if last is None:
            return
        self._searcher.forget()
        self._remove_range(self._memory, last, self._max)
        self._remove_range(self._reserved, last, self._max)

    def mem_limit_remove_map(self, limit: int) -> None:
        """Do as `enforce_memory_limit`, but keep no-map RAM."""
        last = self._address_after(limit)
        if last is not None:
            self.cap_memory_range(0, last)

    def find(
        self,
        size: int,
        align: int,
        start: int,
        end: int,
        *,
        nid: int | None = None,
        flags: int = Flag.NONE,
    ) -> int:
        """Return the base the kernel would choose in start <= a < end, or 0 if nothing fits.

        The highest base, unless `bottom_up`. An end of 0 or 1 stands for `current_limit`. align is a mask,
        and need not be a power of two. Page 0 is never found.

        Source: kernel-semantics 2.5.
        """
        return self._searcher.find(size & self._max, self._request(align, start, end, nid, flags))[0]

    def alloc_range(
        self,
        size: int,
        align: int,
        start: int,
        end: int,
        *,
        nid: int | None = None,
        exact_nid: bool = False,
    ) -> int:
        """Find room, reserve it and return its base; 0 if there is none.

        With a node, the room is looked for there first, and unless `exact_nid` then everywhere. align 0
        stands for a cache line.

        Source: kernel-semantics 2.5.
        """
        align = align or self.rules.smp_cache_bytes
        found = self.find(size, align, start, end, nid=nid)
        if found and self._reserve_allocated(found, size, nid) == 0:
            return found
        if nid is not None and not exact_nid:
            found = self.find(size, align, start, end)
            if found and self._reserve_allocated(found, size, None) == 0:
                return found
        return 0

    def alloc(
        self,
        size: int,
        align: int,
        *,
        start: int = 0,
        end: int = ACCESSIBLE,
        nid: int | None = None,
        exact_nid: bool = False,
    ) -> int:
        """Allocate as the interfaces that return a pointer do: never above `current_limit`.

        If that fails and start is not 0, it is tried once more from 0. Returns the base, or 0.
        """
        end = min(end & self._max, self.current_limit)
        base = self.alloc_range(size, align, start, end, nid=nid, exact_nid=exact_nid)
        if base == 0 and start:
            base = self.alloc_range(size, align, 0, end, nid=nid, exact_nid=exact_nid)
        return base

    def alloc_pages(self, count: int, page_size: int) -> list[Span]:
        """Allocate `count` pages one by one, and return them in that order, runs of them as one span.

        The same as `count` calls of alloc_range(page_size, page_size, 0, 0), but quick. A run goes down from
        its end, or with `bottom_up` up from its start. If memory runs out, the spans hold fewer pages.
        page_size must be a power of two.
        """
        spans: list[Span] = []
        while count > 0:
            request = self._request(page_size, 0, ACCESSIBLE, None, Flag.NONE)
            base, low = self._searcher.find(page_size, request)
            has_room = len(self._reserved) + 2 <= self._reserved.capacity
            if base == 0 or self._reserve_allocated(base, page_size, None) != 0:
                break
            taken = Span.sized(base, page_size)
            count -= 1
            # All pages below are next, down to the start of the free range: unless the list is so full that
            # one of them makes it grow, for its new array needs room as well.
            if has_room and not self.bottom_up:
                more = min(count, (base - round_up(low, page_size)) // page_size)
                taken = Span(base - more * page_size, taken.end)
                self._reserve_allocated(taken.start, more * page_size, None)
                count -= more
            _append_page(spans, taken, bottom_up=self.bottom_up)
        return spans

    def _range(self, base: int, size: int) -> tuple[int, int]:
        # No range may include the very last address, so that its end can be represented.
        most = self._max
        base &= most
        end = base + (size & most)
        return base, min(most, end)

    def _request(self, align: int, start: int, end: int, nid: int | None, flags: int) -> Request:
        start = max(start & self._max, self.rules.page_size)
        end &= self._max
        end = max(start, self.current_limit if end in _MAGIC_ENDS else end)
        return Request(self.bottom_up, align & self._max, start, end, self._wanted(nid, flags))

    def _wanted(self, nid: int | None, flags: int) -> Wanted:
        return wanted(flags=flags, nid=nid, skips_hotplug=self.rules.skips_hotplug)

    def _reserve_allocated(self, base: int, size: int, nid: int | None) -> int:
        if self.rules.marks_allocations:
            return self.reserve(base, size, flags=Flag.RSRV_KERN, nid=nid)
        return self.reserve(base, size)

    def _add_range(self, regions: RegionList, base: int, size: int, flags: int, nid: int | None) -> int:
        base, end = self._range(base, size)
        gaps = regions.gaps(base, end)
        while len(regions) and len(regions) + len(gaps) > regions.capacity and gaps:
            if not self._grow(regions, base, end):
                return -ENOMEM
            gaps = regions.gaps(base, end)
        for index, low, high in reversed(gaps):
            regions.insert(index, low, high, flags, nid)
        return 0

    def _isolate(self, regions: RegionList, base: int, size: int) -> tuple[int, int] | None:
        # The indices of the regions that make up the range, once split; None: the list is full.
        base, end = self._range(base, size)
        if base == end:
            return 0, 0
        # Room for two more is asked for even if nothing will be split.
        while len(regions) + 2 > regions.capacity:
            if not self._grow(regions, base, end):
                return None
        return regions.split_around(base, end)

    def _remove_range(self, regions: RegionList, base: int, size: int) -> int:
        between = self._isolate(regions, base, size)
        if between is None:
            return -ENOMEM
        regions.delete(*between)
        return 0

    def _change_flags(self, base: int, size: int, *, set_bits: int = 0, clear_bits: int = 0) -> int:
        between = self._isolate(self._memory, base, size)
        if between is None:
            return -ENOMEM
        if between[0] < between[1]:
            self._memory.change_flags(*between, set_bits=set_bits, clear_bits=clear_bits)
        return 0

    def _address_after(self, limit: int) -> int | None:
        # Where the first `limit` bytes of RAM end; None: there is not that much, or nothing is to be limited.
        limit &= self._max
        if limit == 0:
            return None
        for base, end in zip(self._memory.bases, self._memory.ends, strict=True):
            if limit <= end - base:
                return base + limit
            limit -= end - base
        return None

    def _grow(self, regions: RegionList, base: int, end: int) -> bool:
        # Move a list to an array of twice the capacity, which itself has to be reserved. base and end: what
        # is about to be reserved, and so must not be taken for the array; the room above it is tried first.
        if not self.can_resize:
            if self.rules.growth_panics:
                raise MemblockPanic(regions.name)
            return False
        page_size = self.rules.page_size
        size = round_up(2 * regions.capacity * self.rules.entry_size, page_size)
        if regions is self._reserved:
            found = self.find(size, page_size, end, self.current_limit)
            if not found:
                found = self.find(size, page_size, 0, min(base, self.current_limit))
        else:
            found = self.find(size, page_size, 0, ACCESSIBLE)
        if not found:
            return False
        old, regions.array = regions.array, (found, size)
        regions.capacity *= 2
        if old is not None:
            self.phys_free(*old)
        self._reserve_allocated(found, size, None)
        return True


def _append_page(spans: list[Span], taken: Span, *, bottom_up: bool) -> None:
    # Only pages that follow each other in the order of the search are one span.
    if spans and bottom_up and spans[-1].end == taken.start:
        spans[-1] = Span(spans[-1].start, taken.end)
    elif spans and not bottom_up and spans[-1].start == taken.end:
        spans[-1] = Span(taken.start, spans[-1].end)
    else:
        spans.append(taken)
