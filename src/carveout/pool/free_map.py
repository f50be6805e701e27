# SPDX-License-Identifier: Apache-2.0
"""The free bits of a pool: the lowest place for a request, in time that grows with the logarithm of the extents.

The kernel scans its bitmap from the start. Which bit that scan ends at does not depend on how it is done: it is the
lowest one, from `start` on, that is aligned and begins a free run long enough (cma 1.1). This map keeps the free
extents and an index of what each stretch of the pool can hold (max_index.py), and gives the same answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import InternalError
from carveout.pool.max_index import LEAF_SHIFT, MaxIndex

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAF = 1 << LEAF_SHIFT


class FreeMap:
    """The free extents of a pool of `bits` bits, all free at first.

    base: added to a bit before its alignment is looked at, since the kernel aligns page frame numbers and not
    places in the pool.
    """

    __slots__ = ("_ends", "_indexes", "_starts", "_starts_by_end", "base", "bits", "free_bits")

    def __init__(self, bits: int, *, base: int = 0) -> None:
        """Make a map with every bit free."""
        self.bits = bits
        self.base = base
        self.free_bits = 0
        self._ends: dict[int, int] = {}
        self._starts_by_end: dict[int, int] = {}
        self._starts = bytearray(bits + 1)
        self._indexes: dict[int, MaxIndex] = {}
        if bits:
            self.free_bits = bits
            self._insert(0, bits)

    # ---- looking -------------------------------------------------------------------------------------
    def find(self, need: int, order: int = 0, start: int = 0) -> int | None:
        """Return the lowest bit from `start` on that begins `need` free bits and is aligned to 2 ** order.

        need: at least 1. None: there is no such bit.
        """
        if need > self.free_bits:
            return None
        mask = (1 << order) - 1
        leaf = 0
        if start > 0:
            found, leaf = self._find_in_leaf_of(start, need, mask)
            if found is not None:
                return found
        index = self._indexes.get(order) or self._make_index(order)
        starts, ends, base = self._starts.find, self._ends, self.base
        while (at := index.first(need, leaf)) is not None:
            end_of_leaf = (at + 1) << LEAF_SHIFT
            bit = starts(1, at << LEAF_SHIFT, end_of_leaf)
            best = 0
            while bit >= 0:
                place = bit + (-(bit + base) & mask)
                room = ends[bit] - place
                if room >= need:
                    return place
                best = max(best, room)
                bit = starts(1, bit + 1, end_of_leaf)
            index.lower(at, best)
            leaf = at + 1
            if leaf << LEAF_SHIFT >= self.bits:
                return None
        return None

    def _find_in_leaf_of(self, start: int, need: int, mask: int) -> tuple[int | None, int]:
        # The extent that holds `start`, and those behind it that begin in the same leaf; then the next leaf.
        if start >= self.bits:
            return None, (self.bits >> LEAF_SHIFT) + 1
        leaf = start >> LEAF_SHIFT
        first = self._starts.rfind(1, 0, start + 1)
        end_of_leaf = (leaf + 1) << LEAF_SHIFT
        bit = first if first >= 0 else self._starts.find(1, start + 1, end_of_leaf)
        while bit >= 0:
            low = max(bit, start)
            place = low + (-(low + self.base) & mask)
            if place + need <= self._ends[bit]:
                return place, leaf
            bit = self._starts.find(1, max(bit, start) + 1, end_of_leaf)
        return None, leaf + 1

    def is_free(self, start: int, end: int) -> bool:
        """Say whether all of [start, end) is free."""
        first = self._starts.rfind(1, 0, start + 1)
        return first >= 0 and self._ends[first] >= end

    def overlaps(self, start: int, end: int) -> bool:
        """Say whether any of [start, end) is free."""
        first = self._starts.rfind(1, 0, end)
        return first >= 0 and self._ends[first] > start

    def extents(self) -> Iterator[tuple[int, int]]:
        """Yield every free extent as [start, end), ascending."""
        bit = self._starts.find(1)
        while bit >= 0:
            end = self._ends[bit]
            yield bit, end
            bit = self._starts.find(1, end)

    def extents_down(self) -> Iterator[tuple[int, int]]:
        """Yield every free extent as [start, end), descending."""
        bit = self._starts.rfind(1)
        while bit >= 0:
            yield bit, self._ends[bit]
            bit = self._starts.rfind(1, 0, bit)

    @property
    def extent_count(self) -> int:
        """How many free extents there are."""
        return len(self._ends)

    def largest(self, order: int = 0) -> int:
        """Return the most bits that one request aligned to 2 ** order could get; 0 when none."""
        mask = (1 << order) - 1
        return max((end - bit - (-(bit + self.base) & mask) for bit, end in self._ends.items()), default=0)

    # ---- changing ------------------------------------------------------------------------------------
    def take(self, start: int, end: int) -> None:
        """Make [start, end), which is free, allocated."""
        first = start if self._starts[start] else self._starts.rfind(1, 0, start + 1)
        last = self._ends.get(first, 0)
        if last < end or first > start:
            raise InternalError(f"bits [{start}, {end}) are not all free")
        self.free_bits -= end - start
        self._remove(first, last)
        if first < start:
            self._insert(first, start)
        if end < last:
            self._insert(end, last)

    def give(self, start: int, end: int) -> None:
        """Make [start, end), which is allocated, free."""
        self.free_bits += end - start
        before = self._starts_by_end.get(start)
        if before is not None:
            self._remove(before, start)
            start = before
        after = self._ends.get(end)
        if after is not None:
            self._remove(end, after)
            end = after
        self._insert(start, end)

    def _insert(self, start: int, end: int) -> None:
        self._ends[start] = end
        self._starts_by_end[end] = start
        self._starts[start] = 1
        leaf, at = start >> LEAF_SHIFT, start + self.base
        size = end - start
        for order, index in self._indexes.items():
            room = size - (-at & ((1 << order) - 1))
            if room > 0:
                index.grow(leaf, room)

    def _remove(self, start: int, end: int) -> None:
        # The indexes keep what this extent could hold as an upper bound.
        del self._ends[start], self._starts_by_end[end]
        self._starts[start] = 0

    def _make_index(self, order: int) -> MaxIndex:
        index = self._indexes[order] = MaxIndex((self.bits >> LEAF_SHIFT) + 1)
        mask, base = (1 << order) - 1, self.base
        for start, end in self._ends.items():
            room = end - start - (-(start + base) & mask)
            if room > 0:
                index.grow(start >> LEAF_SHIFT, room)
        return index
