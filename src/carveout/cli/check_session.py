# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH100, PTH112, PTH113, PTH119, PTH120, PTH118
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""What `carveout check` is to look at, and one board of it: read, checked, with places, without what is allowed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from carveout.board import read_board
from carveout.check.allow import Allowed, SourceAllows, project_allow, read_allows, unused_project_allows
from carveout.check.result import BoardResult
from carveout.check.run import check_board
from carveout.cli.boards import load_board
from carveout.cli.files import STDIN, read_text
from carveout.errors import InputError
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.check.allow import Allow, ProjectAllow
    from carveout.check.model import Finding, Rule
    from carveout.check.run import Checked, NamedScene
    from carveout.cli.boards import LoadedBoard
    from carveout.fdt import Tree

PROJECT_FILE = "carveout.toml"
_BOARD_ENDS = (".dtb", ".dts")


class Target(NamedTuple):
    """One tree to check: a board, with overlays, in some scenes."""

    path: str
    scenes: tuple[NamedScene, ...]
    overlays: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """What carveout.toml calls the board."""


class Session:
    """The rules and what is allowed; remembers which tables of carveout.toml were needed."""

    def __init__(
        self, rules: Sequence[Rule], allows: Sequence[ProjectAllow] = (), include_dirs: Sequence[str] = ()
    ) -> None:
        """rules: the ones to run. allows: of carveout.toml. include_dirs: for what a .dts includes."""
        self.rules = tuple(rules)
        self.codes = frozenset(rule.code for rule in self.rules)
        self.include_dirs = tuple(include_dirs)
        self._allows = tuple(allows)
        self._used: set[int] = set()

    def load(self, target: Target) -> LoadedBoard:
        """Return the board's tree. Raises InputError."""
        return load_board(target.path, target.overlays, include_dirs=self.include_dirs)

    def check(self, target: Target) -> BoardResult:
        """Return what is wrong with a board. Raises InputError when it cannot be read."""
        loaded = self.load(target)
        return self.check_tree(target, loaded, loaded.tree)

    def check_tree(self, target: Target, loaded: LoadedBoard, tree: Tree) -> BoardResult:
        """Return what is wrong with a tree that stands for the board: as it was loaded, or with changes made."""
        board = read_board(tree, is_made_here=loaded.is_made_here)
        checked = check_board(board, target.scenes, self.rules, file=target.path)
        findings, allowed = self._sorted_out(target, loaded, checked)
        return BoardResult(
            file=target.path,
            findings=tuple(findings),
            allowed=tuple(allowed),
            refused=tuple((name, str(error)) for name, error in checked.refused),
            boots=tuple(zip(_booted(target, checked), checked.boots, strict=False)),
        )

    def _sorted_out(
        self, target: Target, loaded: LoadedBoard, checked: Checked
    ) -> tuple[list[Finding], list[Allowed]]:
        names = (*target.names, target.path, os.path.basename(target.path))
        comments = _comments(loaded)
        kept: list[Finding] = []
        allowed: list[Allowed] = []
        for found in checked.findings:
            finding = _with_source(found, loaded)
            comment = comments.allowing(finding) if comments else None
            table = project_allow(finding, self._allows, names) if self._allows else None
            if table is not None:
                self._used.add(table)
            if comment is not None:
                allowed.append(Allowed(finding, comment.reason, is_in_source=True))
            elif table is not None:
                allowed.append(Allowed(finding, self._allows[table].reason, is_in_source=False))
            else:
                kept.append(finding)
        if comments:
            kept += comments.findings(target.path, self.codes)
        return kept, allowed

    def unused_tables(self, project_file: str) -> tuple[Finding, ...]:
        """Return a note for each [[allow]] that no board needed, of those whose rule was run."""
        idle = self._used | {n for n, allow in enumerate(self._allows) if allow.code not in self.codes}
        found = unused_project_allows(self._allows, idle, project_file)
        return tuple(finding for finding in found if finding.code in self.codes)


def _booted(target: Target, checked: Checked) -> list[str]:
    # The names of the scenes that were booted, in order.
    refused = {name for name, _ in checked.refused}
    return [scene.name for scene in target.scenes if scene.name not in refused]


def _comments(loaded: LoadedBoard) -> SourceAllows | None:
    # None for a blob. A file that cannot be read again (a pipe, one that is gone) allows nothing.
    if loaded.source is None:
        return None
    allows: list[Allow] = []
    for file in loaded.source.files():
        try:
            allows += read_allows(read_text(file, what="device tree source"), file)
        except InputError:
            continue
    return SourceAllows(allows, loaded.source)


def _with_source(finding: Finding, loaded: LoadedBoard) -> Finding:
    if loaded.source is None:
        return finding
    place = loaded.source.of_property(finding.path, finding.prop) if finding.prop else None
    place = place or loaded.source.of_node(finding.path)
    if place is None:
        return finding
    return finding._replace(
        source=(place.file, place.first_line, place.first_column, place.last_line, place.last_column)
    )


def expand_boards(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the boards that arguments name, each once, and errors: a folder stands for all boards below it.

    Folders are walked in order of names; links to folders are not followed.
    """
    boards: list[str] = []
    errors = []
    for name in names:
        if name == STDIN or not os.path.isdir(name):
            boards.append(name)
            continue
        below = _below(name)
        if not below:
            errors.append(f"{name}: there is no .dtb or .dts in this folder")
        boards += below
    return list(dict.fromkeys(boards)), errors


def _below(folder: str) -> list[str]:
    found = []
    for at, folders, files in os.walk(folder):
        folders.sort()
        found += [os.path.join(at, file) for file in sorted(files) if file.endswith(_BOARD_ENDS)]
    return found


def find_project(start: str) -> str | None:
    """Return the path of the carveout.toml in a folder or the nearest one above it."""
    folder = os.path.abspath(start)
    while True:
        path = os.path.join(folder, PROJECT_FILE)
        if os.path.isfile(path):
            return path
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above
