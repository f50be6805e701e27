# SPDX-License-Identifier: Apache-2.0
"""A pool at one moment: what is in use, what is free, and how large a request could still be.

Taken from an allocator, so that it can be kept while the allocator goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.pool.cma import CmaPool
from carveout.pool.order import page_count
from carveout.pool.runs import extents_of, gaps, page_set
from carveout.pool.trace import Extent
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.pool.system import Pool, PoolSystem
    from carveout.pool.trace import PoolSpec

_HIGHEST_ORDER = 12
"""Alignments shown: up to 16 MiB of 4 KiB pages. Requests of the DMA API stop at CONFIG_CMA_ALIGNMENT, 8."""


class Hole(NamedTuple):
    """The largest request that one alignment leaves room for."""

    order: int
    pages: int


class HeldBy(NamedTuple):
    """What one request of a trace holds."""

    id: int
    extent: Extent


class PoolView(NamedTuple):
    """The state of one pool. Extents are ascending, in absolute page frame numbers."""

    spec: PoolSpec
    page_size: int
    used: tuple[Extent, ...]
    free: tuple[Extent, ...]
    holes: tuple[Hole, ...]
    """By alignment, while it makes a difference."""
    lent: int
    """Free pages that the system uses meanwhile."""
    pinned: tuple[int, ...]
    held: tuple[HeldBy, ...]
    """By request, where the state comes from a trace."""

    @property
    def used_pages(self) -> int:
        """Pages in use."""
        return sum(extent.pages for extent in self.used)

    @property
    def free_pages(self) -> int:
        """Pages not in use."""
        return sum(extent.pages for extent in self.free)

    @property
    def ranges(self) -> tuple[Extent, ...]:
        """Where the pool is: one extent, or the ranges of an area that has several."""
        return self.spec.ranges or (Extent(self.spec.base_pfn, self.spec.pages),)


def view_pool(pool: Pool, *, page_size: int, held: Iterable[HeldBy] = ()) -> PoolView:
    """Return the state of an allocator. held: what requests hold in it."""
    free = tuple(Extent(start, end - start) for start, end in pool.free_extents())
    spec = pool.spec
    taken = page_set(free)
    used: list[Extent] = []
    for part in spec.ranges or (Extent(spec.base_pfn, spec.pages),):
        used += gaps(taken, part.pfn, part.end)
    return PoolView(
        spec=spec,
        page_size=page_size,
        used=tuple(used),
        free=free,
        holes=_holes(pool),
        lent=pool.lent.pages if isinstance(pool, CmaPool) else 0,
        pinned=pool.pins.pfns() if isinstance(pool, CmaPool) else (),
        held=tuple(sorted(held, key=lambda each: each.extent)),
    )


def view_in(system: PoolSystem, pool_id: str) -> PoolView:
    """Return the state of one pool of a system, with who holds what."""
    pool = system.pools[pool_id]
    held = []
    for id_, each in system.held.items():
        if each.pool is pool:
            pages = each.amount if isinstance(pool, CmaPool) else page_count(each.amount, system.page_size)
            held.append(HeldBy(id_, Extent(each.pfn, pages)))
    return view_pool(pool, page_size=system.page_size, held=held)


def joined(extents: Iterable[Extent]) -> tuple[Extent, ...]:
    """Return extents with neighbours put together."""
    return extents_of(page_set(extents))


def _holes(pool: Pool) -> tuple[Hole, ...]:
    # From order 0 up, leaving out orders with the same answer as the one before.
    holes: list[Hole] = []
    for order in range(_HIGHEST_ORDER + 1):
        pages = pool.largest_hole(order)
        if not holes or holes[-1].pages != pages:
            holes.append(Hole(order, pages))
        if pages == 0:
            break
    return tuple(holes)
