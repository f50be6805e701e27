# SPDX-License-Identifier: Apache-2.0
"""Sets of pages as extents: made from them, given back as them, and what is not in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.pool.lending import PageSet
from carveout.pool.trace import Extent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def page_set(extents: Iterable[Extent]) -> PageSet:
    """Return the pages of all the extents, which may overlap."""
    pages = PageSet()
    for extent in extents:
        if extent.pages > 0:
            pages.add(extent.pfn, extent.end)
    return pages


def extents_of(pages: PageSet) -> tuple[Extent, ...]:
    """Return the pages as extents that neither overlap nor touch, ascending."""
    return tuple(Extent(start, end - start) for start, end in pages.runs())


def gaps(pages: PageSet, start: int, end: int) -> Iterator[Extent]:
    """Yield what is not in the set between start and end, ascending."""
    at = start
    for low, high in pages.runs():
        if high <= at:
            continue
        if low >= end:
            break
        if low > at:
            yield Extent(at, low - at)
        at = high
    if at < end:
        yield Extent(at, end - at)
