# SPDX-License-Identifier: Apache-2.0
"""Every recorded allocation of real kernels, replayed: the place, the errno, the busy attempts and the events."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from carveout.pool.cma import CmaPool
from carveout.pool.jsonl import read_jsonl, result_line
from carveout.pool.replay import replay
from carveout.pool.system import PoolSystem

RECORDINGS = sorted((Path(__file__).resolve().parent.parent / "data" / "pool").glob("*.jsonl.gz"))


def recorded_lines(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def expected(line: dict[str, Any]) -> dict[str, Any]:
    """Return what a recording says that the kernel did; errno only where its events tell it."""
    place = "pfn" if line["op"] == "cma_alloc" else "addr"
    keys = ("errno", "busy_pfns", "finish_pfn", "no_finish_event")
    return {"id": line["id"], place: line[place]} | {key: line[key] for key in keys if key in line}


def test_there_are_recordings_of_every_kernel() -> None:
    assert len(RECORDINGS) == 31
    assert {path.name.split(".k", 1)[1].removesuffix(".jsonl.gz") for path in RECORDINGS} == {
        "5.10", "6.1", "6.12", "6.12-16k", "7.2",
    }  # fmt: skip


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name.removesuffix(".jsonl.gz"))
def test_a_recorded_trace_replays_to_the_letter(path: Path) -> None:
    lines = recorded_lines(path)
    asked = [json.loads(line) for line in lines[1:]]
    wanted = [expected(line) for line in asked if line["op"] in ("cma_alloc", "dma_alloc")]
    got = [json.loads(result_line(result)) for result in replay(read_jsonl(lines)).results]
    assert len(got) == len(wanted) > 100
    for have, want in zip(got, wanted, strict=True):
        if "errno" not in want:
            # Up to 6.1 no event tells it; that it failed is known from the place.
            assert (have.pop("errno") != 0) == (want.get("pfn", want.get("addr")) is None)
        assert have == want


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name.removesuffix(".jsonl.gz"))
def test_what_a_recording_got_decides_nothing(path: Path) -> None:
    lines = recorded_lines(path)
    bare = [lines[0]]
    for line in lines[1:]:
        values = json.loads(line)
        keys = ("op", "pool", "id", "count", "align", "bytes", *(["pfn"] if values["op"] == "pin" else []))
        bare.append(json.dumps({key: values[key] for key in keys if key in values}))
    with_results, without = replay(read_jsonl(lines)).results, replay(read_jsonl(bare)).results
    assert [result_line(result) for result in with_results] == [result_line(result) for result in without]


@pytest.mark.parametrize("path", [p for p in RECORDINGS if ".k7.2" in p.name], ids=lambda path: path.name)
def test_pages_that_7_2_counts_as_available(path: Path) -> None:
    lines = recorded_lines(path)
    trace = read_jsonl(lines)
    before = {v["id"]: v["available_before"] for v in map(json.loads, lines[1:]) if "available_before" in v}
    system = PoolSystem.of_trace(trace.header)
    for request in trace.requests:
        if request.id in before and request.op == "cma_alloc":
            pool = system.pools[request.pool]
            assert isinstance(pool, CmaPool)
            assert pool.available_count == before[request.id]
        system.submit(request)
