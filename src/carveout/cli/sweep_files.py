# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH105, PTH108, PTH110, PTH112, PTH118, PTH123
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""The results of a sweep on disk: JSON lines (also gzip), or a folder of Parquet files; written as they come, read back."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, cast

from carveout.cli.output import STDOUT, refuse_target, same_file
from carveout.errors import InputError, UsageError
from carveout.sweep.rows import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    from carveout.sweep.course import Result
    from carveout.sweep.rows import Row

    class Results(Protocol):
        """Where results go, board by board."""

        def begin(self, header: Row) -> None:
            """Take what the results are of."""

        def board(self, result: Result) -> None:
            """Take the rows of a board."""

        def end(self) -> None:
            """Nothing more comes."""


_GZIP_ENDS = ".gz"
_LONGEST_LINE = 64 << 20


class Lines:
    """Results as JSON lines."""

    def __init__(self, file: IO[bytes]) -> None:
        """file: what is written to."""
        self._file = file
        self._boards = self._rows = 0

    def begin(self, header: Row) -> None:
        """Write the first line: what the results are of."""
        self._file.write(json.dumps(header, separators=(",", ":")).encode("ascii") + b"\n")

    def board(self, result: Result) -> None:
        """Write the lines of a board."""
        self.raw(list(result.lines()))

    def raw(self, lines: list[bytes]) -> None:
        """Write the lines of a board that were made before."""
        self._file.writelines(lines)
        self._boards += 1
        self._rows += len(lines)

    def end(self) -> None:
        """Write the last line, by which one sees that nothing is missing."""
        self._file.write(b'{"kind":"end","boards":%d,"rows":%d}\n' % (self._boards, self._rows))


@contextmanager
def open_results(form: str, path: str | None, *, inputs: Iterable[str] = ()) -> Iterator[Results]:
    """Give where results go; what they are written to appears whole when the block ends without an exception.

    form: `jsonl` or `parquet`. path: a file, or a folder for Parquet; None: standard output.
    Raises: UsageError when it cannot be written; ToolMissing without PyArrow.
    """
    if form == "parquet":
        from carveout.cli.sweep_parquet import ParquetFolder

        with ParquetFolder(path or "") as folder:
            yield folder
        return
    with open_lines(path, inputs=inputs) as lines:
        yield lines


@contextmanager
def open_lines(path: str | None, *, inputs: Iterable[str] = ()) -> Iterator[Lines]:
    """Give JSON lines as open_results() does."""
    if path is None or path == STDOUT:
        sys.stdout.flush()
        yield Lines(sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    if os.path.exists(path):
        inputs = [name for name in inputs if same_file(path, name)]
    else:
        inputs = ()
    refuse_target("-o", path, inputs)
    folder, name = os.path.split(os.path.realpath(path))
    draft = os.path.join(folder, f".{name[:200]}.{os.getpid()}.part")
    try:
        with open(draft, "xb") as file:
            if path.endswith(_GZIP_ENDS):
                import gzip

                with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                    yield Lines(cast("IO[bytes]", packed))
            else:
                yield Lines(file)
        os.replace(draft, os.path.realpath(path))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            os.unlink(draft)


class Source:
    """Results that were written before: a header, and the rows board by board."""

    def __init__(self, path: str) -> None:
        """path: a file of JSON lines, or a folder of Parquet files. Raises: InputError when it holds no results."""
        self.path = path
        self._is_folder = os.path.isdir(path)
        self.header: Row = {}
        if self._is_folder:
            from carveout.cli.sweep_parquet import read_header

            self.header = read_header(path)
        else:
            with self._open() as lines:
                self.header = self._first(next(lines, b""))
        self.scenes = tuple(str(name) for name in cast("list[object]", self.header.get("scenes") or []))

    def boards(self) -> Iterator[list[Row]]:
        """Yield the rows of each board, the row of the board itself first."""
        if self._is_folder:
            from carveout.cli.sweep_parquet import read_boards

            yield from read_boards(self.path)
            return
        for board in self._parsed():
            yield [row for _, row in board]

    def raw_boards(self) -> Iterator[list[bytes]]:
        """Yield the lines of each board. Raises: InputError where the results end too early."""
        if self._is_folder:
            raise InputError(f"{self.path}: is a folder, expected JSON lines")
        for board in self._parsed():
            yield [line for line, _ in board]

    def _parsed(self) -> Iterator[list[tuple[bytes, Row]]]:
        board: list[tuple[bytes, Row]] = []
        with self._open() as lines:
            next(lines, None)
            for line in lines:
                row = self._row(line)
                if row.get("kind") == "end":
                    if board:
                        yield board
                    return
                if row.get("kind") == "board" and board:
                    yield board
                    board = []
                board.append((line, row))
        raise InputError(f"{self.path}: ends in the middle: the last line of results is missing")

    @contextmanager
    def _open(self) -> Iterator[Iterator[bytes]]:
        try:
            if self.path.endswith(_GZIP_ENDS):
                import gzip

                with gzip.open(self.path) as packed:
                    yield iter(lambda: packed.readline(_LONGEST_LINE), b"")
            else:
                with open(self.path, "rb") as file:
                    yield iter(lambda: file.readline(_LONGEST_LINE), b"")
        except (OSError, EOFError) as error:
            raise InputError(
                f"cannot read {self.path}: {getattr(error, 'strerror', None) or error}"
            ) from error

    def _first(self, line: bytes) -> Row:
        found = self._row(line) if line.startswith(b"{") else {}
        if found.get("schema") != SCHEMA:
            raise InputError(
                f"{self.path}: holds no results of a sweep, expected the schema {SCHEMA} in its first line"
            )
        return found

    def _row(self, line: bytes) -> Row:
        try:
            found = json.loads(line)
        except ValueError as error:
            raise InputError(f"{self.path}: a line is no JSON: {error}") from error
        if not isinstance(found, dict):
            raise InputError(f"{self.path}: a line is no JSON object")
        return found
