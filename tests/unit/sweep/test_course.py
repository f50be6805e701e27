# SPDX-License-Identifier: Apache-2.0
"""The course of a sweep and its engines: the same bytes in the same order, whoever does the work and whoever dies."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from carveout.board import read_board
from carveout.boot import Scene, boot
from carveout.fdt import parse
from carveout.span import GIB, MIB, Span
from carveout.sweep.course import Chunk, ChunkDone, Course, Unread
from carveout.sweep.engines import InProcess, Processes
from carveout.sweep.plan import Done, Job, Plan, RamChoice, plan_scenes, scene_on
from carveout.sweep.work import line_of
from support.boards import blob_of, cpus, memory, node
from support.sweep_boards import PLAN, jobs, lines, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.board import Board
    from carveout.fdt import Tree


class Backwards:
    """An engine that gives everything back in the wrong order."""

    def run(self, plan: Plan, chunks: Iterator[Chunk]) -> Iterator[ChunkDone]:
        yield from reversed(list(InProcess().run(plan, chunks)))


class Counting:
    """An engine that counts what it is given."""

    def __init__(self) -> None:
        self.jobs = 0

    def run(self, plan: Plan, chunks: Iterator[Chunk]) -> Iterator[ChunkDone]:
        for done in InProcess().run(plan, chunks):
            self.jobs += len(done.done)
            yield done


class DeadlyBlob(bytes):
    """Bytes that end the process which unpacks them."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (9,)


def test_every_engine_gives_the_same_bytes_in_the_order_of_the_boards() -> None:
    wanted = lines(jobs(150), InProcess())
    names = [json.loads(line)["board"] for line in wanted.splitlines()]
    assert list(dict.fromkeys(names)) == [f"board-{number}.dtb" for number in range(150)]
    assert lines(jobs(150), Backwards()) == wanted
    assert lines(jobs(150), Processes(3)) == wanted
    assert lines(jobs(150), InProcess(), PLAN._replace(recognises=False)) == wanted


def test_a_board_that_cannot_be_read_keeps_its_place() -> None:
    boards: list[Job | Unread] = [*jobs(2), Unread(2, "gone.dtb", "cannot read gone.dtb: No such file")]
    boards.append(Job(3, "torn.dtb", b"\xd0\x0d\xfe\xed", scenes=(0,)))
    results = list(Course(PLAN, InProcess()).run(boards))
    assert [result.name for result in results] == ["board-0.dtb", "board-1.dtb", "gone.dtb", "torn.dtb"]
    rows = [json.loads(next(iter(result.lines()))) for result in results]
    assert [row["error"] is None for row in rows] == [True, True, False, False]
    assert rows[2]["error"] == "cannot read gone.dtb: No such file"


def test_a_bug_costs_one_board_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from carveout.sweep import work

    read = work.read_board

    def failing(tree: Tree, *, is_made_here: bool = False) -> Board:
        if len(tree.blob) == len(boards[1].blob) and tree.blob == boards[1].blob:
            raise KeyError("reg")
        return read(tree, is_made_here=is_made_here)

    boards = jobs(3)
    monkeypatch.setattr(work, "read_board", failing)
    results = list(Course(PLAN, InProcess()).run(boards))
    assert [result.done.is_bug for result in results] == [False, True, False]
    assert "KeyError: 'reg'" in str(results[1].done.error)


def test_equal_trees_are_worked_on_once() -> None:
    engine = Counting()
    same = [Job(number, f"copy-{number}", tree(1), scenes=(0, 1)) for number in range(200)]
    results = list(Course(PLAN, engine).run(same))
    assert engine.jobs == 1
    assert [result.name for result in results] == [job.name for job in same]
    assert {result.done.rows for result in results} == {results[0].done.rows}
    assert [result.twin for result in results] == [False, *[True] * 199]


class Memory:
    """Keeps results."""

    def __init__(self) -> None:
        self.found: dict[bytes, Done] = {}

    def get(self, key: bytes) -> Done | None:
        return self.found.get(key)

    def put(self, key: bytes, done: Done) -> None:
        self.found[key] = done


