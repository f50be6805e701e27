# SPDX-License-Identifier: Apache-2.0
"""What the system keeps in a contiguous pool until somebody asks: pages that can be moved, and pages that cannot.

Source: alloc_contig_range(), mm/page_alloc.c; __rmqueue(), mm/page_alloc.c (cma 1.1, 2).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort

from carveout.errors import UsageError
from carveout.values import NamedTuple


class PageSet:
    """A set of page frame numbers, kept as runs: many pages in little room."""

    def __init__(self) -> None:
        """Begin with no page."""
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.pages = 0

    def count(self, start: int, end: int) -> int:
        """Return how many pages of [start, end) are in the set."""
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        if first >= last:
            return 0
        runs = zip(self._starts[first:last], self._ends[first:last], strict=True)
        return sum(min(high, end) - max(low, start) for low, high in runs)

    def add(self, start: int, end: int) -> None:
        """Put [start, end) into the set."""
        self.pages += end - start - self.count(start, end)
        first, last = bisect_left(self._ends, start), bisect_right(self._starts, end)
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last], self._ends[first:last] = [start], [end]

    def remove(self, start: int, end: int) -> None:
        """Take [start, end) out of the set."""
        self.pages -= self.count(start, end)
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        if first >= last:
            return
        low, high = self._starts[first], self._ends[last - 1]
        kept = [(a, b) for a, b in ((low, start), (end, high)) if a < b]
        self._starts[first:last] = [a for a, _ in kept]
        self._ends[first:last] = [b for _, b in kept]

    def runs(self) -> list[tuple[int, int]]:
        """Return the runs as [start, end), ascending."""
        return list(zip(self._starts, self._ends, strict=True))


class Pins:
    """Pages that cannot be moved, such as those under direct I/O."""

    def __init__(self) -> None:
        """Begin with none."""
        self._pfns: list[int] = []

    def add(self, pfn: int) -> None:
        """Pin a page; a page that is pinned already stays so."""
        if not self.has_any(pfn, pfn + 1):
            insort(self._pfns, pfn)

    def remove(self, pfn: int) -> None:
        """Let a page go."""
        at = bisect_left(self._pfns, pfn)
        if at < len(self._pfns) and self._pfns[at] == pfn:
            del self._pfns[at]

    def clear(self) -> None:
        """Let all pages go."""
        self._pfns.clear()

    def has_any(self, start: int, end: int) -> bool:
        """Say whether a page of [start, end) is pinned."""
        at = bisect_left(self._pfns, start)
        return at < len(self._pfns) and self._pfns[at] < end

    def __len__(self) -> int:
        return len(self._pfns)

    def pfns(self) -> tuple[int, ...]:
        """Return the pinned pages, ascending."""
        return tuple(self._pfns)


class SystemMemory:
    """The memory outside the pools, into which pages are moved. One for all pools of a system."""

    def __init__(self, free_pages: int | None = None) -> None:
        """free_pages: how many are free outside the pools; None: there is always room."""
        if free_pages is not None and free_pages < 0:
            raise UsageError(f"{free_pages} free pages: expected 0 or more")
        self.free_pages = free_pages

    def take(self, pages: int) -> int:
        """Move up to `pages` pages here; return how many found room."""
        if self.free_pages is None:
            return pages
        moved = min(pages, self.free_pages)
        self.free_pages -= moved
        return moved


class Calibration(NamedTuple):
    """What an allocation costs on one machine, in a unit of the user's choice. There is no default: measure it.

    Migration is linear in the pages moved (cma 2): cost = per_attempt + per_free_page * F + per_migrated_page * M.
    """

    per_attempt: float
    per_free_page: float
    per_migrated_page: float

    def cost(self, *, attempts: int, scanned: int, migrated: int) -> float:
        """Return what a request cost. scanned: pages looked at in all attempts, those migrated among them."""
        free = scanned - migrated
        return self.per_attempt * attempts + self.per_free_page * free + self.per_migrated_page * migrated


def pages_in_cma(filled: int, *, outside: int, in_cma: int) -> int:
    """Return how many of `filled` movable pages a system puts into contiguous areas; a model, not exact.

    outside, in_cma: pages free at first, outside the areas and in them. While more than half of all free pages are in
    the areas, movable pages go there; otherwise outside first (__rmqueue(), all four kernels).
    """
    if filled > outside + in_cma:
        raise UsageError(f"{filled} pages to fill, but only {outside + in_cma} are free")
    # Outside alone, until it has shrunk to the size of the areas; from there on by turns; what is left fills the rest.
    alone = min(filled, max(outside - in_cma, 0))
    rest = filled - alone
    # In the areas alone first when they are the larger part.
    first = min(rest, max(in_cma - outside, 0))
    by_turns = rest - first
    return min(in_cma, first + (by_turns + 1) // 2)
