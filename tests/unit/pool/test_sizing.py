# SPDX-License-Identifier: Apache-2.0
"""The smallest pool for a trace: by the high-water mark, by trying, and checked against every smaller size."""

from __future__ import annotations

import pytest

from carveout.errors import SceneError, TraceError, UsageError
from carveout.pool.advice import Headroom, advise, cells_text, parse_headroom
from carveout.pool.ftrace import read_ftrace
from carveout.pool.jsonl import read_jsonl
from carveout.pool.policy import POLICIES
from carveout.pool.replay import replay
from carveout.pool.result import Reason
from carveout.pool.sizing import area_step, only_pool, size_pool
from carveout.pool.trace import Extent, Op, PoolKind, PoolSpec, Request, Trace, TraceHeader
from carveout.span import MIB
from support.pools import text


def recorded(name: str) -> Trace:
    return read_jsonl(text(f"{name}.jsonl").splitlines())


def trace(
    *requests: Request, pages: int = 512, taken: tuple[Extent, ...] = (), kind: PoolKind = PoolKind.CMA
) -> Trace:
    pool = PoolSpec(id="0", name="video", base_pfn=0x10000, pages=pages, kind=kind, initially=taken)
    return Trace(header=TraceHeader(kernel="6.12", pools=(pool,)), requests=requests)


def alloc(id_: int, pages: int, align: int = 0) -> Request:
    return Request(op=Op.CMA_ALLOC, id=id_, pages=pages, align=align)


def fails(given: Trace, pages: int, policy: str) -> bool:
    results = replay(given, policy=policy, pages={given.header.pools[0].id: pages}).results
    return any(result.allocation.reason is not Reason.NONE for result in results)


@pytest.mark.parametrize(
    ("name", "high_water", "peak"),
    [
        # MiB; measured apart from this code: shared first-fit simulation, and all smaller sizes tried.
        ("mixed-1.k6.12", 323.4, 283.8),
        ("frames-1.k6.12", 175.9, 167.4),
    ],
)
def test_recorded_workloads_need_what_was_measured(name: str, high_water: float, peak: float) -> None:
    need = size_pool(recorded(name), "0")
    assert need.exact_pages is not None
    assert round(need.exact_pages / 256, 1) == high_water
    assert round(need.peak_pages / 256, 1) == peak
    assert need.pages % need.step_pages == 0
    assert 0 <= need.pages - need.exact_pages < need.step_pages


