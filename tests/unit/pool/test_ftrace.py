# SPDX-License-Identifier: Apache-2.0
"""Trace text → requests: every event of the recorded traces, and what is made of traces with gaps."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from carveout.errors import TraceError
from carveout.pool.ftrace import read_ftrace
from carveout.pool.trace import Extent, Op, PoolSpec, RecordedResult, Request, Trace
from support.pools import KERNELS, golden, pool_specs, text

AREA = PoolSpec(id="0", name="video", base_pfn=0x1000, pages=256)


def read(body: str, **options: Any) -> Trace:
    return read_ftrace(body.splitlines(), **{"pools": (AREA,), "page_size": 4096, **options})


def line(task: int, time: float, event: str, *, comm: str = "cat") -> str:
    return f"             {comm}-{task}     [000] ..... {time:12.6f}: {event}\n"


def start(task: int, time: float, pages: int, align: int = 0, name: str = "video") -> str:
    return line(task, time, f"cma_alloc_start: name={name} count={pages} align={align}")


def finish(task: int, time: float, pages: int, pfn: int | None, align: int = 0, name: str = "video") -> str:
    page, shown, errno = (
        ("0000000000000000", "0xffffffffffffffff", -12)
        if pfn is None
        else ("00000000d2da3ac9", f"0x{pfn:x}", 0)
    )
    return line(
        task,
        time,
        f"cma_alloc_finish: name={name} pfn={shown} page={page} count={pages} align={align} errorno={errno}",
    )


def release(task: int, time: float, pfn: int, pages: int, name: str = "video") -> str:
    return line(task, time, f"cma_release: name={name} pfn=0x{pfn:x} page=00000000d2da3ac9 count={pages}")


def asked_of(ops: list[dict[str, Any]], header: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What reaches the contiguous areas, by the recorded operations. Source: cma 1.2."""
    shift = header["page_size"].bit_length() - 1
    found: list[tuple[Any, ...]] = []
    held: dict[int, tuple[Any, ...]] = {}
    for op in ops:
        if op["op"] == "cma_alloc":
            pfn, pool = op["pfn"], str(op["pool"])
            found.append(("alloc", pool, op["count"], op["align"], pfn))
        elif op["op"] == "dma_alloc":
            pool = str(op["pool"])
            pages = -(-op["bytes"] >> shift)
            if header["pools"][pool]["kind"] == "cma-default" and pages == 1:
                continue
            addr = op["addr"]
            pfn = addr >> shift if isinstance(addr, int) else None
            align = min((pages - 1).bit_length(), header["cma_alignment"])
            found.append(("alloc", pool, pages, align, pfn))
        elif op["op"] == "free" and op["id"] in held:
            found.append(held.pop(op["id"]))
            continue
        else:
            continue
        if pfn is not None:
            held[op["id"]] = ("free", pool, pages if op["op"] == "dma_alloc" else op["count"], pfn)
    return found


def asked_by(trace: Trace) -> list[tuple[Any, ...]]:
    allocs: dict[int | None, Request] = {}
    found: list[tuple[Any, ...]] = []
    for request in trace.requests:
        if request.op is Op.CMA_ALLOC:
            allocs[request.id] = request
            pfn = trace.recorded[request.id].pfn if request.id is not None else None
            found.append(("alloc", request.pool, request.pages, request.align, pfn))
        else:
            taken = allocs[request.id]
            pfn = trace.recorded[taken.id].pfn if taken.id is not None else None
            found.append(("free", taken.pool, taken.pages, pfn))
    return found


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("workload", ["dma-1", "pinned-1"])
def test_every_event_equals_the_recording_of_the_same_run(workload: str, kernel: str) -> None:
    header, ops = golden(f"{workload}.k{kernel}")
    trace = read_ftrace(
        text(f"ftrace-{workload}.k{kernel}.txt").splitlines(),
        pools=pool_specs(header),
        page_size=header["page_size"],
    )
    events, expected = asked_by(trace), asked_of(ops, header)
    if workload == "dma-1":
        # What the last requests still held was given back after the recording's last line.
        differing = [(got, want) for got, want in zip(events, expected, strict=False) if got != want]
        if kernel == "5.10":
            # Whose failed request it was cannot be told when no area had room; the reader says so.
            assert any("of 8 failed requests cannot be told" in note for note in trace.header.notes)
            assert len(differing) <= 8
            assert all(got[2:] == want[2:] and got[-1] is None for got, want in differing)
        else:
            assert differing == []
        assert all(event[0] == "free" for event in events[len(expected) :])
    else:
        assert [event for event in events if event[0] == "alloc"] == [e for e in expected if e[0] == "alloc"]
    assert trace.problems == ()


