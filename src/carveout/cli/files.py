# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH112, PTH123
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""Reading what a user names on the command line: whole, bounded, and with errors that say which file."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from carveout.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper
    from typing import BinaryIO

STDIN = "-"

_LIMIT = 64 << 20
"""The largest input read. Device trees are below 2 MiB, logs and kernel headers below this too."""


def read_file(path: str, *, what: str, limit: int = _LIMIT) -> bytes:
    """Return the whole content of a file, or of standard input for `-`. limit: bytes.

    what: the thing that was expected, for the error. Raises InputError.
    """
    if path == STDIN:
        data = sys.stdin.buffer.read(limit + 1)
    else:
        data = _read(path, what, limit + 1)
    if len(data) > limit:
        raise InputError(f"{path}: more than {limit >> 20} MiB, which is too large for {what}")
    return data


def read_start(path: str, *, what: str, size: int) -> bytes:
    """Return the first `size` bytes of a file. Raises InputError."""
    return _read(path, what, size)


def read_text(path: str, *, what: str) -> str:
    """Return the content of a file as text; bytes that are not UTF-8 become replacement characters."""
    return read_file(path, what=what).decode("utf-8", errors="replace")


def read_lines(path: str, *, what: str, longest: int) -> Iterator[str]:
    """Yield the lines of a file, gzip unpacked, or of standard input for `-`, without their ends, one at a time.

    longest: characters; what a line has beyond that is dropped. Bytes that are not UTF-8 become replacement
    characters. Raises InputError, also while it is read.
    """
    if path == STDIN:
        yield from _lines(_text(sys.stdin.buffer), longest)
        return
    if os.path.isdir(path):
        raise InputError(f"{path}: is a directory, expected {what}")
    try:
        with open(path, "rb") as file:
            yield from _lines(_text(file), longest)
    except (OSError, EOFError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot read {path}: {reason}") from error


def _text(file: BinaryIO) -> TextIOWrapper:
    import io

    start = file.peek(2)[:2] if isinstance(file, io.BufferedReader) else b""
    if start == b"\x1f\x8b":
        import gzip

        return io.TextIOWrapper(gzip.GzipFile(fileobj=file), encoding="utf-8", errors="replace")
    return io.TextIOWrapper(file, encoding="utf-8", errors="replace")


def _lines(text: TextIOWrapper, longest: int) -> Iterator[str]:
    try:
        while line := text.readline(longest):
            if not line.endswith("\n"):
                # The rest of a line that is too long.
                while (rest := text.readline(longest)) and not rest.endswith("\n"):
                    pass
            yield line.rstrip("\r\n")
    finally:
        text.detach()


def _read(path: str, what: str, size: int) -> bytes:
    if os.path.isdir(path):
        raise InputError(f"{path}: is a directory, expected {what}")
    try:
        with open(path, "rb") as file:
            return file.read(size)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot read {path}: {reason}") from error
