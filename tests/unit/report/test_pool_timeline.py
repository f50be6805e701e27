# SPDX-License-Identifier: Apache-2.0
"""Of a long trace those requests are shown that surround the first failure; of a short one all."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from carveout.pool.result import Allocation, Reason
from carveout.pool.system import RequestResult
from carveout.pool.timeline import Failure, Stay, Timeline
from carveout.pool.trace import Extent, Op, PoolSpec, Request, TraceHeader
from carveout.report.pool_timeline_svg import PoolStory, shown_failures, shown_stays, window_of

FAILED = RequestResult(
    Request(Op.CMA_ALLOC, 1, pages=1), Allocation(None, 0, -12, Reason.ROOM), "none", None, -12
)


def line_of(requests: int, held: int, failures: list[int]) -> Timeline:
    """Return a line in which every other request holds a page for some requests."""
    stays = tuple(
        Stay(start, min(start + held, requests), Extent(start, 1), start) for start in range(0, requests, 2)
    )
    return Timeline(requests, stays, (), tuple(Failure(number, FAILED) for number in failures))


def test_a_short_trace_is_shown_whole() -> None:
    assert window_of(line_of(100, 3, [7]), 51) is None
    assert window_of(line_of(100, 3, [7]), 50) is not None


def test_without_a_failure_it_is_the_beginning() -> None:
    window = window_of(line_of(10_000, 3, []), 100)
    assert window is not None
    assert window[0] == 0


@given(
    st.integers(50, 2000), st.integers(1, 9), st.lists(st.integers(0, 49), max_size=5), st.integers(12, 60)
)
def test_the_window_holds_the_first_failure_and_no_more_than_it_may(
    requests: int, held: int, failures: list[int], most: int
) -> None:
    line = line_of(requests, held, sorted(set(failures)))
    window = window_of(line, most)
    if window is None:
        assert len(line.stays) + len(line.failures) <= most
        return
    first, last = window
    assert 0 <= first < last <= requests
    assert not line.failures or first <= line.failures[0].number < last
    story = PoolStory(
        line,
        PoolSpec(id="0", name="p", base_pfn=0, pages=requests),
        TraceHeader(kernel="6.12"),
        window=window,
    )
    assert len(shown_stays(story)) + len(shown_failures(story)) <= most
    assert all(stay.start < last and stay.end > first for stay in shown_stays(story))
