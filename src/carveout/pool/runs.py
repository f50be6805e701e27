# SPDX-License-Identifier: Apache-2.0
"""A set of pages as runs: sorted, apart from each other, with the questions that traces and states ask.

For placing requests at speed there is the map of free extents; this one answers what is where.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from carveout.pool.trace import Extent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Runs:
    """Pages, kept as runs that neither overlap nor touch."""

    def __init__(self, extents: Iterable[Extent] = ()) -> None:
        """Start with these pages."""
        self._starts: list[int] = []
        self._ends: list[int] = []
        for extent in extents:
            self.add(extent.pfn, extent.end)

    def __iter__(self) -> Iterator[Extent]:
        for start, end in zip(self._starts, self._ends, strict=True):
            yield Extent(start, end - start)

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def pages(self) -> int:
        """How many pages are in the set."""
        return sum(self._ends) - sum(self._starts)

    def add(self, start: int, end: int) -> None:
        """Put the pages start <= pfn < end into the set; some may be in it."""
        if start >= end:
            return
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        if first < last:
            start = min(start, self._starts[first])
            end = max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def remove(self, start: int, end: int) -> None:
        """Take the pages start <= pfn < end out of the set; some may not be in it."""
        if start >= end:
            return
        first = bisect_right(self._ends, start)
        last = bisect_left(self._starts, end)
        if first >= last:
            return
        starts, ends = [], []
        if self._starts[first] < start:
            starts.append(self._starts[first])
            ends.append(start)
        if self._ends[last - 1] > end:
            starts.append(end)
            ends.append(self._ends[last - 1])
        self._starts[first:last] = starts
        self._ends[first:last] = ends

    def overlaps(self, start: int, end: int) -> bool:
        """Say whether any page start <= pfn < end is in the set."""
        index = bisect_right(self._ends, start)
        return index < len(self._starts) and self._starts[index] < end

    def gaps(self, start: int, end: int) -> Iterator[Extent]:
        """Give what is not in the set between start and end, ascending."""
        at = start
        for index in range(bisect_right(self._ends, start), len(self._starts)):
            if self._starts[index] >= end:
                break
            if self._starts[index] > at:
                yield Extent(at, self._starts[index] - at)
            at = self._ends[index]
        if at < end:
            yield Extent(at, end - at)
