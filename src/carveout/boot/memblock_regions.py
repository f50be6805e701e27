# SPDX-License-Identifier: Apache-2.0
"""One of memblock's two lists: sorted regions that never overlap, and touch only where they differ.

The fields of the regions are kept in parallel lists, so that a look-up is a bisection and a change is a list
insertion next to it. Nothing here knows about limits of the address space or of the list's capacity; that is
the business of `carveout.boot.memblock`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from carveout.values import NamedTuple


class Flag:
    """The kernel's region flags, as plain integers."""

    NONE = 0
    HOTPLUG = 0x1
    MIRROR = 0x2
    NOMAP = 0x4
    DRIVER_MANAGED = 0x8
    RSRV_NOINIT = 0x10
    RSRV_KERN = 0x20
    KHO_SCRATCH = 0x40


class MemblockRegion(NamedTuple):
    """One entry of a list. base and size in bytes; nid is None where the kernel has "no node"."""

    base: int
    size: int
    flags: int
    nid: int | None

    @property
    def end(self) -> int:
        """First address behind the region."""
        return self.base + self.size


class RegionList:
    """A sorted list of regions. `bases`, `ends`, `flags` and `nids` are for reading only."""

    __slots__ = ("_view", "array", "bases", "capacity", "ends", "flags", "name", "nids", "version")

    def __init__(self, name: str, capacity: int) -> None:
        self.name = name
        self.capacity = capacity
        self.array: tuple[int, int] | None = None
        """Base and size of the memory the list itself occupies; None: a part of the kernel image."""
        self.bases: list[int] = []
        self.ends: list[int] = []
        self.flags: list[int] = []
        self.nids: list[int | None] = []
        self.version = 0
        """Grows with every change."""
        self._view: tuple[MemblockRegion, ...] | None = None

    def __len__(self) -> int:
        """Return the number of regions."""
        return len(self.bases)

    def copy(self) -> RegionList:
        """Return an independent list with the same regions."""
        other = RegionList(self.name, self.capacity)
        other.array = self.array
        other.bases = self.bases.copy()
        other.ends = self.ends.copy()
        other.flags = self.flags.copy()
        other.nids = self.nids.copy()
        return other

    def view(self) -> tuple[MemblockRegion, ...]:
        """Return the regions in ascending order."""
        if self._view is None:
            fields = zip(self.bases, self.ends, self.flags, self.nids, strict=True)
            self._view = tuple(
                MemblockRegion(base, end - base, flags, nid) for base, end, flags, nid in fields
            )
        return self._view

    def total(self) -> int:
        """Return the sum of all sizes, in bytes."""
        return sum(self.ends) - sum(self.bases)

    def overlaps(self, base: int, end: int) -> bool:
        """Say whether a region intersects base <= a < end; an empty range inside a region does."""
        index = bisect_right(self.ends, base)
        return index < len(self.bases) and self.bases[index] < end

    def holds(self, base: int, end: int) -> bool:
        """Say whether the region that holds the address `base` reaches to `end` or beyond."""
        index = bisect_right(self.ends, base)
        return index < len(self.bases) and self.bases[index] <= base and end <= self.ends[index]

    def gaps(self, base: int, end: int) -> list[tuple[int, int, int]]:
        """Return what no region covers of base <= a < end: (index to insert at, base, end), ascending."""
        bases, ends = self.bases, self.ends
        count = len(bases)
        index = bisect_right(ends, base)
        found = []
        while index < count and bases[index] < end:
            if base < bases[index]:
                found.append((index, base, bases[index]))
            base = ends[index]
            index += 1
        if base < end:
            found.append((index, base, end))
        return found

    def insert(self, index: int, base: int, end: int, flags: int, nid: int | None) -> None:
        """Insert a range that overlaps nothing, and merge it with equal neighbours it touches."""
        self._touch()
        joins_left = index > 0 and self.ends[index - 1] == base and self._is_like(index - 1, flags, nid)
        joins_right = (
            index < len(self.bases) and self.bases[index] == end and self._is_like(index, flags, nid)
        )
        if joins_left and joins_right:
            self.ends[index - 1] = self.ends[index]
            self._delete(index, index + 1)
        elif joins_left:
            self.ends[index - 1] = end
        elif joins_right:
            self.bases[index] = base
        else:
            self._insert(index, base, end, flags, nid)

    def split_around(self, base: int, end: int) -> tuple[int, int]:
        """Split the regions that cross base or end; return the indices first <= i < last of those between."""
        first = bisect_right(self.ends, base)
        if first < len(self.bases) and self.bases[first] < base:
            self._split(first, base)
            first += 1
        last = bisect_left(self.bases, end)
        if last > first and self.ends[last - 1] > end:
            self._split(last - 1, end)
        return first, last

    def delete(self, first: int, last: int) -> None:
        """Delete the regions first <= i < last."""
        if first < last:
            self._touch()
            self._delete(first, last)

    def change_flags(self, first: int, last: int, *, set_bits: int = 0, clear_bits: int = 0) -> None:
        """Set and clear flag bits of the regions first <= i < last, then merge them and their neighbours."""
        self._touch()
        for index in range(first, last):
            self.flags[index] = (self.flags[index] | set_bits) & ~clear_bits
        self._merge(first, last)

    def set_nid(self, first: int, last: int, nid: int | None) -> None:
        """Give the regions first <= i < last to a node, then merge them and their neighbours."""
        self._touch()
        self.nids[first:last] = [nid] * (last - first)
        self._merge(first, last)

    def _touch(self) -> None:
        self.version += 1
        self._view = None

    def _is_like(self, index: int, flags: int, nid: int | None) -> bool:
        return self.flags[index] == flags and self.nids[index] == nid

    def _insert(self, index: int, base: int, end: int, flags: int, nid: int | None) -> None:
        self.bases.insert(index, base)
        self.ends.insert(index, end)
        self.flags.insert(index, flags)
        self.nids.insert(index, nid)

    def _delete(self, first: int, last: int) -> None:
        del self.bases[first:last]
        del self.ends[first:last]
        del self.flags[first:last]
        del self.nids[first:last]

    def _split(self, index: int, at: int) -> None:
        # The lower part becomes a region of its own in front of the upper one.
        self._touch()
        self._insert(index, self.bases[index], at, self.flags[index], self.nids[index])
        self.bases[index + 1] = at

    def _merge(self, first: int, last: int) -> None:
        # Only the regions first-1 .. last can have become equal to the next one.
        index = max(first - 1, 0)
        stop = min(last, len(self.bases) - 1)
        while index < stop:
            touches = self.ends[index] == self.bases[index + 1]
            if touches and self._is_like(index + 1, self.flags[index], self.nids[index]):
                self.ends[index] = self.ends[index + 1]
                self._delete(index + 1, index + 2)
                stop -= 1
            else:
                index += 1
