# SPDX-License-Identifier: Apache-2.0
"""What a worker does: one tree, read once, booted in its scenes and checked; rows come back.

Boots are remembered by what they read (facts.py), trees by their content: equal inputs are simulated once. The rows
are the same with and without that, and whoever makes them: nothing in them depends on the worker.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING

from carveout.board import read_board
from carveout.boot import boot
from carveout.check.registry import find_rule
from carveout.check.run import NamedScene, check_board
from carveout.errors import CarveoutError, InternalError, UsageError
from carveout.fdt import parse
from carveout.sweep.facts import BoardFacts
from carveout.sweep.plan import Done, scene_on
from carveout.sweep.rows import board_row, cell_row, finding_row, refused_row, region_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.board import Board
    from carveout.boot import Boot, Scene
    from carveout.check.model import Finding
    from carveout.sweep.plan import Job, Plan, SweepScene
    from carveout.sweep.rows import Row

_MOST_BOOTS = 4000
"""Boots that a worker remembers: at about 30 KB each, a hundred megabytes at most."""

_BUG = "internal error, a bug in carveout (`carveout check` of this board with --debug shows where)"
_NO_BASE = "the tree says neither how much RAM there is nor where it begins: say it with --memory-base BASE"


class Sweeper:
    """Sweeps trees one after the other by one plan."""

    def __init__(self, plan: Plan) -> None:
        """Find the rules of the plan."""
        rules = [find_rule(code) for code in plan.codes]
        self._rules = tuple(rule for rule in rules if rule is not None)
        self._plan = plan
        self._boots: OrderedDict[tuple[bytes, int, int | None], Boot | UsageError] = OrderedDict()

    def chunk(self, jobs: Iterable[Job]) -> tuple[Done, ...]:
        """Return what comes of several trees, in order."""
        return tuple(self.board(job) for job in jobs)

    def board(self, job: Job) -> Done:
        """Return what comes of one tree; one that cannot be read has an error in place of rows.

        So has one over which carveout itself fails: a bug costs that board and not the others, and is told as one.
        """
        try:
            return self._rows(job, read_board(parse(job.blob), is_made_here=job.is_made_here))
        except InternalError as error:
            return Done(job.number, (), error=f"{_BUG}: {error}", is_bug=True)
        except CarveoutError as error:
            return Done(job.number, (), error=str(error))
        except Exception as error:  # noqa: BLE001 the outermost frame around one board
            return Done(job.number, (), error=f"{_BUG}: {type(error).__name__}: {error}", is_bug=True)

    def _rows(self, job: Job, board: Board) -> Done:
        facts = BoardFacts(board)
        scenes = [self._plan.scenes[index] for index in job.scenes]
        chosen = [
            (index, scene, scene_on(board, scene) or UsageError(_NO_BASE))
            for index, scene in zip(job.scenes, scenes, strict=True)
            if scene.boards == "all" or (scene.boards == "with-ram") == facts.gives_ram
        ]
        simulated = 0
        booted: dict[str, Boot | UsageError] = {}
        for index, scene, made in chosen:
            if isinstance(made, UsageError):
                booted[scene.name] = made
                continue
            result, is_new = self._boot(board, facts, index, made)
            booted[scene.name] = result
            simulated += is_new
        findings = self._findings(board, chosen, booted)
        per_scene: dict[str, list[Finding]] = {}
        for finding in findings:
            for name in finding.scenes or booted:
                per_scene.setdefault(name, []).append(finding)
        made_rows: list[tuple[str, Row]] = [
            ("board", board_row(board, gives_ram=facts.gives_ram, content=facts.content))
        ]
        for _, scene, _ in chosen:
            found = booted[scene.name]
            if isinstance(found, UsageError):
                made_rows.append(("cell", refused_row(scene.name, scene.scene.kernel, str(found))))
                continue
            made_rows.append(("cell", cell_row(scene.name, found, per_scene.get(scene.name, ()))))
            if "region" in self._plan.kinds:
                made_rows += [("region", row) for row in region_rows(scene.name, found)]
        made_rows += [("finding", finding_row(finding)) for finding in findings]
        rows = tuple(
            encode(kind, row) for kind, row in made_rows if kind in self._plan.kinds or kind == "board"
        )
        return Done(job.number, rows, cells=len(chosen), simulated=simulated, findings=len(findings))

    def _boot(
        self, board: Board, facts: BoardFacts, index: int, scene: Scene
    ) -> tuple[Boot | UsageError, bool]:
        # The boot, and whether it had to be simulated.
        key = None
        if self._plan.recognises:
            try:
                key = facts.key(scene), index, scene.memory[0].start if scene.memory else None
            except UsageError as error:
                return error, False
            if key in self._boots:
                self._boots.move_to_end(key)
                return self._boots[key], False
        try:
            result: Boot | UsageError = boot(board, scene)
        except UsageError as error:
            result = error.with_traceback(None)
        if key is not None:
            self._boots[key] = result
            if len(self._boots) > _MOST_BOOTS:
                self._boots.popitem(last=False)
        return result, True

    def _findings(
        self,
        board: Board,
        chosen: Sequence[tuple[int, SweepScene, Scene | UsageError]],
        booted: dict[str, Boot | UsageError],
    ) -> tuple[Finding, ...]:
        if not self._rules:
            return ()
        names = iter([scene.name for _, scene, _ in chosen])

        def known(_board: Board, _scene: Scene) -> Boot:
            # Asked for each scene in turn.
            result = booted[next(names)]
            if isinstance(result, UsageError):
                raise result
            return result

        named = [NamedScene(scene.name, scene.scene) for _, scene, _ in chosen]
        return check_board(board, named, self._rules, file="", boot=known).findings


def encode(kind: str, row: Row) -> bytes:
    """Return a row as JSON in ASCII, without the opening brace and the board: see line_of()."""
    return json.dumps({"kind": kind, **row}, separators=(",", ":")).encode("ascii")[1:]


def line_of(name: str, row: bytes) -> bytes:
    """Return one line of the results: a row with the name of its board, and a newline."""
    return b'{"board":' + json.dumps(name).encode("ascii") + b"," + row + b"\n"


def error_row(why: str) -> bytes:
    """Return the row of a board that could not be read or swept."""
    empty: Row = {"model": None, "arch": None, "bytes": None, "gives_ram": None, "content": None}
    return encode("board", {**empty, "error": why})
