# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH101, PTH105, PTH108, PTH110, PTH112, PTH116, PTH118, PTH120, PTH121, PTH123
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""Writing results: a file whole or not at all and never over an input; standard output as it can take it."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from carveout.errors import UsageError
from carveout.report.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

STDOUT = "-"

PLAIN_WIDTH = 100
"""Columns when nobody says how wide the place is that text goes to."""

_MIN_WIDTH = 60
_MAX_WIDTH = 1000


def write(text: str, path: str | None, *, inputs: Iterable[str] = ()) -> None:
    """Write text to a file as UTF-8, or to standard output for None and `-`.

    inputs: files that were read, which are never written over. Raises UsageError when it cannot be written.
    """
    if path is None or path == STDOUT:
        _write_stdout(text)
        return
    write_bytes(text.encode("utf-8", errors="backslashreplace"), path, inputs=inputs)


class Sink:
    """Where a long result goes, piece by piece: standard output at once, a file whole or not at all.

    Use it as a context. A file appears when the block ends without an exception. Raises UsageError when it cannot
    be written.
    """

    def __init__(self, path: str | None, *, inputs: Iterable[str] = ()) -> None:
        """path: as for `write`. inputs: files that were read, which are never written over."""
        self._path = None if path in (None, STDOUT) else path
        self._pieces: list[str] = []
        if path is not None and self._path is not None and os.path.exists(path):
            for name in inputs:
                if _same_file(path, name):
                    raise UsageError(f"-o {path}: is an input, which carveout does not write over")

    def write(self, text: str) -> None:
        """Write a piece. For a file they are kept until the end: results are small beside what they are about."""
        if self._path is None:
            _write_stdout(text)
        else:
            self._pieces.append(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and self._path is not None:
            write("".join(self._pieces), self._path)


def complain(text: str) -> None:
    """Write one line about a problem of this run to standard error."""
    from carveout.report.words import safe

    line = "; ".join(part.strip() for part in text.splitlines() if part.strip())
    write_error(safe(f"carveout: {line}", limit=2000) + "\n")


def write_error(text: str) -> None:
    """Write text, made harmless already, to standard error as it can take it."""
    encoding = sys.stderr.encoding or "ascii"
    with suppress(OSError, ValueError):
        sys.stderr.write(text.encode(encoding, errors="backslashreplace").decode(encoding))


def write_bytes(data: bytes, path: str, *, inputs: Iterable[str] = ()) -> None:
    """Write a file whole or not at all, or standard output for `-`. Raises UsageError.

    inputs: files that were read, which are never written over.
    """
    if path == STDOUT:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    for name in inputs:
        if _same_file(path, name):
            raise UsageError(f"-o {path}: is an input, which carveout does not write over")
    try:
        _write_file(os.path.realpath(path), data)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"cannot write {path}: {reason}") from error


def write_together(files: Mapping[str, bytes]) -> None:
    """Write several files, all of them whole or none of them; `-` is standard output. Raises UsageError.

    A file that is there and may not be written is not replaced, although its folder would allow it.
    """
    drafts: list[tuple[str, str]] = []
    try:
        for path, data in files.items():
            if path != STDOUT:
                drafts.append((path, _draft(path, data)))
        while drafts:
            path, draft = drafts.pop(0)
            if draft:
                try:
                    os.replace(draft, os.path.realpath(path))
                except OSError:
                    drafts.append((path, draft))
                    raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f"cannot write {path}: {reason}") from error
    finally:
        for _, draft in drafts:
            _forget(draft)
    if STDOUT in files:
        write_bytes(files[STDOUT], STDOUT)


def refuse_target(option: str, path: str, inputs: Iterable[str] = ()) -> None:
    """Raise UsageError where a file cannot or must not be written, before any work is done.

    option: what named it. inputs: files that were read, which are never written over.
    """
    for name in inputs:
        if name != STDOUT and _same_file(path, name):
            raise UsageError(f"{option} {path}: is an input, which carveout does not write over")
    if os.path.isdir(path):
        raise UsageError(f"{option} {path}: is a folder, expected the name of a file")
    if os.path.exists(path):
        if not os.stat(path).st_mode & 0o222 or not os.access(path, os.W_OK):
            raise UsageError(f"{option} {path}: is read-only, and stays as it is")
        return
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise UsageError(f"{option} {path}: there is no folder {folder}")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"{option} {path}: the folder {folder} is read-only")


def same_file(path: str, other: str) -> bool:
    """Say whether two names mean one file, which need not be there yet."""
    return os.path.realpath(path) == os.path.realpath(other) or _same_file(path, other)


def terminal(
    *, colour: str, width: int | None, to_file: bool, environment: Mapping[str, str] | None = None
) -> Terminal:
    """Return how text is to look. colour: `auto`, `always` or `never`. width: columns, None for the place's own."""
    env = os.environ if environment is None else environment
    is_screen = not to_file and sys.stdout.isatty()
    coloured = colour == "always" or (
        colour == "auto" and is_screen and not env.get("NO_COLOR") and env.get("TERM") != "dumb"
    )
    columns = width if width is not None else _own_width(is_screen, env)
    encoding = "utf-8" if to_file else (sys.stdout.encoding or "ascii")
    unicode = encoding.lower().replace("-", "").replace("_", "") == "utf8"
    return Terminal(width=max(_MIN_WIDTH, min(columns, _MAX_WIDTH)), colour=coloured, unicode=unicode)


def _own_width(is_screen: bool, env: Mapping[str, str]) -> int:
    if not is_screen:
        return PLAIN_WIDTH
    columns = env.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return int(columns)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or PLAIN_WIDTH
    except (OSError, ValueError):
        return PLAIN_WIDTH


def _write_stdout(text: str) -> None:
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode(encoding, errors="backslashreplace"))
    sys.stdout.buffer.flush()


def _same_file(path: str, other: str) -> bool:
    try:
        return os.path.samefile(path, other)
    except (OSError, ValueError):
        return False


def _write_file(path: str, data: bytes) -> None:
    draft = _draft(path, data)
    if not draft:
        return
    try:
        os.replace(draft, path)
    except BaseException:
        _forget(draft)
        raise


def _draft(path: str, data: bytes) -> str:
    # The content in a file of its own beside the one it will replace, with its mode; returns the name. Empty for a
    # device or a pipe, which has nothing to replace and is written at once.
    mode: int | None = None
    path = os.path.realpath(path)
    if os.path.exists(path):
        found = os.stat(path).st_mode
        if not stat.S_ISREG(found):
            with open(path, "wb") as file:
                file.write(data)
            return ""
        mode = stat.S_IMODE(found)
    folder, name = os.path.split(path)
    draft = os.path.join(folder, f".{name[:200]}.{os.getpid()}.part")
    try:
        with open(draft, "xb") as file:
            file.write(data)
        if mode is not None:
            os.chmod(draft, mode)
    except BaseException:
        _forget(draft)
        raise
    return draft


def _forget(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
