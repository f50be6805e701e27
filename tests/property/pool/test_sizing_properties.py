# SPDX-License-Identifier: Apache-2.0
"""The smallest pool, the timeline and the variants under random traces."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from carveout.pool.policy import POLICIES
from carveout.pool.replay import replay
from carveout.pool.result import Reason
from carveout.pool.sizing import size_pool
from carveout.pool.timeline import timeline
from carveout.pool.trace import Extent, Op, PoolSpec, Request, Trace, TraceHeader

STEP = 512


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    requests: list[Request] = []
    live: list[int] = []
    for number in range(draw(st.integers(1, 25))):
        if live and draw(st.booleans()):
            requests.append(Request(op=Op.FREE, id=live.pop(draw(st.integers(0, len(live) - 1)))))
        else:
            pages = draw(st.integers(1, 700))
            requests.append(Request(op=Op.CMA_ALLOC, id=number, pages=pages, align=draw(st.integers(0, 9))))
            live.append(number)
    if not any(request.op is Op.CMA_ALLOC for request in requests):
        requests.append(Request(op=Op.CMA_ALLOC, id=99, pages=1))
    taken = (Extent(0x10000, draw(st.integers(1, 100))),) if draw(st.booleans()) else ()
    pool = PoolSpec(id="0", name="p", base_pfn=0x10000, pages=STEP, initially=taken)
    return Trace(header=TraceHeader(kernel="6.12", pools=(pool,)), requests=tuple(requests))


def serves(trace: Trace, pages: int, policy: str) -> bool:
    results = replay(trace, policy=policy, pages={"0": pages}).results
    return all(result.allocation.reason is Reason.NONE for result in results)


@settings(deadline=None)
@given(traces(), st.sampled_from(sorted(POLICIES)))
def test_the_smallest_size_is_the_first_that_serves(trace: Trace, policy: str) -> None:
    need = size_pool(trace, "0", policy=policy)
    pages = STEP
    while not serves(trace, pages, policy):
        pages += STEP
    assert need.pages == pages
    assert need.is_smallest


@settings(deadline=None)
@given(traces())
def test_a_timeline_adds_up(trace: Trace) -> None:
    pool = trace.header.pools[0]
    result = replay(trace, pages={"0": 8 * STEP})
    line = timeline(trace.requests, result.results, "0", initially=pool.initially)
    assert line.requests == len(trace.requests)
    assert max(point.used_pages for point in line.points) == result.uses["0"].peak_pages
    assert line.points[-1].used_pages == result.uses["0"].pool.used_pages
    served = [each for each in result.results if each.allocation.pfn is not None]
    assert len(line.stays) == len(served) + len(pool.initially)
    assert len(line.failures) == len(result.results) - len(served)
    for stay in line.stays:
        # Nobody else holds any of its pages meanwhile.
        others = [
            other
            for other in line.stays
            if other is not stay and other.start < stay.end and stay.start < other.end
        ]
        assert all(
            other.extent.end <= stay.extent.pfn or stay.extent.end <= other.extent.pfn for other in others
        )
