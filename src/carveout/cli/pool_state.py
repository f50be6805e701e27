# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH112, PTH118, PTH119
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""The state of areas as named on the command line: a folder of debugfs or sysfs, a text of one, a bitmap."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING

from carveout.cli.files import STDIN, read_lines, read_text
from carveout.errors import InputError, TraceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.pool.area_state import AreaState

LONGEST = 16 << 20
"""Characters of a line: the bitmap of a very large area is one line."""
PEEKED = 40
"""Lines looked at to find out what a file is; comments stand before the first event."""
_MOST_FILES = 10_000
_WANTED = ("bitmap", "base_pfn", "count", "order_per_bit", "used", "total_pages", "available_pages")


def read_state(path: str) -> tuple[AreaState, ...]:
    """Return the areas that a folder of debugfs or sysfs, or a text of one, shows. Raises: InputError."""
    from carveout.pool.area_state import read_area_files, read_state_text

    try:
        if os.path.isdir(path):
            states = read_area_files(dict(_files(path)))
        else:
            states = read_state_text(read_lines(path, what="the state of areas", longest=LONGEST))
    except TraceError as error:
        raise InputError(f"{path}: {error}") from error
    if not states:
        raise InputError(f"{path}: shows no area: expected folders as in /sys/kernel/debug/cma")
    return states


def is_state(path: str) -> bool:
    """Say whether a path names the state of areas and no trace."""
    if path == STDIN:
        return False
    if os.path.isdir(path):
        return True
    for line in islice(read_lines(path, what="a trace", longest=LONGEST), PEEKED):
        if "/cma/" in line and ":" in line:
            return True
        words = line.split()
        if words and all(word.isdigit() for word in words):
            return True
    return False


def _files(path: str) -> Iterator[tuple[str, str]]:
    # Paths begin with the folder's own name, which may be that of an area.
    top = os.path.basename(path.rstrip("/"))
    found = 0
    for folder, _, names in os.walk(path):
        for name in sorted(names):
            if name not in _WANTED:
                continue
            found += 1
            if found > _MOST_FILES:
                raise InputError(f"{path}: more than {_MOST_FILES} files; expected /sys/kernel/debug/cma")
            file = os.path.join(folder, name)
            yield f"{top}/{os.path.relpath(file, path)}", read_text(file, what=name)
