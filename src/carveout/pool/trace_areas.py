# SPDX-License-Identifier: Apache-2.0
"""The areas that a trace's events speak of: what is live in each, and where the area must be.

A capture may begin late and may have lost events. Both show: pages are released that nobody took, or taken that
nobody released. Neither is repaired silently; what follows from them is kept for the header's notes.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from carveout.pool.lending import PageSet
from carveout.pool.runs import extents_of, gaps, page_set
from carveout.pool.trace import Extent, PoolKind, PoolSpec
from carveout.span import round_down, round_up
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from carveout.pool.trace import RecordedResult, Request

NAMELESS = "area without a name"
"""What a pool is called that only events without area names (5.10) speak of."""

_DEFAULT_NAMES = ("linux,cma", "reserved", "default_cma_region")
_UNIT_ADDRESS = re.compile(r"@([0-9a-f]{1,16})$")
PAGE_SHIFTS = (12, 14, 16)


class Released(NamedTuple):
    """What a release gives back. id: of the request; None when no request of the trace took the pages."""

    id: int | None
    is_whole: bool
    """All pages of the request are back."""


class _Live:
    __slots__ = ("end", "id", "left")

    def __init__(self, id_: int, pages: int, end: int) -> None:
        self.id = id_
        self.left = pages
        self.end = end


class SeenArea:
    """One area while a trace is read."""

    def __init__(self, id_: str, name: str, known: PoolSpec | None) -> None:
        """id_: as requests will call it. known: what is known about it from elsewhere."""
        self.id = id_
        self.name = name
        self.known = known
        self.lowest: int | None = None
        self.highest = 0
        self.total: int | None = None
        self.used_at_start = 0
        """Pages that were in use at its first event, where that event says so (7.2)."""
        self.is_asked = False
        """A request goes to it."""
        self.initially = PageSet()
        self.strange_releases = 0
        """Releases of pages which the trace itself used before, but not at that time: events are missing."""
        self._starts: list[int] = []
        self._live: dict[int, _Live] = {}
        self._touched = PageSet()

    def take(self, pfn: int, pages: int, id_: int) -> list[int]:
        """Note that a request got pages. Return the ids of live requests in the way: their release was not seen."""
        end = pfn + pages
        self._see(pfn, end)
        gone = []
        index = max(bisect_right(self._starts, pfn) - 1, 0)
        while index < len(self._starts) and self._starts[index] < end:
            start = self._starts[index]
            if self._live[start].end > pfn:
                gone.append(self._live.pop(start).id)
                del self._starts[index]
            else:
                index += 1
        self._starts.insert(bisect_left(self._starts, pfn), pfn)
        self._live[pfn] = _Live(id_, pages, end)
        self._touched.add(pfn, end)
        return gone

    def give(self, pfn: int, pages: int) -> Released | None:
        """Note a release. None: it makes no sense here, since events are missing."""
        end = pfn + pages
        index = bisect_right(self._starts, pfn) - 1
        live = self._live[self._starts[index]] if index >= 0 else None
        if live is not None and end <= live.end:
            live.left -= pages
            if live.left > 0:
                return Released(live.id, is_whole=False)
            del self._live[self._starts[index]], self._starts[index]
            return Released(live.id, is_whole=True)
        self._see(pfn, end)
        if self._touched.count(pfn, end):
            self.strange_releases += 1
            return None
        self._touched.add(pfn, end)
        self.initially.add(pfn, end)
        return Released(None, is_whole=True)

    def has_room(self, pages: int, align: int) -> bool:
        """Say whether a request would fit beside what is live, by all that the trace says so far."""
        if self.known is None:
            return False
        live = (Extent(start, self._live[start].end - start) for start in self._starts)
        used = page_set((*live, *self.known.initially, *extents_of(self.initially)))
        size = 1 << align
        return any(
            round_up(gap.pfn, size) + pages <= gap.end
            for gap in gaps(used, self.known.base_pfn, self.known.base_pfn + self.known.pages)
        )

    def _see(self, start: int, end: int) -> None:
        self.lowest = start if self.lowest is None else min(self.lowest, start)
        self.highest = max(self.highest, end)


def page_size_of_names(areas: Iterable[SeenArea]) -> int | None:
    """Return the page size for which page frame numbers agree with the unit addresses in names; None: none or several.

    `video-pool@52000000` whose lowest page is 0x14800 is an area of 16 KiB pages.
    """
    fits = []
    named = [(area, unit_address(area.name)) for area in areas if area.lowest is not None]
    with_address = [(area, address) for area, address in named if address is not None]
    if not with_address:
        return None
    for shift in PAGE_SHIFTS:
        if all(_agrees(area, address, shift) for area, address in with_address):
            fits.append(1 << shift)
    return fits[0] if len(fits) == 1 else None


def _agrees(area: SeenArea, address: int, shift: int) -> bool:
    base = address >> shift
    if area.lowest is None or base << shift != address or area.lowest < base:
        return False
    if area.total is not None:
        return area.highest <= base + area.total
    # Without a size: what is used lies nearer to the base than the base to address 0 of another page size.
    return area.lowest - base < max(base >> 3, 1)


def unit_address(name: str) -> int | None:
    """Return the unit address of a node's name, which an area of the tree is called by; None: it has none."""
    found = _UNIT_ADDRESS.search(name)
    return int(found[1], 16) if found else None