@pytest.mark.parametrize("policy", POLICIES)
def test_the_answer_serves_and_no_smaller_size_does(policy: str) -> None:
    given = only_pool(recorded("dma-1.k6.12"), "0")
    need = size_pool(given, "0", policy=policy)
    assert need.is_smallest
    assert not fails(given, need.pages, policy)
    for pages in range(need.pages - need.step_pages, need.peak_pages // 2, -need.step_pages):
        assert fails(given, pages, policy)
    assert need.fails_below is not None


def test_the_answer_does_not_depend_on_the_present_size() -> None:
    given = recorded("frames-1.k6.12")
    small = size_pool(given, "0")
    header = given.header
    for pages in (512, 1 << 18):
        pools = (PoolSpec(id="0", name="video", base_pfn=header.pools[0].base_pfn, pages=pages),)
        other = Trace(
            header=TraceHeader(kernel=header.kernel, pools=pools),
            requests=given.requests,
            recorded=given.recorded,
        )
        assert size_pool(other, "0").pages == small.pages


def test_what_is_taken_at_first_counts() -> None:
    given = trace(alloc(0, 500), taken=(Extent(0x10000, 96),))
    need = size_pool(given, "video")
    assert (need.exact_pages, need.pages, need.peak_pages) == (596, 1024, 596)


def test_one_step_less_than_one_step_is_no_pool() -> None:
    need = size_pool(trace(alloc(0, 1)), "0")
    assert (need.pages, need.fails_below) == (512, None)


def test_pins_of_the_recording_are_kept() -> None:
    given = trace(Request(op=Op.PIN, pfn=0x10001), alloc(0, 512))
    assert size_pool(given, "0").exact_pages == 514


def test_a_pin_behind_the_end_of_a_smaller_pool_does_not_matter() -> None:
    given = trace(Request(op=Op.PIN, pfn=0x10000 + 2000), alloc(0, 100), pages=4096)
    assert size_pool(given, "0").pages == 512


def test_failed_requests_of_trace_text_have_no_end() -> None:
    given = read_ftrace(text("ftrace-dma-1.k6.12.txt").splitlines())
    need = size_pool(given, "video-pool@50400000")
    assert need.held_to_end == 11
    assert need.pages_without_held is not None
    assert need.pages_without_held < need.pages
    # Without what failed, what was served fits into the pool it was served from.
    assert need.pages_without_held <= 16384


def test_a_coherent_pool_grows_by_pages_and_a_restricted_one_by_segments() -> None:
    coherent = size_pool(recorded("coherent-1.k6.12"), "2")
    assert coherent.step_pages == 1
    assert coherent.exact_pages == coherent.pages
    restricted = size_pool(recorded("restricted-1.k7.2"), "3")
    assert restricted.step_pages == 64
    assert restricted.never_served > 0
    assert restricted.exact_pages is None


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (trace(), UsageError, "no request of the trace goes to this pool"),
        (trace(alloc(0, 1 << 27)), TraceError, "no size serves this request"),
    ],
)
def test_no_answer(given: Trace, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        size_pool(given, "0")


def test_frees_follow_their_request_into_a_pool_alone() -> None:
    pools = tuple(PoolSpec(id=str(n), name=f"p{n}", base_pfn=n << 16, pages=512) for n in (0, 1))
    requests = (
        Request(op=Op.CMA_ALLOC, id=0, pool="0", pages=1),
        Request(op=Op.CMA_ALLOC, id=1, pool="1", pages=1),
        Request(op=Op.FREE, id=1),  # recorded lines do not say of which pool
        Request(op=Op.FREE, id=0),
    )
    alone = only_pool(Trace(header=TraceHeader(kernel="6.12", pools=pools), requests=requests), "p1")
    assert [(request.op, request.id, request.pool) for request in alone.requests] == [
        (Op.CMA_ALLOC, 1, "1"),
        (Op.FREE, 1, "1"),
    ]


@pytest.mark.parametrize(
    ("kernel", "page_size", "step"),
    [("5.10", 4096, 4 * MIB), ("6.12", 4096, 2 * MIB), ("6.12", 16384, 32 * MIB), ("6.12", 65536, 512 * MIB)],
)
def test_steps_of_areas(kernel: str, page_size: int, step: int) -> None:
    assert area_step(kernel, "arm64", page_size) == step


@pytest.mark.parametrize(
    ("words", "headroom", "size"),
    [("0%", Headroom(), 1), ("20%", Headroom(percent=20), 2), ("16M", Headroom(size=16 * MIB), 9)],
)
def test_headroom_is_added_before_rounding(words: str, headroom: Headroom, size: int) -> None:
    need = size_pool(trace(alloc(0, 500)), "0")
    assert parse_headroom(words) == headroom
    advice = advise(need, TraceHeader(kernel="6.12"), headroom)
    assert advice.size == size * 2 * MIB
    assert [legal.page_size for legal in advice.legal] == [4096, 16384, 65536]
    assert [legal.size for legal in advice.legal] == [size * 2 * MIB, 32 * MIB, 512 * MIB]


@pytest.mark.parametrize("words", ["x%", "-1%", "2000%", "lots"])
def test_a_headroom_that_is_none(words: str) -> None:
    with pytest.raises((UsageError, SceneError)):
        parse_headroom(words)


@pytest.mark.parametrize(
    ("value", "cells", "shown"),
    [(0x1C600000, 2, "<0x0 0x1c600000>"), (0x1C600000, 1, "<0x1c600000>"), (1 << 32, 2, "<0x1 0x0>")],
)
def test_cells(value: int, cells: int, shown: str) -> None:
    assert cells_text(value, cells) == shown
