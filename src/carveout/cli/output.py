# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH101, PTH105, PTH108, PTH110, PTH116, PTH118, PTH121, PTH123
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
    mode: int | None = None
    if os.path.exists(path):
        found = os.stat(path).st_mode
        if not stat.S_ISREG(found):
            # A device or a pipe has nothing to replace.
            with open(path, "wb") as file:
                file.write(data)
            return
        mode = stat.S_IMODE(found)
    folder, name = os.path.split(path)
    draft = os.path.join(folder, f".{name[:200]}.{os.getpid()}.part")
    try:
        with open(draft, "xb") as file:
            file.write(data)
        if mode is not None:
            os.chmod(draft, mode)
        os.replace(draft, path)
    except BaseException:
        _forget(draft)
        raise


def _forget(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
