# SPDX-License-Identifier: Apache-2.0
"""The search for free memory: which ranges are free, and which of them a request gets.

Source: kernel-semantics 2.4 and 2.5.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING

from carveout.boot.memblock_regions import Flag
from carveout.span import Span, round_down, round_up
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot.memblock_regions import RegionList

# More windows than a boot asks for; a limit only so that a caller with ever new windows cannot fill memory.
_MAX_REMEMBERED_WINDOWS = 256


class Wanted(NamedTuple):
    """Which memory regions a request may use."""

    avoid: int
    """A region with one of these flags is passed over."""
    require: int
    """A region without all of these flags is passed over."""
    nid: int | None
    """A region of another node is passed over; None: any node."""


@lru_cache(maxsize=_MAX_REMEMBERED_WINDOWS)
def wanted(*, flags: int, nid: int | None, skips_hotplug: bool) -> Wanted:
    """Return the filter for a request with these flags.

    Source: kernel-semantics 2.4.
    """
    avoid = Flag.NOMAP | Flag.DRIVER_MANAGED | (Flag.HOTPLUG if skips_hotplug else 0)
    return Wanted(avoid & ~flags, flags & (Flag.MIRROR | Flag.KHO_SCRATCH), nid)


def _is_wanted(memory: RegionList, index: int, which: Wanted) -> bool:
    flags = memory.flags[index]
    if flags & which.avoid or flags & which.require != which.require:
        return False
    return which.nid is None or memory.nids[index] == which.nid


def free_ascending(
    memory: RegionList, reserved: RegionList, which: Wanted, start: int, end: int
) -> Iterator[tuple[int, int]]:
    """Yield the free ranges clipped to start <= a < end, lowest first, none of them empty.

    A range never spans two regions of `memory`, even if they touch.
    """
    bases, ends = reserved.bases, reserved.ends
    count = len(bases)
    for index in range(bisect_right(memory.ends, start), len(memory)):
        if memory.bases[index] >= end:
            return
        if not _is_wanted(memory, index, which):
            continue
        low = max(memory.bases[index], start)
        high = min(memory.ends[index], end)
        taken = bisect_right(ends, low)
        while taken < count and bases[taken] < high:
            if low < bases[taken]:
                yield low, bases[taken]
            low = ends[taken]
            taken += 1
        if low < high:
            yield low, high


def free_descending(
    memory: RegionList, reserved: RegionList, which: Wanted, start: int, end: int
) -> Iterator[tuple[int, int]]:
    """Yield the ranges of `free_ascending`, highest first."""
    bases, ends = reserved.bases, reserved.ends
    for index in range(bisect_left(memory.bases, end) - 1, -1, -1):
        if memory.ends[index] <= start:
            return
        if not _is_wanted(memory, index, which):
            continue
        low = max(memory.bases[index], start)
        high = min(memory.ends[index], end)
        taken = bisect_left(bases, high) - 1
        while taken >= 0 and ends[taken] > low:
            if ends[taken] < high:
                yield ends[taken], high
            high = bases[taken]
            taken -= 1
        if low < high:
            yield low, high


class Request(NamedTuple):
    """What is asked of a search, all but the size. The window is start <= a < end."""

    bottom_up: bool
    align: int
    start: int
    end: int
    which: Wanted


def roomiest(memory: RegionList, reserved: RegionList, request: Request) -> tuple[Span, int] | None:
    """Return the free range with most room from an aligned base on, and that room; the highest of equals."""
    _, align, start, end, which = request
    best: tuple[int, int, Span] | None = None
    for low, high in free_ascending(memory, reserved, which, start, end):
        if best is None or high - low >= best[0]:
            usable = max(high - round_up(low, align or 1), 0)
            if best is None or (usable, high - low) >= best[:2]:
                best = (usable, high - low, Span(low, high))
    return None if best is None else (best[2], best[0])


class Searcher:
    """Finds the base the kernel would choose, and remembers where not to look again.

    As long as free memory only shrinks, ranges that were too small for a request stay too small for one that
    asks for as much or more in the same window. So each search notes the range it got its base from, and a
    later one begins there. `forget` must be called whenever memory may have become free.
    """

    __slots__ = ("_known", "_mask", "_memory", "_reserved")

    def __init__(self, memory: RegionList, reserved: RegionList, mask: int) -> None:
        self._memory = memory
        self._reserved = reserved
        self._mask = mask
        # Request → class of the size → (size, where a search for that size ended).
        self._known: dict[Request, dict[int, tuple[int, int]]] = {}

    def forget(self) -> None:
        """Forget what earlier searches found."""
        self._known.clear()

    def find(self, size: int, request: Request) -> tuple[int, int]:
        """Return the base found and the start of the free range it is in; (0, 0) if nothing fits.

        Source: kernel-semantics 2.5.
        """
        if size == 0:
            return self._find_nothing(request), 0
        known = self._known_for(request)
        _, align, start, end, which = request
        if request.bottom_up:
            for asked, edge in known.values():
                if asked <= size and edge > start:
                    start = edge
            base, low, edge = self._lowest(size, align, start, end, which)
        else:
            for asked, edge in known.values():
                if asked <= size and edge < end:
                    end = edge
            base, low, edge = self._highest(size, align, start, end, which)
        # Two notes for each order of magnitude: of the smallest size, which serves all, and of the latest.
        smallest = 2 * size.bit_length()
        is_smallest = smallest not in known or size <= known[smallest][0]
        known[smallest if is_smallest else smallest + 1] = (size, edge)
        return base, low

    def _known_for(self, request: Request) -> dict[int, tuple[int, int]]:
        # With a mask that is no power of two, a range too small for a request may be large enough for more.
        if request.align & (request.align - 1):
            return {}
        if request not in self._known and len(self._known) >= _MAX_REMEMBERED_WINDOWS:
            self._known.clear()
        return self._known.setdefault(request, {})

    def _highest(self, size: int, align: int, start: int, end: int, which: Wanted) -> tuple[int, int, int]:
        for low, high in free_descending(self._memory, self._reserved, which, start, end):
            if high - low < size:
                continue
            base = round_down(high - size, align)
            if base >= low:
                return base, low, high
        return 0, 0, start

    def _lowest(self, size: int, align: int, start: int, end: int, which: Wanted) -> tuple[int, int, int]:
        for low, high in free_ascending(self._memory, self._reserved, which, start, end):
            # Rounding up may wrap to 0. That ends the search, and the caller takes it for a failure.
            base = round_up(low, align) & self._mask
            if base < high and high - base >= size:
                return base, low, low
        return 0, 0, end

    def _find_nothing(self, request: Request) -> int:
        # A request for no bytes. Here also the free ranges outside the window count: they are clipped to an
        # empty range at its edge, and top-down an aligned edge is then "found".
        bottom_up, align, start, end, which = request
        walk = free_ascending if bottom_up else free_descending
        for free_low, free_high in walk(self._memory, self._reserved, which, 0, self._mask):
            low = min(max(free_low, start), end)
            high = min(max(free_high, start), end)
            if bottom_up:
                base = round_up(low, align) & self._mask
                if base < high:
                    return base
            else:
                base = round_down(high, align)
                if base >= low:
                    return base
        return 0
