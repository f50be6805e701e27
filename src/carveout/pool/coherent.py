# SPDX-License-Identifier: Apache-2.0
"""A coherent pool of one device: power-of-two blocks, counted from the start of the pool.

Source: dma_alloc_from_dev_coherent(), kernel/dma/coherent.c; bitmap_find_free_region(), lib/bitmap.c
(kernel-semantics 5.2; cma 1.3). The same in all four kernels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import UsageError
from carveout.pool.free_map import FreeMap
from carveout.pool.order import get_order
from carveout.pool.policy import FIRST_FIT, make_policy
from carveout.pool.result import Allocation, Errno, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from carveout.pool.policy import Policy
    from carveout.pool.trace import PoolSpec


class CoherentPool:
    """A shared-dma-pool without `reusable`. Nobody but its device uses it, and the device gets nothing elsewhere."""

    def __init__(
        self, spec: PoolSpec, page_size: int, *, policy: str | Callable[[], Policy] = FIRST_FIT
    ) -> None:
        """Make the pool, with what `spec` says is allocated already. page_size: bytes."""
        self.spec = spec
        self.name = spec.name
        self.page_size = page_size
        self.count = spec.pages
        # Blocks are aligned from the start of the pool, wherever that is.
        self._free = FreeMap(spec.pages)
        self._policy = make_policy(policy)
        for extent in spec.initially:
            start = extent.pfn - spec.base_pfn
            self._free.take(start, start + extent.pages)

    def alloc(self, size: int) -> Allocation:
        """Allocate `size` bytes: a whole block of the next power of two of pages. Raises: UsageError for no bytes."""
        if size < 1:
            raise UsageError(f"{self.name}: {size} bytes asked for, expected at least 1")
        order = get_order(size, self.page_size)
        need = 1 << order
        if need <= self.count:
            for start in self._policy.places(self._free, need, order):
                self._free.take(start, start + need)
                self._policy.allocated(start, start + need)
                return Allocation(pfn=self.spec.base_pfn + start, pages=need, errno=0, attempts=1)
        return Allocation(pfn=None, pages=0, errno=-Errno.ENOMEM, reason=self._reason(need))

    def _reason(self, need: int) -> Reason:
        if need > self.count:
            return Reason.TOO_LARGE
        if need > self._free.free_bits:
            return Reason.ROOM
        return Reason.FRAGMENTATION if self._free.find(need) is None else Reason.ALIGNMENT

    def release(self, pfn: int, size: int) -> bool:
        """Give back what a request of `size` bytes got at `pfn`; False when it is not of this pool."""
        need = 1 << get_order(size, self.page_size)
        start = pfn - self.spec.base_pfn
        if start < 0 or start + need > self.count:
            return False
        if self._free.overlaps(start, start + need):
            raise UsageError(f"{self.name}: some of the {need} pages from 0x{pfn:x} on are free already")
        self._free.give(start, start + need)
        return True

    @property
    def used_pages(self) -> int:
        """Pages allocated, with what rounding up costs."""
        return self.count - self._free.free_bits

    def free_extents(self) -> Iterator[tuple[int, int]]:
        """Yield the free page frames as [start, end), ascending."""
        base = self.spec.base_pfn
        for start, end in self._free.extents():
            yield base + start, base + end

    def largest_hole(self, align: int = 0) -> int:
        """Return the pages of the longest free run from a multiple of 2 ** align pages of the pool on."""
        return self._free.largest(align)