@pytest.mark.parametrize("kernel", ["6.1", "6.12", "7.2"])
def test_busy_attempts_equal_the_recording(kernel: str) -> None:
    header, ops = golden(f"pinned-1.k{kernel}")
    body = text(f"ftrace-pinned-1.k{kernel}.txt")
    trace = read_ftrace(body.splitlines(), pools=pool_specs(header))
    expected = [tuple(op.get("busy_pfns", ())) for op in ops if op["op"] == "cma_alloc"]
    assert [result.busy_pfns for result in trace.recorded.values()] == expected
    if kernel != "6.1":
        errnos = [op["errno"] for op in ops if op["op"] == "cma_alloc"]
        assert [result.errno for result in trace.recorded.values()] == errnos


@pytest.mark.parametrize(
    ("kernel", "page_size", "pools"),
    [
        ("6.1", 4096, {("video-pool@50400000", 0x50400), ("default-pool@58000000", 0x58000)}),
        ("6.12", 4096, {("video-pool@50400000", 0x50400), ("default-pool@58000000", 0x58000)}),
        ("6.12-16k", 16384, {("video-pool@52000000", 0x14800), ("default-pool@58000000", 0x16000)}),
        ("7.2", 4096, {("video-pool@50400000", 0x50400), ("default-pool@58000000", 0x58000)}),
    ],
)
def test_areas_that_nobody_describes_are_taken_from_the_events(
    kernel: str, page_size: int, pools: set[tuple[str, int]]
) -> None:
    trace = read_ftrace(text(f"ftrace-dma-1.k{kernel}.txt").splitlines())
    assert trace.header.page_size == page_size
    assert {(pool.name, pool.base_pfn) for pool in trace.header.pools} == pools
    assert trace.header.kernel == kernel.removesuffix("-16k")
    assert any("unit address" in note for note in trace.header.notes)


@pytest.mark.parametrize(("kernel", "pages"), [("6.1", 96), ("6.12", 96), ("6.12-16k", 24), ("7.2", 32)])
def test_what_the_kernel_holds_at_the_start_of_the_default_area_is_found(kernel: str, pages: int) -> None:
    """As in the recordings' headers: the atomic DMA pools."""
    header, _ = golden(f"dma-1.k{kernel}")
    trace = read_ftrace(text(f"ftrace-dma-1.k{kernel}.txt").splitlines())
    found = {pool.name: pool.initially for pool in trace.header.pools}
    expected = {pool.name: pool.initially for pool in pool_specs(header)}
    assert found == expected
    assert sum(extent.pages for extent in found["default-pool@58000000"]) == pages
    assert any(f"the first {pages} pages are taken to be in use" in note for note in trace.header.notes)


def test_72_says_how_much_was_in_use_but_not_where() -> None:
    body = line(
        1, 1.0, "cma_alloc_start: name=video request_count=8 available_count=200 total_count=256 align=0"
    )
    body += finish(1, 1.1, 8, 0x1000)
    trace = read(body)
    assert any("video: 56 pages were in use at its first event" in note for note in trace.header.notes)


def test_without_names_the_area_is_found_by_page() -> None:
    other = PoolSpec(id="7", name="camera", base_pfn=0x9000, pages=64)
    body = line(1, 1.0, "cma_alloc: pfn=9010 page=ffffff12fd210000 count=16 align=4")
    body += line(1, 2.0, "cma_alloc: pfn=ffffffffffffffff page=0000000000000000 count=60 align=4")
    body += line(1, 3.0, "cma_release: pfn=9010 page=ffffff12fd210000 count=16")
    trace = read(body, pools=(AREA, other))
    # The failed one names no page: only the camera's area has no room for it.
    assert [request.pool for request in trace.requests] == ["7", "7", "7"]
    assert trace.requests[-1].id == 0


def test_requests_of_several_tasks_are_told_apart() -> None:
    body = start(1, 1.0, 4) + start(2, 1.1, 8) + finish(2, 1.2, 8, 0x1004) + finish(1, 1.3, 4, 0x1000)
    trace = read(body)
    assert [(request.id, request.pages) for request in trace.requests] == [(0, 4), (1, 8)]
    assert {id_: result.pfn for id_, result in trace.recorded.items()} == {0: 0x1000, 1: 0x1004}
    assert trace.recorded[0].seconds == pytest.approx(0.3)
    assert any("began while another one was running" in note for note in trace.header.notes)


