# SPDX-License-Identifier: Apache-2.0
"""Who held which pages from when to when: a trace with its results, as rectangles of pages and requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.pool.trace import Op
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.pool.system import RequestResult
    from carveout.pool.trace import Extent, Request


class Stay(NamedTuple):
    """Pages that one request held. start, end: numbers of requests, [start, end)."""

    start: int
    end: int
    extent: Extent
    id: int | None


class Point(NamedTuple):
    """How full a pool is after a request."""

    number: int
    used_pages: int


class Failure(NamedTuple):
    """A request that the pool did not serve. number: among the requests, counted from 0."""

    number: int
    result: RequestResult


class Timeline(NamedTuple):
    """One pool from the first request to the last."""

    requests: int
    stays: tuple[Stay, ...]
    points: tuple[Point, ...]
    failures: tuple[Failure, ...]


def timeline(
    requests: Iterable[Request],
    results: Iterable[RequestResult],
    pool_id: str,
    *,
    initially: Iterable[Extent] = (),
) -> Timeline:
    """Return what one pool went through.

    requests: of the trace; results: of its replay, one for each request that asks for memory.
    """
    from carveout.pool.trace import Extent

    open_stays: dict[int, Stay] = {}
    before = {extent.pfn: Stay(0, 0, extent, None) for extent in initially}
    used = sum(stay.extent.pages for stay in before.values())
    done: list[Stay] = []
    points = [Point(0, used)]
    failures = []
    left = iter(results)
    number = 0
    for request in requests:
        if request.op in (Op.CMA_ALLOC, Op.DMA_ALLOC, Op.HEAP_ALLOC):
            result = next(left)
            got = result.allocation
            if request.pool == pool_id:
                if got.pfn is not None and request.id is not None:
                    open_stays[request.id] = Stay(number, 0, Extent(got.pfn, got.pages), request.id)
                    used += got.pages
                elif got.reason:
                    failures.append(Failure(number, result))
        elif request.op is Op.FREE:
            stay = (
                open_stays.pop(request.id, None)
                if request.id is not None
                else before.pop(request.pfn or 0, None)
            )
            if stay is not None:
                done.append(stay._replace(end=number))
                used -= stay.extent.pages
        else:
            continue  # what the system does with its pages
        number += 1
        points.append(Point(number, used))
    done += [stay._replace(end=number) for stay in (*open_stays.values(), *before.values())]
    return Timeline(
        requests=number,
        stays=tuple(sorted(done, key=lambda stay: (stay.start, stay.extent))),
        points=tuple(points),
        failures=tuple(failures),
    )
