# SPDX-License-Identifier: Apache-2.0
"""Ready workloads: their sums, their order, and that they are the same every time."""

from __future__ import annotations

import re

import pytest

from carveout.errors import UsageError
from carveout.pool.frames import NV12, NV15, P010, bitstream, motion, picture
from carveout.pool.sizing import size_pool
from carveout.pool.trace import Op, PoolKind, PoolSpec, TraceHeader
from carveout.pool.workloads import find_workload, workload_trace, workloads

HEADER = TraceHeader(
    kernel="6.12",
    pools=(PoolSpec(id="0", name="linux,cma", base_pfn=0x50000, pages=512, kind=PoolKind.CMA_DEFAULT),),
)


@pytest.mark.parametrize(
    ("buffer", "size"),
    [
        # By hand, from the formats' definitions.
        (picture("p", 1, (1920, 1080), NV12, align=(16, 16)), 1920 * 1088 + 1920 * 1088 // 2),
        (picture("p", 1, (3840, 2160), NV12, align=(64, 64)), 3840 * 2176 * 12 // 8),
        (picture("p", 1, (3840, 2160), P010, align=(64, 64)), 3840 * 2176 * 24 // 8),
        (picture("p", 1, (3840, 2160), NV15, align=(64, 64)), 3840 * 2176 * 15 // 8),
        (motion(1, (1920, 1080), "h264"), 64 * 120 * 68 + 32),
        (motion(1, (3840, 2160), "hevc"), 3840 * 2160 // 16),
        (motion(1, (3840, 2160), "vp9"), 60 * 34 * 64 * 16),
        (bitstream(1, (1920, 1080)), 1555200),
    ],
)
def test_sums(buffer: object, size: int) -> None:
    assert getattr(buffer, "size") == size  # noqa: B009 the values are named tuples


@pytest.mark.parametrize("name", workloads())
def test_the_sum_shown_is_the_size(name: str) -> None:
    """The text of each sum, worked out, is the number beside it."""
    for stream in workloads()[name].streams:
        for buffer in stream.buffers:
            shown = buffer.sum.rpartition(": ")[2].replace("x", "*").replace(" blocks", "")
            shown = shown.replace("KiB", "* 1024")
            assert re.fullmatch(r"[\d*/+() ]+", shown)
            assert eval(shown) == buffer.size  # noqa: S307 digits and operators only, checked above


@pytest.mark.parametrize("name", workloads())
def test_every_workload_gives_back_what_it_takes_and_has_a_size(name: str) -> None:
    trace = workload_trace([find_workload(name)], HEADER)
    taken = [request.id for request in trace.requests if request.op is Op.DMA_ALLOC]
    freed = [request.id for request in trace.requests if request.op is Op.FREE]
    assert sorted(freed, key=lambda id_: id_ or 0) == taken
    assert trace == workload_trace([find_workload(name)], HEADER)
    need = size_pool(trace, "0")
    assert need.peak_pages <= (need.exact_pages or 0)


def test_references_and_times() -> None:
    few = workload_trace([find_workload("hevc-4k", 2)], HEADER)
    many = workload_trace([find_workload("hevc-4k", 12)], HEADER)
    assert len(many.requests) - len(few.requests) == 2 * 2 * 10
    twice = workload_trace([find_workload("audio")], HEADER, times=2)
    assert len(twice.requests) == 2 * len(workload_trace([find_workload("audio")], HEADER).requests)
    assert len({request.id for request in twice.requests if request.op is Op.DMA_ALLOC}) == 16


def test_unknown_names_and_numbers() -> None:
    with pytest.raises(UsageError, match="no workload 'hevc-8k'"):
        find_workload("hevc-8k")
    with pytest.raises(UsageError, match="0 reference pictures"):
        find_workload("hevc-4k", 0)