def test_a_capture_that_begins_late_has_pages_that_were_there_before() -> None:
    body = release(1, 1.0, 0x1010, 16) + start(1, 2.0, 4) + finish(1, 2.1, 4, 0x1010)
    trace = read(body)
    assert trace.header.pools[0].initially == (Extent(0x1010, 16),)
    first = trace.requests[0]
    assert (first.op, first.id, first.pfn, first.pages) == (Op.FREE, None, 0x1010, 16)
    assert any("before the capture began" in note for note in trace.header.notes)


def test_a_finish_without_start_is_a_request() -> None:
    trace = read(finish(1, 1.0, 4, 0x1000, align=2))
    assert (trace.requests[0].pages, trace.requests[0].align) == (4, 2)
    assert trace.recorded[0].pfn == 0x1000


@pytest.mark.parametrize(("pages", "is_known"), [(300, True), (200, False)])
def test_a_start_without_finish(pages: int, is_known: bool) -> None:
    """6.1 and 6.12 print none for what is larger than the area; every other one may have got pages."""
    trace = read(start(1, 1.0, pages) + start(1, 2.0, 4) + finish(1, 2.1, 4, 0x1000))
    assert trace.recorded.get(0) == (RecordedResult(pfn=None) if is_known else None)
    assert any("a start and no finish" in note for note in trace.header.notes) is not is_known


def test_a_release_that_was_lost_comes_before_who_got_the_pages_next() -> None:
    body = start(1, 1.0, 8) + finish(1, 1.1, 8, 0x1000)
    body += "CPU:0 [LOST 3 EVENTS]\n" + start(1, 2.0, 4) + finish(1, 2.1, 4, 0x1004)
    trace = read(body)
    assert [(request.op, request.id) for request in trace.requests] == [
        (Op.CMA_ALLOC, 0),
        (Op.FREE, 0),
        (Op.CMA_ALLOC, 1),
    ]
    assert any("lost in 1 places (3)" in note for note in trace.header.notes)
    assert any("1 releases are missing" in note for note in trace.header.notes)


def test_pieces_given_back_free_the_whole_with_the_last_one() -> None:
    body = (
        start(1, 1.0, 8) + finish(1, 1.1, 8, 0x1000) + release(1, 2.0, 0x1004, 4) + release(1, 3.0, 0x1000, 4)
    )
    trace = read(body)
    assert [(request.op, request.time) for request in trace.requests] == [(Op.CMA_ALLOC, 1.0), (Op.FREE, 3.0)]
    assert any("gave back a part" in note for note in trace.header.notes)


def test_moved_pages_belong_to_the_request_of_their_task() -> None:
    move = "mm_migrate_pages: nr_succeeded={} nr_failed={} nr_thp_succeeded=0 mode=MIGRATE_SYNC reason=contig_range"
    body = start(1, 1.0, 8) + line(2, 1.05, move.format(50, 0)) + line(1, 1.1, move.format(3, 1))
    body += line(1, 1.2, move.format(2, 0)) + finish(1, 1.3, 8, 0x1000)
    result = read(body).recorded[0]
    assert (result.migrated, result.not_migrated) == (5, 1)