def settle(area: SeenArea, *, page_size: int, step: int) -> tuple[PoolSpec, list[str]]:
    """Return the pool that an area is, and what had to be assumed. step: pages that an area must be a multiple of."""
    initially = extents_of(area.initially)
    if area.known is not None:
        known = area.known
        return (
            PoolSpec(
                id=area.id,
                name=known.name,
                base_pfn=known.base_pfn,
                pages=known.pages,
                kind=known.kind,
                order_per_bit=known.order_per_bit,
                ranges=known.ranges,
                initially=extents_of(page_set((*known.initially, *initially))),
            ),
            [],
        )
    notes = []
    base, reason = _base(area, page_size=page_size, step=step)
    end = max(area.highest, base)
    if area.total is not None:
        pages = max(area.total, end - base)
        size_from = "its size is the events' total_count"
    else:
        pages = max(round_up(end - base, step), step)
        size_from = (
            "its size is not in the events: the trace's highest page, rounded up, is taken for its end"
        )
    notes.append(
        f"{area.name}: base 0x{base * page_size:x} {reason}; {size_from}: {pages} pages; "
        "--board or --area NAME=SIZE@BASE says it"
    )
    if area.name == NAMELESS:
        notes.append(
            "events of this kernel do not name their area: all are taken to be of one; where there are several, "
            "--board or --area tells them apart"
        )
    kind = PoolKind.CMA_DEFAULT if area.name in _DEFAULT_NAMES else PoolKind.CMA
    return (
        PoolSpec(id=area.id, name=area.name, base_pfn=base, pages=pages, kind=kind, initially=initially),
        notes,
    )


def with_hidden(
    area: SeenArea, pool: PoolSpec, requests: Iterable[Request], recorded: Mapping[int, RecordedResult]
) -> tuple[PoolSpec, list[str]]:
    """Return the pool with what must have been allocated at its start all the time, and what was found out.

    The kernel takes the lowest place. When requests that would fit below the lowest page of the trace were placed
    above, somebody held what is below; the kernel's atomic DMA pools are the usual ones. 7.2 also says how much.
    """
    counted = (
        area.used_at_start - sum(extent.pages for extent in pool.initially)
        if area.total is not None
        else None
    )
    below = (area.lowest or pool.base_pfn) - pool.base_pfn
    if below <= 0 or pool.initially:
        return pool, [_uncounted(area, counted)] if counted and counted > 0 else []
    passed = any(
        round_up(pool.base_pfn, 1 << request.align) + request.pages <= pool.base_pfn + below
        and request.pool == pool.id
        and request.id in recorded
        and recorded[request.id].pfn is not None
        for request in requests
        if request.pages and request.id is not None
    )
    if not passed or (counted is not None and counted < below):
        return pool, [_uncounted(area, counted)] if counted and counted > 0 else []
    notes = []
    notes.append(
        f"{area.name}: the first {below} pages are taken to be in use all the time, since no request was placed there "
        "that would fit (the kernel's atomic DMA pools, in a default area)"
    )
    if counted is not None and counted > below:
        notes.append(_uncounted(area, counted - below))
    return replace(pool, initially=(Extent(pool.base_pfn, below),)), notes


def _uncounted(area: SeenArea, pages: int | None) -> str:
    return (
        f"{area.name}: {pages} pages were in use at its first event and are never released; "
        "where they are is not in the trace: --state FILE or --taken NAME=SIZE@BASE says it"
    )


def _base(area: SeenArea, *, page_size: int, step: int) -> tuple[int, str]:
    address = unit_address(area.name)
    if address is not None and (area.lowest is None or address // page_size <= area.lowest):
        return address // page_size, "is the unit address of its name"
    lowest = area.lowest or 0
    base = round_down(lowest, step)
    if area.total is not None and area.highest > base + area.total:
        base = lowest
    return base, "is assumed: the trace's lowest page, rounded down"