@pytest.mark.parametrize("recognises", [True, False])
def test_what_this_run_kept_itself_is_no_result_of_before(
    recognises: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carveout.sweep.course.MOST_IN_CHUNK", 1)
    monkeypatch.setattr("carveout.sweep.course.MOST_RECENT_BYTES", 0)
    engine = Counting()
    same = [Job(number, str(number), tree(number % 2), scenes=(0,)) for number in range(4)]
    results = list(Course(PLAN._replace(recognises=recognises), engine, Memory()).run(same))
    assert engine.jobs == (2 if recognises else 4)
    assert not any(result.was_kept for result in results)
    assert [result.twin for result in results] == [False, False, recognises, recognises]


def test_results_of_before_are_taken_and_new_ones_kept() -> None:
    kept = Memory()
    first = list(Course(PLAN, InProcess(), kept).run(jobs(5)))
    engine = Counting()
    second = list(Course(PLAN, engine, kept).run(jobs(7)))
    assert engine.jobs == 2
    assert [result.was_kept for result in second] == [True] * 5 + [False] * 2
    assert [list(r.lines()) for r in second[:5]] == [list(r.lines()) for r in first]
    # Other rules, and other code, are other results.
    for plan, stamp in ((PLAN._replace(codes=()), b""), (PLAN, b"other")):
        engine = Counting()
        list(Course(plan, engine, kept, stamp=stamp).run(jobs(5)))
        assert engine.jobs == 5


def test_a_worker_that_dies_costs_nothing_but_time() -> None:
    wanted = lines(jobs(300), InProcess())
    killed = []

    def killing(boards: list[Job]) -> Iterator[Job]:
        for job in boards:
            if job.number in (130, 200):
                victim = multiprocessing.active_children()[0]
                os.kill(victim.pid or 0, signal.SIGKILL)
                killed.append(victim.pid)
            yield job

    assert lines(killing(jobs(300)), Processes(2)) == wanted
    assert len(killed) == 2


def test_a_tree_that_kills_workers_is_set_aside_and_the_others_are_there() -> None:
    found = lines(jobs(40, b17=DeadlyBlob(tree(17))), Processes(2))
    wanted = lines(jobs(40), InProcess())
    rest = [line for line in found.splitlines(keepends=True) if b'"board-17.dtb"' not in line]
    assert b"".join(rest) == b"".join(
        line for line in wanted.splitlines(keepends=True) if b'"board-17.dtb"' not in line
    )
    (row,) = [json.loads(line) for line in found.splitlines() if b'"board-17.dtb"' in line]
    assert row["error"] == "a worker died twice over this tree, which was set aside"


def test_no_process_is_left_when_a_run_is_broken_off() -> None:
    running = Course(PLAN, Processes(2)).run(jobs(500))
    next(running)
    assert len(multiprocessing.active_children()) == 2
    running.close()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("extra", "wanted"),
    [
        pytest.param({}, ["6.12"], id="one"),
        pytest.param({"kernels": ("6.12", "7.2")}, ["6.12", "7.2"], id="kernels"),
        pytest.param(
            {"ram": [RamChoice(size=GIB), RamChoice(size=2 * GIB)]}, ["6.12 1G", "6.12 2G"], id="ram"
        ),
        pytest.param(
            {"ram": [RamChoice(size=GIB)], "only_without_ram": True},
            ["6.12 1G", "6.12 tree"],
            id="ram-missing",
        ),
    ],
)
def test_scenes_are_named_after_what_tells_them_apart(extra: dict[str, Any], wanted: list[str]) -> None:
    scenes = plan_scenes([("", Scene(kernel="6.12"))], **extra)
    assert [scene.name for scene in scenes] == wanted


def test_ram_of_a_size_begins_where_the_tree_says() -> None:
    scenes = plan_scenes([("", Scene(kernel="7.2"))], ram=[RamChoice(size=GIB)], only_without_ram=True)
    empty = blob_of(cpus(), memory((0x8000_0000, 0)))
    silent = blob_of(cpus(), node("soc"))
    full = blob_of(cpus(), memory((0x4000_0000, 2 * GIB)))
    rows = []
    for number, blob in enumerate((empty, silent, full)):
        (result,) = Course(Plan(scenes), InProcess()).run([Job(number, "a", blob, scenes=(0, 1))])
        rows.append(json.loads(list(result.lines())[1]))
    assert [(row["scene"], row["ram_kib"]) for row in rows] == [
        ("7.2 1G", 1 << 20),
        ("7.2 1G", None),
        ("7.2 tree", 2 << 20),
    ]
    assert rows[1]["outcome"] == "refused"
    assert "--memory-base" in rows[1]["failure"]


@pytest.mark.parametrize("recognises", [True, False])
def test_places_count_from_the_start_of_each_boards_ram(recognises: bool) -> None:
    image, dtb_at = Span.sized(2 * MIB, 48 * MIB), 128 * MIB
    given = Scene(kernel="7.2", kernel_image=image, dtb_at=dtb_at)
    scenes = plan_scenes([("", given)], ram=[RamChoice(size=GIB)], only_without_ram=True, is_from_ram=True)
    blobs = [
        blob_of(cpus(), memory((0x8000_0000, 0))),
        blob_of(cpus(), memory((0x4000_0000, GIB))),
        blob_of(cpus(), memory((0x6000_0000, GIB), (0x1_0000_0000, GIB))),
    ]
    jobs_here = [Job(number, str(number), blob, scenes=(0, 1)) for number, blob in enumerate(blobs)]
    results = list(Course(Plan(scenes, recognises=recognises), InProcess()).run(jobs_here))
    for result, start in zip(results, (0x8000_0000, 0x4000_0000, 0x6000_0000), strict=True):
        cell = json.loads(list(result.lines())[1])
        board = read_board(parse(blobs[result.done.number]))
        ram = (Span.sized(start, GIB),) if result.done.number == 0 else ()
        placed = Span.sized(start + image.start, image.size)
        alone = boot(board, Scene(kernel="7.2", kernel_image=placed, dtb_at=start + dtb_at, memory=ram))
        (area,) = alone.cma
        assert (cell["exactness"], cell["default_cma"]) == (str(alone.exactness), hex(area.base))


def test_places_that_count_from_ram_nobody_knows_are_left_out() -> None:
    scenes = plan_scenes([("", Scene(kernel="7.2", dtb_at=MIB))], is_from_ram=True)
    silent = read_board(parse(blob_of(cpus(), node("soc"))))
    assert scene_on(silent, scenes[0]) == Scene(kernel="7.2")


def test_a_name_with_odd_bytes_is_a_line_of_json() -> None:
    row = json.loads(line_of('a"\udcff\n.dtb', b'"kind":"board"}'))
    assert row == {"board": 'a"\udcff\n.dtb', "kind": "board"}