def test_moved_pages_of_the_recorded_fills() -> None:
    full = read_ftrace(text("ftrace-migrate-fill860.k7.2-icount.txt").splitlines())
    assert Counter(result.errno for result in full.recorded.values()) == {0: 8, -12: 6}
    moved = [full.recorded[id_].migrated for id_ in range(7)]
    assert moved == [1, 16, 64, 256, 0, 1024, 2048]
    assert {result.not_migrated for result in full.recorded.values() if result.errno} == {1}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            "version = 6\ncpus=2\n"
            "             cat-174   [001]     8.323232: cma_alloc_start:      name=video count=16 align=4\n"
            "             cat-174   [001]     8.347942: cma_alloc_finish:     name=video pfn=0x1000 page=0xfffffc0001410000 count=16 align=4 errorno=0\n"
            "CPU:1 [12 EVENTS DROPPED]\n"
            "             cat-174   [001]     8.404632: cma_release:          name=video pfn=0x1000 page=0xfffffc0001410000 count=16\n",
            id="trace-cmd",
        ),
        pytest.param(
            "cat     174 [001]     8.323232: cma:cma_alloc_start: name=video count=16 align=4\n"
            "cat     174 [001]     8.347942: cma:cma_alloc_finish: name=video pfn=0x1000 page=0x1410000 count=16 align=4 errorno=0\n"
            "        ffff8000102f3a50 cma_alloc+0x3a0 ([kernel.kallsyms])\n\n"
            "cat     174/174 [001]     8.404632: cma:cma_release: name=video pfn=0x1000 page=0x1410000 count=16\n",
            id="perf",
        ),
        pytest.param(
            "     Binder:1_2-x-174     (    99) [001] d..1.     8.323232: cma_alloc_start: name=video count=16 align=4\n"
            "     Binder:1_2-x-174     (    99) [001] d..1.     8.347942: cma_alloc_info: name=video pfn=1000 page=00000000d2da3ac9 count=16 align=4 nr_migrated=7 nr_reclaimed=0 nr_mapped=2\n"
            "     Binder:1_2-x-174     (    99) [001] d..1.     8.347942: cma_alloc_finish: name=video pfn=1000 page=00000000d2da3ac9 count=16 align=4\n"
            "     Binder:1_2-x-174     (-----) [001] ....     8.404632: cma_release: name=video pfn=1000 page=00000000d2da3ac9 count=16\n",
            id="android",
        ),
        pytest.param(
            "           <...>-174     [001] .N... 8323232: cma_alloc_start: name=video request_count=16 available_count=256 total_count=256 align=4\n"
            "     kworker/1:2 +-9     [000] d..2. 8323233: sched_switch: prev_comm=a prev_pid=1 ==> next_comm=b\n"
            "           <...>-174     [001] .N... 8347942: cma_alloc_finish: name=video pfn=0x1000 page=00000000d2da3ac9 count=16 align=4 errorno=0\n"
            " => cma_alloc\n => dma_alloc_attrs\n"
            "           <...>-174     [001] .N... 8404632: cma_release: name=video pfn=0x1000 page=00000000d2da3ac9 count=16\n",
            id="ftrace-counter-clock",
        ),
    ],
)
def test_what_stands_before_an_event_differs(body: str) -> None:
    trace = read(body)
    assert [(request.op, request.id) for request in trace.requests] == [(Op.CMA_ALLOC, 0), (Op.FREE, 0)]
    assert trace.recorded[0].pfn == 0x1000
    if "cma_alloc_info" in body:
        assert trace.recorded[0].migrated == 7
        assert any("Android" in note for note in trace.header.notes)


def test_failed_requests_alone_are_of_an_area_too() -> None:
    body = line(1, 1.0, "cma_alloc: pfn=ffffffffffffffff page=0000000000000000 count=60 align=4")
    trace = read(body, pools=())
    assert [pool.id for pool in trace.header.pools] == [trace.requests[0].pool]
    assert trace.recorded[0].is_failure


BROKEN = [
    pytest.param(line(1, 1.0, "cma_alloc_start: count=4 align=0"), "without name", id="name"),
    pytest.param("what is this", "is no line of a trace", id="no-trace"),
    pytest.param(line(1, 1.0, "cma_alloc_start: name=video count=4"), "without align", id="field"),
    pytest.param(line(1, 1.0, "cma_alloc_finish: name=video pfn=0x50"), "without count", id="cut"),
    pytest.param(line(1, 1.0, "cma_alloc_fin"), "cut off", id="event-cut"),
    pytest.param(line(1, 1.0, "cma_release: name=video pfn=0xzz count=4"), "no page frame number", id="pfn"),
    pytest.param(line(1, 1.0, "cma_release: name=video pfn=0x10 count=-4"), "no number", id="count"),
    pytest.param(line(1, 1.0, "cma_alloc_start: name=video count=4 align=99"), "no order", id="align"),
    pytest.param(line(1, 1.0, "cma_alloc_start: name=video count=0 align=0"), "0 pages", id="zero"),
    pytest.param("cma_alloc_start: name=video count=4 align=0", "in front of", id="no-prefix"),
    pytest.param(
        line(1, 1.0, "cma_alloc_finish: name=v pfn=0x1 page=1 count=4 align=0 errorno=x"),
        "no number",
        id="errno",
    ),
]


@pytest.mark.parametrize(("broken", "message"), BROKEN)
def test_a_broken_line_is_named_by_its_number(broken: str, message: str) -> None:
    body = start(1, 1.0, 4) + broken.rstrip("\n") + "\n" + finish(1, 2.0, 4, 0x1000)
    with pytest.raises(TraceError, match=message) as caught:
        read(body)
    assert caught.value.line == 2
    trace = read(body, keep_going=True)
    assert len(trace.problems) == 1
    assert trace.problems[0].startswith("line 2: ")
    assert trace.recorded[0].pfn == 0x1000


def test_a_text_without_events_is_an_error() -> None:
    with pytest.raises(TraceError, match="no event of contiguous memory in 1 lines"):
        read("# tracer: nop\n")


def test_a_file_of_broken_lines_is_given_up() -> None:
    with pytest.raises(TraceError, match="more than 1000 lines"):
        read("x\n" * 2000, keep_going=True)


def test_progress_is_told() -> None:
    said: list[int] = []
    body = start(1, 1.0, 4) + "#\n" * 70_000
    read(body, progress=said.append)
    assert said == [65536]
