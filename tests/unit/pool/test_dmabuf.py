# SPDX-License-Identifier: Apache-2.0
"""Lists of dma-heap requests, and bufinfo."""

from __future__ import annotations

import pytest

from carveout.errors import TraceError
from carveout.pool.dmabuf import Buffer, bufinfo_trace, is_bufinfo, read_bufinfo, read_heap_requests
from carveout.pool.trace import Op, PoolKind, PoolSpec, TraceHeader
from support.pools import text

HEADER = TraceHeader(
    kernel="7.2",
    pools=(
        PoolSpec(id="0", name="video-pool@50400000", base_pfn=0x50400, pages=16384),
        PoolSpec(
            id="1", name="default-pool@58000000", base_pfn=0x58000, pages=12288, kind=PoolKind.CMA_DEFAULT
        ),
    ),
)


def test_a_recorded_list_of_requests() -> None:
    trace = read_heap_requests(text("dma-heap-requests.k7.2-lab.txt").splitlines(), HEADER)
    asked = [request for request in trace.requests if request.op is Op.HEAP_ALLOC]
    assert len(asked) == 1026
    # default_cma_region is the default area by its other name.
    assert {request.pool for request in asked} == {"0", "1"}
    assert sum(result.is_failure for result in trace.recorded.values()) == 107
    freed = [request.id for request in trace.requests if request.op is Op.FREE]
    assert len(freed) == len(set(freed))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("H 1 0 4096 0", "heap 1 was not named"),
        ("H 0 0 x 0", "'x' is no number"),
        ("H 0 0 0 0", "0 bytes"),
        ("Q 1", "is none of"),
        ("heap nobody\nH 1 0 4096 0", "heap 'nobody' is no pool's"),
    ],
)
def test_a_broken_line_is_named(line: str, message: str) -> None:
    lines = ["heap video-pool@50400000 fd 4", *line.splitlines(), "H 0 1 4096 0"]
    with pytest.raises(TraceError, match=message) as caught:
        read_heap_requests(lines, HEADER)
    assert caught.value.line == len(lines) - 1
    trace = read_heap_requests(lines, HEADER, keep_going=True)
    assert len(trace.problems) == 1
    assert len(trace.requests) == 1


def test_bufinfo_as_recorded() -> None:
    buffers = read_bufinfo(text("dmabuf-bufinfo.k7.2-lab.txt").splitlines())
    assert len(buffers) == 10
    assert buffers[0] == Buffer(65536, "default-pool@58000000", 297, "<none>")
    assert buffers[-1].size == 28672
    trace = bufinfo_trace(buffers, HEADER)
    assert [request.size for request in trace.requests] == [buffer.size for buffer in buffers]
    assert {request.pool for request in trace.requests} == {"1"}
    assert any("not where" in note for note in trace.header.notes)


def test_buffers_of_510_have_no_name_and_those_of_others_are_left_out() -> None:
    lines = [
        "size    \tflags   \tmode    \tcount   \texp_name\tino     ",
        "00028672\t00000002\t02080007\t00000001\tvideo-pool@50400000\t00000307",
        "00004096\t00000002\t02080007\t00000001\tsystem\t00000308",
    ]
    assert is_bufinfo(lines[0])
    trace = bufinfo_trace(read_bufinfo(lines), HEADER)
    assert [request.size for request in trace.requests] == [28672]
    assert any("4096 bytes of buffers are of system" in note for note in trace.header.notes)


def test_a_bufinfo_without_buffers_is_an_error() -> None:
    with pytest.raises(TraceError, match="shows no buffer"):
        read_bufinfo(["Total 0 objects, 0 bytes"])
