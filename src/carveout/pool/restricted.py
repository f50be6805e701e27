# SPDX-License-Identifier: Apache-2.0
"""A restricted pool: slots of a bounce buffer, given out next-fit.

Source: swiotlb_alloc(), swiotlb_search_pool_area(), kernel/dma/swiotlb.c (cma 1.4). Recorded on 7.2; what 6.1 and
6.12 do was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import UsageError
from carveout.pool.order import get_order, page_count
from carveout.pool.result import Allocation, Errno, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.kernel.behaviour import Behaviour
    from carveout.pool.trace import PoolSpec

IO_TLB_SHIFT = 11
"""log2 of the bytes of a slot."""
IO_TLB_SEGSIZE = 128
"""Slots of a segment; nothing crosses the border of two."""


class RestrictedPool:
    """A restricted-dma-pool with one area of slots."""

    def __init__(self, spec: PoolSpec, behaviour: Behaviour, page_size: int) -> None:
        """Make the pool with its search at `spec.initial_index`. page_size: bytes."""
        self.spec = spec
        self.name = spec.name
        self.behaviour = behaviour
        self.page_size = page_size
        self.count = spec.pages
        self._base = spec.base_pfn * page_size
        self._slots = spec.pages * page_size >> IO_TLB_SHIFT
        self._used = bytearray(self._slots)
        self._free_slots = self._slots
        if not 0 <= spec.initial_index <= self._slots:
            raise UsageError(f"{self.name}: initial_index {spec.initial_index}, expected 0 to {self._slots}")
        self.index = spec.initial_index
        """The slot from which the next search starts. It outlives the requests."""

    def alloc(self, size: int) -> Allocation:
        """Allocate `size` bytes, rounded up to pages. Raises: UsageError for no bytes."""
        if size < 1:
            raise UsageError(f"{self.name}: {size} bytes asked for, expected at least 1")
        need = self._slots_of(size)
        if need > self._free_slots:
            return self._failed(Reason.TOO_LARGE if need > self._most else Reason.ROOM)
        stride = 1 << (get_order(size, self.page_size) + self._page_shift)
        if self.behaviour.runtime_restricted_search == "slots":
            found, checks = self._by_slots(need, stride)
        else:
            found, checks = self._by_stride(need, 1 << self._page_shift)
        if found is None:
            return self._failed(self._reason(need))
        self._used[found : found + need] = b"\1" * need
        self._free_slots -= need
        self.index = found + need if found + need < self._slots else 0
        address = self._base + (found << IO_TLB_SHIFT)
        return Allocation(
            pfn=address // self.page_size,
            pages=page_count(size, self.page_size),
            errno=0,
            attempts=checks,
            address=address,
        )

    def _by_slots(self, need: int, stride: int) -> tuple[int | None, int]:
        # Slot by slot to one that is aligned, then in steps of the alignment; as many slots as there are.
        index, checked, checks = self.index if self.index < self._slots else 0, 0, 0
        offset = self._base >> IO_TLB_SHIFT
        while checked < self._slots:
            off = -(index + offset) & (stride - 1)
            if off:
                # Each slot that is not aligned counts as one looked at; a wrap begins again at slot 0.
                step = min(off, self._slots - index, self._slots - checked)
                index, checked = self._wrapped(index + step), checked + step
                continue
            checks += 1
            if self._has_run(index, need):
                return index, checks
            index, checked = self._wrapped(index + stride), checked + stride
        return None, checks

    def _by_stride(self, need: int, stride: int) -> tuple[int | None, int]:
        # From the start, rounded up to the alignment, in steps of it, until it is back there.
        index = first = self._wrapped(-(-self.index // stride) * stride)
        checks = 0
        while True:
            checks += 1
            if self._has_run(index, need):
                return index, checks
            index = self._wrapped(index + stride)
            if index == first:
                return None, checks

    def _wrapped(self, index: int) -> int:
        return 0 if index >= self._slots else index

    def _has_run(self, index: int, need: int) -> bool:
        end = index + need
        segment_end = (index // IO_TLB_SEGSIZE + 1) * IO_TLB_SEGSIZE
        return end <= min(segment_end, self._slots) and self._used.find(1, index, end) < 0

    def _reason(self, need: int) -> Reason:
        if need > self._most:
            return Reason.TOO_LARGE
        fits = any(self._has_run(index, need) for index in range(self._slots))
        return Reason.ALIGNMENT if fits else Reason.FRAGMENTATION

    @staticmethod
    def _failed(reason: Reason) -> Allocation:
        return Allocation(pfn=None, pages=0, errno=-Errno.ENOMEM, reason=reason)

    def release(self, pfn: int, size: int) -> bool:
        """Give back what a request of `size` bytes got at `pfn`; False when it is not of this pool."""
        need = self._slots_of(size)
        start = (pfn * self.page_size - self._base) >> IO_TLB_SHIFT
        if start < 0 or start + need > self._slots:
            return False
        if self._used.find(0, start, start + need) >= 0:
            raise UsageError(f"{self.name}: some of the {need} slots from 0x{pfn:x} on are free already")
        self._used[start : start + need] = bytes(need)
        self._free_slots += need
        return True

    @property
    def _most(self) -> int:
        return min(IO_TLB_SEGSIZE, self._slots)

    @property
    def _page_shift(self) -> int:
        # log2 of the slots in a page.
        return self.page_size.bit_length() - 1 - IO_TLB_SHIFT

    def _slots_of(self, size: int) -> int:
        return page_count(size, self.page_size) << self._page_shift

    @property
    def used_pages(self) -> int:
        """Pages allocated."""
        return (self._slots - self._free_slots) >> self._page_shift

    def free_extents(self) -> Iterator[tuple[int, int]]:
        """Yield the free page frames as [start, end), ascending."""
        at = self._used.find(0)
        while at >= 0:
            end = self._used.find(1, at)
            end = self._slots if end < 0 else end
            yield (
                (self._base + (at << IO_TLB_SHIFT)) // self.page_size,
                (self._base + (end << IO_TLB_SHIFT)) // self.page_size,
            )
            at = self._used.find(0, end)

    def largest_hole(self, align: int = 0) -> int:
        """Return the most pages that one request could get, in one segment, from a multiple of 2 ** align pages on."""
        step = 1 << (align + self._page_shift)
        best = 0
        for index in range(0, self._slots, 1 << self._page_shift):
            if (index + (self._base >> IO_TLB_SHIFT)) % step:
                continue
            end = min((index // IO_TLB_SEGSIZE + 1) * IO_TLB_SEGSIZE, self._slots)
            used = self._used.find(1, index, end)
            best = max(best, (end if used < 0 else used) - index)
        return best >> self._page_shift
