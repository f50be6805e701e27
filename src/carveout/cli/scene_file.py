# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH118, PTH120
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""A scene kept in a TOML file: the scene options as keys, values as on the command line."""

from __future__ import annotations

import os
import tomllib
from typing import TYPE_CHECKING

from carveout.cli.files import read_file
from carveout.cli.scene_options import OPTIONS, Given, Option
from carveout.errors import InputError, SceneError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMIT = 1 << 20


def read_scene_file(path: str) -> Given:
    """Return the options that a scene file gives. Files it names are relative to its folder.

    Raises InputError when it is no TOML, SceneError for keys and values that are no scene option.
    """
    return read_scene_table(read_toml(path, what="a scene in TOML"), path)


def read_toml(path: str, *, what: str) -> dict[str, object]:
    """Return the tables of a TOML file. what: the thing that was expected. Raises InputError."""
    try:
        return tomllib.loads(read_file(path, what=what, limit=_LIMIT).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: is not TOML: {error}") from error


def read_scene_table(content: Mapping[str, object], path: str) -> Given:
    """Return the options that a table gives. path: the file it is from, for errors and for files that it names.

    Raises SceneError for keys and values that are no scene option.
    """
    options = {option.name: option for option in OPTIONS}
    given: Given = {}
    for key, value in content.items():
        option = options.get(key.replace("_", "-"))
        if option is None:
            raise SceneError(_unknown(path, key, list(options)))
        values = _values(path, option, value)
        if option.kind in ("file", "files"):
            values = [os.path.join(os.path.dirname(path), name) for name in values]
        if values:
            given[option.name] = values
    return given


def _values(path: str, option: Option, value: object) -> list[str]:
    if option.kind == "flag":
        if not isinstance(value, bool):
            raise SceneError(f"{path}: {option.name}: expected true or false")
        return ["yes"] if value else []
    if option.name == "behaviour" and isinstance(value, dict):
        return [f"{name}={_text(path, option, item)}" for name, item in value.items()]
    if option.kind in ("many", "files") and isinstance(value, list):
        return [_text(path, option, item) for item in value]
    return [_text(path, option, value)]


def _text(path: str, option: Option, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and option.name != "kernel":
        return str(value)
    # 6.10 as a number would be 6.1.
    expected = 'a string, for example "6.12"' if option.name == "kernel" else f"a string: {option.metavar}"
    raise SceneError(f"{path}: {option.name}: expected {expected}")


def _unknown(path: str, key: str, names: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key.replace("_", "-"), names, n=1, cutoff=0.5)
    guess = f"did you mean '{near[0]}'?" if near else f"expected one of: {', '.join(names)}"
    return f"{path}: unknown key '{key}': {guess}"
