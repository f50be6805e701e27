# SPDX-License-Identifier: Apache-2.0
"""Recorded traces set against their replay: no difference where the trace says all, and its kind where it does not."""

from __future__ import annotations

import pytest

from carveout.pool.differences import Kind, busy_requests, differences, with_recorded_busy
from carveout.pool.ftrace import read_ftrace
from carveout.pool.jsonl import read_jsonl
from carveout.pool.replay import replay
from carveout.pool.trace import Extent, Op, PoolSpec, RecordedResult, Request, Trace, TraceHeader
from carveout.values import replace
from support.pools import KERNELS, golden, pool_specs, text


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_recorded_trace_text_replays_without_a_difference(kernel: str) -> None:
    header, _ = golden(f"dma-1.k{kernel}")
    trace = read_ftrace(
        text(f"ftrace-dma-1.k{kernel}.txt").splitlines(),
        pools=pool_specs(header),
        page_size=header["page_size"],
        kernel=header["kernel"],
    )
    results = replay(trace).results
    assert len(results) > 400
    assert differences(trace, results) == ()


@pytest.mark.parametrize("kernel", ["6.1", "6.12", "6.12-16k", "7.2"])
def test_recorded_busy_attempts_fail_again(kernel: str) -> None:
    """Nothing says which pages were pinned: the busy events alone lead to the same places."""
    header, _ = golden(f"pinned-1.k{kernel}")
    trace = read_ftrace(
        text(f"ftrace-pinned-1.k{kernel}.txt").splitlines(),
        pools=pool_specs(header),
        page_size=header["page_size"],
    )
    assert busy_requests(trace) > 50
    assert differences(trace, replay(trace).results)
    assert differences(trace, replay(with_recorded_busy(trace)).results) == ()


@pytest.mark.parametrize("kernel", ["6.12", "7.2"])
def test_a_trace_text_needs_no_description_of_its_areas(kernel: str) -> None:
    trace = read_ftrace(text(f"ftrace-dma-1.k{kernel}.txt").splitlines())
    assert differences(trace, replay(trace).results) == ()


@pytest.mark.parametrize(
    "name", ["dma-1.k6.12", "pinned-1.k6.12", "coherent-1.k6.1", "restricted-1.k7.2", "dma-1.k5.10"]
)
def test_recorded_lines_replay_without_a_difference(name: str) -> None:
    trace = read_jsonl(text(f"{name}.jsonl").splitlines())
    assert len(trace.recorded) > 200
    assert differences(trace, replay(trace).results) == ()


def one(recorded: RecordedResult, *, taken: tuple[Extent, ...] = (), pages: int = 4) -> Trace:
    pool = PoolSpec(id="0", name="video", base_pfn=0x1000, pages=16, initially=taken)
    return Trace(
        header=TraceHeader(kernel="6.12", pools=(pool,)),
        requests=(Request(op=Op.CMA_ALLOC, id=0, pages=pages),),
        recorded={0: recorded},
    )


FULL = (Extent(0x1000, 16),)


@pytest.mark.parametrize(
    ("trace", "kind"),
    [
        pytest.param(one(RecordedResult(pfn=0x1000, errno=0)), None, id="same"),
        pytest.param(one(RecordedResult(pfn=0x1004, errno=0)), Kind.HIGHER, id="higher"),
        pytest.param(one(RecordedResult(pfn=0x1000, errno=0), taken=(Extent(0x1000, 4),)), Kind.LOWER, id="lower"),
        pytest.param(one(RecordedResult(pfn=None, errno=-12)), Kind.FAILED, id="failed"),
        pytest.param(one(RecordedResult(pfn=None)), Kind.FAILED, id="failed-without-errno"),
        pytest.param(one(RecordedResult(pfn=0x1000, errno=0), taken=FULL), Kind.SUCCEEDED, id="succeeded"),
        pytest.param(one(RecordedResult(pfn=None, errno=-16), taken=FULL), Kind.ERRNO, id="errno"),
        pytest.param(one(RecordedResult(pfn=None, errno=-12), taken=FULL), None, id="same-failure"),
        pytest.param(one(RecordedResult(pfn=0x1000, errno=0, busy_pfns=(0x1000,))), Kind.BUSY, id="busy"),
        pytest.param(one(RecordedResult(pfn=None, errno=0)), None, id="place-unknown"),
    ],
)  # fmt: skip
def test_kinds_of_differences(trace: Trace, kind: Kind | None) -> None:
    found = differences(trace, replay(trace).results)
    assert [each.kind for each in found] == ([kind] if kind else [])


def test_served_outside_of_the_pool_or_not() -> None:
    trace = one(RecordedResult(pfn=None, is_outside=True))
    asked = replace(trace, requests=(Request(op=Op.DMA_ALLOC, id=0, size=4096),))
    assert [each.kind for each in differences(asked, replay(asked).results)] == [Kind.OUTSIDE]


def test_pins_of_the_trace_are_enough() -> None:
    trace = one(RecordedResult(pfn=0x1004, errno=0, busy_pfns=(0x1000,)))
    pinned = replace(trace, requests=(Request(op=Op.PIN, pfn=0x1000), *trace.requests))
    assert with_recorded_busy(pinned) is pinned
    asked = with_recorded_busy(trace).requests
    assert [request.op for request in asked] == [Op.PIN, Op.CMA_ALLOC, Op.UNPIN]


def test_pages_from_before_the_capture_are_released() -> None:
    pool = PoolSpec(id="0", name="video", base_pfn=0x1000, pages=16, initially=(Extent(0x1000, 8),))
    trace = Trace(
        header=TraceHeader(kernel="6.12", pools=(pool,)),
        requests=(Request(op=Op.FREE, pfn=0x1000, pages=8), Request(op=Op.CMA_ALLOC, id=0, pages=12)),
    )
    assert replay(trace).results[0].allocation.pfn == 0x1000
