# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carveout.errors import TraceError
from carveout.pool.jsonl import read_jsonl
from carveout.pool.trace import Extent, Op, PoolKind, Request

HEADER = {
    "kind": "header", "kernel": "7.2.13", "page_size": 4096, "cma_alignment": 8, "workload": "w", "build": "b",
    "pools": {"0": {"name": "video", "base": 0x50400, "pages": 64, "kind": "cma"},
              "3": {"name": "wifi", "base": 0x5E000, "pages": 64, "kind": "restricted"}},
    "initially_allocated": {"0": [[0x50400, 3]]}, "initial_index": 5,
}  # fmt: skip


def lines(*values: dict[str, Any] | str, **changes: Any) -> list[str]:
    return [json.dumps(HEADER | changes), *(v if isinstance(v, str) else json.dumps(v) for v in values)]


def test_a_header_and_requests() -> None:
    trace = read_jsonl(
        lines(
            {"op": "pin", "pfn": 0x50410},
            {
                "op": "cma_alloc",
                "pool": 0,
                "id": 0,
                "count": 5,
                "align": 2,
                "pfn": 3,
                "busy_pfns": [1, 2],
                "errno": 0,
            },
            "",
            {"op": "dma_alloc", "pool": 3, "id": 1, "bytes": 4097, "addr": 9},
            {"op": "free", "id": 0},
            {"op": "unpin_all"},
            {"op": "lend", "count": 7},
            {"op": "heap_alloc", "id": 2, "bytes": 1, "time": 1.5},
        )
    )
    assert trace.header.pool("video").initially == (Extent(0x50400, 3),)
    wifi = trace.header.pool("3")
    assert (wifi.kind, wifi.initial_index, wifi.name) == (PoolKind.RESTRICTED, 5, "wifi")
    assert trace.header.pool("0").initial_index == 0
    assert trace.requests == (
        Request(Op.PIN, pfn=0x50410, line=2),
        Request(Op.CMA_ALLOC, id=0, pages=5, align=2, line=3),
        Request(Op.DMA_ALLOC, id=1, pool="3", size=4097, line=5),
        Request(Op.FREE, id=0, line=6),
        Request(Op.UNPIN_ALL, line=7),
        Request(Op.LEND, pages=7, line=8),
        Request(Op.HEAP_ALLOC, id=2, size=1, line=9, time=1.5),
    )
    assert trace.recorded[0].busy_pfns == (1, 2)
    assert trace.recorded[1].address == 9


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 2: no JSON"),
        ("[" * 5000, "line 2: no JSON"),
        ("[1]", "line 2: a list, expected an object"),
        ({"op": "malloc"}, "op is 'malloc', expected one of cma_alloc, dma_alloc"),
        ({"op": "cma_alloc", "id": 1}, "line 2: no count"),
        ({"op": "cma_alloc", "id": 1, "count": 0}, "count is 0, expected a number from 1"),
        ({"op": "cma_alloc", "id": 1, "count": "7"}, "count is '7'"),
        ({"op": "cma_alloc", "id": 1, "count": True}, "count is True"),
        ({"op": "cma_alloc", "count": 1}, "no id"),
        (
            {"op": "cma_alloc", "id": 1, "count": 1, "align": 40},
            "align is 40, expected a number from 0 to 31",
        ),
        ({"op": "dma_alloc", "id": 1, "bytes": -5}, "bytes is -5"),
        ({"op": "pin"}, "no pfn"),
        ({"op": "cma_alloc", "id": 1, "count": 1, "pfn": 1, "busy_pfns": 3}, "busy_pfns is no list"),
    ],
)
def test_a_broken_line_is_named_and_left_out_if_asked(line: dict[str, Any] | str, message: str) -> None:
    good = {"op": "free", "id": 0}
    with pytest.raises(TraceError, match=message) as caught:
        read_jsonl(lines(line, good))
    assert caught.value.line == 2
    trace = read_jsonl(lines(line, good), keep_going=True)
    assert len(trace.problems) == len(trace.requests) == 1
    assert "line 2" in trace.problems[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pools": 3}, "no header"),
        ({"kernel": None}, "no header"),
        ({"page_size": 5000}, "page_size is 5000, expected one of 4096"),
        ({"initially_allocated": []}, None),
        ({"initially_allocated": [1]}, "initially_allocated is no object"),
        ({"initially_allocated": {"0": [[1]]}}, "is no pair"),
        ({"initially_allocated": {"0": 7}}, "is no pair"),
        ({"pools": {"0": 1}}, "pool 0: no object"),
        ({"pools": {"0": {"base": 1, "pages": 0}}}, "pages is 0"),
        ({"pools": {"0": {"base": 1, "pages": 1 << 40}}}, "pages is"),
        ({"pools": {"0": {"base": 1, "pages": 1, "kind": "heap"}}}, "kind is 'heap', expected one of cma"),
    ],
)
def test_a_broken_header_ends_it(changes: dict[str, Any], message: str | None) -> None:
    if message is None:
        assert read_jsonl(lines(**changes)).requests == ()
        return
    for keep_going in (False, True):
        with pytest.raises(TraceError, match=message):
            read_jsonl(lines(**changes), keep_going=keep_going)


def test_nothing_at_all() -> None:
    with pytest.raises(TraceError, match="no header"):
        read_jsonl([])
    with pytest.raises(TraceError, match="characters, expected at most"):
        read_jsonl([" " + "x" * (1 << 20)])


@given(
    st.lists(st.text(max_size=80) | st.sampled_from(['{"op": "free", "id": 0}', "{}", "null"]), max_size=10)
)
def test_any_lines_give_a_trace_or_an_error(texts: list[str]) -> None:
    trace = read_jsonl(lines(*texts), keep_going=True)
    assert len(trace.requests) + len(trace.problems) <= len(texts)
