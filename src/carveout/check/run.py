# SPDX-License-Identifier: Apache-2.0
"""Run rules over a board in one or more scenes; one finding for one cause, with the scenes in which it bites."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot import boot as simulate
from carveout.check.context import BoardContext, BootContext
from carveout.check.model import Finding
from carveout.errors import UsageError
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from carveout.board import Board
    from carveout.boot import Boot, Scene
    from carveout.check.model import Problem, Rule, Severity


class NamedScene(NamedTuple):
    """A scene and what to call it in a finding, such as `6.12 16K`."""

    name: str
    scene: Scene


class Checked(NamedTuple):
    """The findings of a board, and the boots they were found with, in the order of the scenes."""

    findings: tuple[Finding, ...]
    boots: tuple[Boot, ...]
    refused: tuple[tuple[str, UsageError], ...] = ()
    """Scenes that this board cannot be booted in, with the reason: (name, error). Its boots are missing above."""


def check_board(
    board: Board,
    scenes: Sequence[NamedScene],
    rules: Iterable[Rule],
    *,
    file: str,
    boot: Callable[[Board, Scene], Boot] = simulate,
) -> Checked:
    """Return what the rules find, by place in the tree, then by code.

    file: what to call the board. boot: gives the boot in a scene, for who has it already.
    A scene that makes no sense for this board (no architecture to be seen, for one) is reported in `refused`; the rules about what the tree says are run all the same.
    """
    rules = tuple(rules)
    context = BoardContext(board)
    found: dict[tuple[str, str, str, str], _Met] = {}
    for rule in rules:
        if rule.board is not None:
            for problem in rule.board(context):
                found.setdefault(_key(rule, problem), _Met(rule, problem))
    booting = [rule for rule in rules if rule.boot is not None]
    boots: list[Boot] = []
    refused: list[tuple[str, UsageError]] = []
    for named in scenes if booting else ():
        try:
            result = boot(board, named.scene)
        except UsageError as error:
            refused.append((named.name, error))
            continue
        boots.append(result)
        view = BootContext(context, result)
        for rule in booting:
            for problem in rule.boot(view) if rule.boot is not None else ():
                found.setdefault(_key(rule, problem), _Met(rule, problem)).add(problem, named.name)
    order = _offsets(context, (met.problem.path for met in found.values()))
    findings = [met.finding(file) for met in found.values()]
    findings.sort(key=lambda f: (order.get(f.path, 0), f.severity.rank, f.code, f.message))
    return Checked(findings=tuple(findings), boots=tuple(boots), refused=tuple(refused))


class _Met:
    """One problem as it was met, in one scene after the other: told as it is where it is worst."""

    __slots__ = ("differs", "problem", "rule", "said_of", "scenes")

    def __init__(self, rule: Rule, problem: Problem) -> None:
        self.rule = rule
        self.problem = problem
        self.scenes: list[str] = []
        self.said_of = ""
        self.differs = False

    def add(self, problem: Problem, scene: str) -> None:
        if scene in self.scenes:
            return
        if not self.scenes:
            self.said_of = scene
        self.scenes.append(scene)
        if problem.message == self.problem.message and problem.severity == self.problem.severity:
            return
        self.differs = True
        if self._severity(problem).rank < self._severity(self.problem).rank:
            self.problem, self.said_of = problem, scene

    def finding(self, file: str) -> Finding:
        problem = self.problem
        return Finding(
            code=self.rule.code,
            slug=self.rule.slug,
            severity=self._severity(problem),
            path=problem.path,
            message=problem.message,
            file=file,
            prop=problem.prop,
            fix=problem.fix,
            edits=problem.edits,
            related=problem.related,
            scenes=tuple(self.scenes),
            said_of=self.said_of if self.differs else "",
        )

    def _severity(self, problem: Problem) -> Severity:
        return problem.severity or self.rule.severity


def _key(rule: Rule, problem: Problem) -> tuple[str, str, str, str]:
    # Without a cause of its own, a problem of a boot is one problem at a node, however its numbers differ.
    cause = problem.cause or (problem.message if rule.boot is None else "")
    return rule.code, problem.path, problem.prop or "", cause


def _offsets(context: BoardContext, paths: Iterable[str]) -> dict[str, int]:
    # Where most findings are, the node is at hand. Of nodes with one path the first counts, as in a look-up.
    at_hand = {region.path: region.node for region in reversed(context.all_regions)}
    nodes = {path: at_hand.get(path) or context.tree.node(path) for path in set(paths)}
    return {path: node.offset for path, node in nodes.items() if node is not None}
