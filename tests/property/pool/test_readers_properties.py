# SPDX-License-Identifier: Apache-2.0
"""Readers of traces and states under damaged input: an error with a line, or a trace; never anything else."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from carveout.errors import TraceError, UsageError
from carveout.pool.area_state import read_state_text
from carveout.pool.differences import with_recorded_busy
from carveout.pool.dmabuf import read_bufinfo, read_heap_requests
from carveout.pool.ftrace import read_ftrace
from carveout.pool.runs import extents_of, gaps, page_set
from carveout.pool.trace import Extent, PoolSpec, TraceHeader
from carveout.pool.watch import watch
from support.pools import text

TRACES = [
    text("ftrace-pinned-1.k5.10.txt").splitlines()[:80],
    text("ftrace-pinned-1.k6.1.txt").splitlines()[:80],
    text("ftrace-dma-1.k7.2.txt").splitlines()[:80],
    text("ftrace-migrate-fill860.k7.2-icount.txt").splitlines()[:60],
]
POOL = PoolSpec(id="0", name="video-pool@50400000", base_pfn=0x50400, pages=16384)


@st.composite
def damaged(draw: st.DrawFn) -> list[str]:
    lines = list(draw(st.sampled_from(TRACES)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        kind = draw(st.sampled_from(["cut", "drop", "twice", "swap", "insert", "replace"]))
        line = lines[at]
        spot = draw(st.integers(0, len(line)))
        if kind == "cut":
            lines[at] = line[:spot]
        elif kind == "drop" and len(lines) > 1:
            del lines[at]
        elif kind == "twice":
            lines.insert(at, line)
        elif kind == "swap":
            lines[at], lines[-1] = lines[-1], lines[at]
        elif kind == "insert":
            lines[at] = line[:spot] + draw(st.text(max_size=5)) + line[spot:]
        else:
            lines[at] = draw(st.text(max_size=80))
    return lines


@given(damaged(), st.booleans())
def test_a_damaged_trace_is_an_error_or_a_trace(lines: list[str], with_pool: bool) -> None:
    pools = (POOL,) if with_pool else ()
    try:
        trace = read_ftrace(lines, pools=pools)
    except TraceError:
        try:
            trace = read_ftrace(lines, pools=pools, keep_going=True)
        except TraceError:
            return
        assert trace.problems
    ids = [request.id for request in trace.requests if request.pages and request.id is not None]
    assert len(ids) == len(set(ids))
    known = {pool.id for pool in trace.header.pools}
    assert {request.pool for request in trace.requests} <= known
    for pool in trace.header.pools:
        starts = [extent.pfn for extent in pool.initially]
        assert starts == sorted(starts)
    # What was read can be replayed, or is refused for a reason.
    with suppress(TraceError, UsageError):
        watched = watch(with_recorded_busy(trace))
        for pool in trace.header.pools:
            view = watched.view(pool.id)
            assert view.used_pages + view.free_pages == pool.pages


@given(st.text(max_size=400))
def test_any_text_is_an_error_or_a_result(body: str) -> None:
    header = TraceHeader(kernel="6.12", pools=(POOL,))
    for read in (
        read_state_text,
        read_bufinfo,
        read_ftrace,
        lambda lines: read_heap_requests(lines, header, keep_going=True),
    ):
        with suppress(TraceError):
            read(body.splitlines())


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=12), st.integers(0, 70))
def test_extents_and_gaps_are_the_pages_and_the_others(given_runs: list[tuple[int, int]], at: int) -> None:
    pages = {page for start, size in given_runs for page in range(start, start + size)}
    runs = page_set(Extent(*run) for run in given_runs)
    found = extents_of(runs)
    assert {page for extent in found for page in range(extent.pfn, extent.end)} == pages
    assert all(low.end < high.pfn for low, high in pairwise(found))
    free = {page for gap in gaps(runs, at, at + 20) for page in range(gap.pfn, gap.end)}
    assert free == set(range(at, at + 20)) - pages
