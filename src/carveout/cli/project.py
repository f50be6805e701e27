# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH118, PTH120, PTH207
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""carveout.toml: the boards of a repository, the scenes they are checked in, and what is allowed, with reasons.

[check]
severity = "warning"            # also: select, ignore, werror, fail-on

[scene.lts]                     # keys as in a --scene file; kernel and page-size may be lists,
kernel = ["6.1", "6.12"]        # memory-variant is a list of amounts of RAM
memory-variant = ["1G@0x40000000", "4G@0x40000000"]

[[board]]
name = "media"
files = ["build/**/media-*.dtb"]
scenes = ["lts"]                # left out: all

[[allow]]
rule = "region-overlap"
path = "/reserved-memory/dsp@*" # left out: every node
board = "media"                 # name, file or pattern; left out: every board
reason = "the DSP's firmware owns both"
"""

from __future__ import annotations

import glob
import os
from typing import TYPE_CHECKING

from carveout.check.allow import ProjectAllow
from carveout.check.model import Severity
from carveout.check.registry import find_rule
from carveout.cli.scene_file import read_scene_table, read_toml
from carveout.errors import UsageError
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carveout.cli.scene_options import Given

_TABLES = ("check", "scene", "board", "allow")
_MATRIX = ("kernel", "page-size", "memory-variant")


class SceneTable(NamedTuple):
    """One `[scene.NAME]`: its options, and the values it is multiplied by."""

    name: str
    given: Given
    several: Mapping[str, tuple[str, ...]]
    """By `kernel`, `page-size`, `memory-variant`."""


class BoardTable(NamedTuple):
    """One `[[board]]`, with its patterns as written."""

    name: str
    files: tuple[str, ...]
    scenes: tuple[str, ...]


class Project(NamedTuple):
    """A carveout.toml, read."""

    path: str
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: str | None = None
    fail_on: str | None = None
    werror: bool = False
    scenes: Mapping[str, SceneTable] = {}
    boards: tuple[BoardTable, ...] = ()
    allows: tuple[ProjectAllow, ...] = ()

    @property
    def folder(self) -> str:
        """The folder that file patterns are relative to."""
        return os.path.dirname(self.path)


def read_project(path: str) -> Project:
    """Return what a carveout.toml says. Raises InputError, SceneError or UsageError with the file's name."""
    content = read_toml(path, what="a carveout.toml")
    _known(path, "the file", content, _TABLES)
    check = _table(path, "check", content.get("check", {}))
    _known(path, "[check]", check, ("select", "ignore", "severity", "werror", "fail-on"))
    scenes = {
        name: _scene(path, name, _table(path, f"scene.{name}", table))
        for name, table in _table(path, "scene", content.get("scene", {})).items()
    }
    werror = check.get("werror", False)
    if not isinstance(werror, bool):
        raise UsageError(f"{path}: [check] werror: expected true or false")
    return Project(
        path=path,
        select=_texts(path, "[check] select", check.get("select", [])),
        ignore=_ignored(path, check.get("ignore", [])),
        severity=_severity(path, "severity", check),
        fail_on=_severity(path, "fail-on", check),
        werror=werror,
        scenes=scenes,
        boards=tuple(_board(path, table, scenes) for table in _tables(path, "board", content)),
        allows=tuple(_allow(path, table) for table in _tables(path, "allow", content)),
    )


def board_files(project: Project, board: BoardTable) -> tuple[list[str], list[str]]:
    """Return the files of a board, sorted, as paths from the current folder; and the patterns that match none."""
    found: list[str] = []
    nothing = []
    for pattern in board.files:
        names = sorted(glob.glob(pattern, root_dir=project.folder or ".", recursive=True))
        found += names
        if not names:
            nothing.append(pattern)
    paths = [os.path.join(project.folder, name) for name in dict.fromkeys(found)]
    return [_shown(path) for path in paths], nothing


def _shown(path: str) -> str:
    shown = os.path.relpath(path)
    return path if shown.startswith("..") else shown


def _known(path: str, where: str, table: Mapping[str, object], names: Sequence[str]) -> None:
    for key in table:
        if key not in names:
            raise UsageError(f"{path}: {where} has '{key}', expected one of: {', '.join(names)}")


def _table(path: str, name: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise UsageError(f"{path}: expected [{name}] to be a table")
    return value


def _tables(path: str, name: str, content: Mapping[str, object]) -> list[dict[str, object]]:
    value = content.get(name, [])
    if not isinstance(value, list):
        raise UsageError(f"{path}: expected [[{name}]], a table in double brackets")
    return [_table(path, name, item) for item in value]


def _text(path: str, what: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{path}: {what}: expected a text")
    return value


def _texts(path: str, what: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise UsageError(f"{path}: {what}: expected a list of texts")
    return tuple(_text(path, what, item) for item in value)


def _ignored(path: str, value: object) -> tuple[str, ...]:
    # Either a list, or a table of rule = "reason".
    if isinstance(value, dict):
        for word, reason in value.items():
            _text(path, f"[check] ignore: the reason for {word}", reason)
        return tuple(value)
    return _texts(path, "[check] ignore", value)


def _severity(path: str, key: str, table: Mapping[str, object]) -> str | None:
    value = table.get(key)
    if value is None:
        return None
    text = _text(path, f"[check] {key}", value)
    names = [str(severity) for severity in Severity]
    if text not in names:
        raise UsageError(f"{path}: [check] {key} is '{text}', expected one of: {', '.join(names)}")
    return text


def _scene(path: str, name: str, table: dict[str, object]) -> SceneTable:
    several = {}
    for key in [key for key in table if key.replace("_", "-") in _MATRIX]:
        value = table[key]
        option = key.replace("_", "-")
        if isinstance(value, list) or option == "memory-variant":
            several[option] = _texts(path, f"[scene.{name}] {key}", value)
            del table[key]
    return SceneTable(name=name, given=read_scene_table(table, path), several=several)


def _board(path: str, table: dict[str, object], scenes: Mapping[str, SceneTable]) -> BoardTable:
    _known(path, "[[board]]", table, ("name", "files", "scenes"))
    files = _texts(path, "[[board]] files", table.get("files", []))
    if not files:
        raise UsageError(f"{path}: [[board]] needs files, a list of file names or patterns")
    name = _text(path, "[[board]] name", table.get("name", files[0]))
    asked = _texts(path, f"[[board]] {name}: scenes", table.get("scenes", list(scenes)))
    for scene in asked:
        if scene not in scenes:
            known = ", ".join(scenes) or "none"
            raise UsageError(f"{path}: [[board]] {name}: no [scene.{scene}]; there are: {known}")
    return BoardTable(name=name, files=files, scenes=asked)


def _allow(path: str, table: dict[str, object]) -> ProjectAllow:
    _known(path, "[[allow]]", table, ("rule", "path", "board", "reason"))
    word = _text(path, "[[allow]] rule", table.get("rule", ""))
    rule = find_rule(word)
    if rule is None:
        raise UsageError(
            f"{path}: [[allow]] rule '{word}': no rule has this code or slug; see `carveout explain rules`"
        )
    if not table.get("reason"):
        raise UsageError(f"{path}: [[allow]] of {word}: a reason is required, for who reads this next year")
    return ProjectAllow(
        code=rule.code,
        path=_text(path, "[[allow]] path", table.get("path", "*")),
        board=_text(path, "[[allow]] board", table.get("board", "*")),
        reason=_text(path, "[[allow]] reason", table["reason"]),
    )
