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
    from carveout.check.model import Problem, Rule


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
    found: dict[tuple[str, str, str, str], tuple[Rule, Problem, list[str]]] = {}
    for rule in rules:
        if rule.board is not None:
            for problem in rule.board(context):
                found.setdefault(_key(rule, problem), (rule, problem, []))
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
                bites = found.setdefault(_key(rule, problem), (rule, problem, []))[2]
                if named.name not in bites:
                    bites.append(named.name)
    order = _offsets(context, (problem.path for _, problem, _ in found.values()))
    findings = [_finding(rule, problem, bites, file) for rule, problem, bites in found.values()]
    findings.sort(key=lambda f: (order.get(f.path, 0), f.severity.rank, f.code, f.message))
    return Checked(findings=tuple(findings), boots=tuple(boots), refused=tuple(refused))


def _key(rule: Rule, problem: Problem) -> tuple[str, str, str, str]:
    # Without a cause of its own, a problem of a boot is one problem at a node, however its numbers differ.
    cause = problem.cause or (problem.message if rule.boot is None else "")
    return rule.code, problem.path, problem.prop or "", cause


def _offsets(context: BoardContext, paths: Iterable[str]) -> dict[str, int]:
    # Where most findings are, the node is at hand. Of nodes with one path the first counts, as in a look-up.
    at_hand = {region.path: region.node for region in reversed(context.all_regions)}
    nodes = {path: at_hand.get(path) or context.tree.node(path) for path in set(paths)}
    return {path: node.offset for path, node in nodes.items() if node is not None}


def _finding(rule: Rule, problem: Problem, scenes: list[str], file: str) -> Finding:
    return Finding(
        code=rule.code,
        slug=rule.slug,
        severity=problem.severity or rule.severity,
        path=problem.path,
        message=problem.message,
        file=file,
        prop=problem.prop,
        fix=problem.fix,
        edits=problem.edits,
        related=problem.related,
        scenes=tuple(scenes),
    )
