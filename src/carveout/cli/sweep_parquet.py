# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH103, PTH105, PTH108, PTH110, PTH112, PTH118
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""The results of a sweep as Parquet: one file for each kind of row in a folder, written in batches."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, cast

from carveout.errors import InputError, ToolMissing, UsageError
from carveout.sweep.rows import COLUMNS, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.sweep.course import Result
    from carveout.sweep.rows import Row

_FILES = {
    "board": "boards.parquet",
    "cell": "cells.parquet",
    "region": "regions.parquet",
    "finding": "findings.parquet",
}
_BATCH = 50_000
_HEADER = b"carveout.sweep"


def _arrow() -> Any:  # noqa: ANN401 PyArrow has no types
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise ToolMissing(
            "Parquet needs PyArrow, which is not installed: pip install 'carveout[parquet]'"
        ) from error
    return pa


class ParquetFolder:
    """Results as Parquet files; they appear, whole, when the block ends without an exception."""

    def __init__(self, path: str) -> None:
        """path: the folder, made when needed. Raises: UsageError, ToolMissing."""
        self._arrow = _arrow()
        self._path = path
        if os.path.exists(path) and not os.path.isdir(path):
            raise UsageError(f"-o {path}: is a file, expected a folder (or none yet) for Parquet files")
        try:
            os.makedirs(path, exist_ok=True)
        except OSError as error:
            raise UsageError(f"-o {path}: cannot be made: {error.strerror}") from error
        self._rows: dict[str, list[Row]] = {kind: [] for kind in _FILES}
        self._writers: dict[str, Any] = {}
        self._drafts: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Put the files in place, or leave nothing."""
        for writer in self._writers.values():
            writer.close()
        for name, draft in self._drafts.items():
            if kind is None:
                os.replace(draft, os.path.join(self._path, _FILES[name]))
            else:
                with suppress(OSError):
                    os.unlink(draft)

    def begin(self, header: Row) -> None:
        """Open a file for each kind of row; the header is in the metadata of each."""
        arrow = self._arrow
        for kind, name in _FILES.items():
            fields = [arrow.field(c.name, _type(arrow, c.kind)) for c in COLUMNS[kind]]
            schema = arrow.schema(fields, metadata={_HEADER: json.dumps(header).encode("ascii")})
            draft = os.path.join(self._path, f".{name}.{os.getpid()}.part")
            self._drafts[kind] = draft
            self._writers[kind] = arrow.parquet.ParquetWriter(draft, schema, compression="zstd")

    def board(self, result: Result) -> None:
        """Take the rows of a board."""
        for line in result.lines():
            row: Row = json.loads(line)
            kind = str(row.pop("kind"))
            self._rows[kind].append(row)
            if len(self._rows[kind]) >= _BATCH:
                self._write(kind)

    def end(self) -> None:
        """Write what is left."""
        for kind in _FILES:
            if self._rows[kind]:
                self._write(kind)

    def _write(self, kind: str) -> None:
        rows, self._rows[kind] = self._rows[kind], []
        writer = self._writers[kind]
        columns = [
            self._arrow.array(
                [_value(column.kind, row[column.name]) for row in rows], _type(self._arrow, column.kind)
            )
            for column in COLUMNS[kind]
        ]
        writer.write_table(self._arrow.Table.from_arrays(columns, schema=writer.schema))


def _type(arrow: Any, kind: str) -> Any:  # noqa: ANN401 PyArrow has no types
    return {
        "text": arrow.string(),
        "count": arrow.int64(),
        "address": arrow.uint64(),
        "flag": arrow.bool_(),
        "number": arrow.float64(),
        "texts": arrow.list_(arrow.string()),
    }[kind]


def _value(kind: str, value: object) -> object:
    if kind == "address" and value is not None:
        return int(str(value), 16)
    if kind == "text" and value is not None:
        return str(value).encode("utf-8", "replace").decode("utf-8")
    if kind == "texts":
        return [str(text).encode("utf-8", "replace").decode("utf-8") for text in cast("list[object]", value)]
    return value


def read_header(folder: str) -> Row:
    """Return the header of a folder of Parquet files. Raises: InputError, ToolMissing."""
    arrow = _arrow()
    path = os.path.join(folder, _FILES["board"])
    try:
        schema = arrow.parquet.read_schema(path)
    except (OSError, arrow.ArrowException) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    header: Row = json.loads((schema.metadata or {}).get(_HEADER, b"{}"))
    if header.get("schema") != SCHEMA:
        raise InputError(f"{path}: holds no results of a sweep, expected the schema {SCHEMA}")
    return header


def read_boards(folder: str) -> Iterator[list[Row]]:
    """Yield the rows of each board, the row of the board itself first. Raises: InputError."""
    streams = {kind: _Rows(folder, kind) for kind in _FILES}
    for board in streams["board"].all():
        rows = [board]
        for kind in ("cell", "region", "finding"):
            rows += streams[kind].of(board["board"])
        yield rows


class _Rows:
    # The rows of one file, in order, with one looked at ahead.
    def __init__(self, folder: str, kind: str) -> None:
        self._kind = kind
        self._iterator = self._read(os.path.join(folder, _FILES[kind]))
        self._next = next(self._iterator, None)

    def all(self) -> Iterator[Row]:
        while self._next is not None:
            row, self._next = self._next, next(self._iterator, None)
            yield row

    def of(self, board: object) -> Iterator[Row]:
        while self._next is not None and self._next["board"] == board:
            row, self._next = self._next, next(self._iterator, None)
            yield row

    def _read(self, path: str) -> Iterator[Row]:
        arrow = _arrow()
        addresses = [column.name for column in COLUMNS[self._kind] if column.kind == "address"]
        try:
            with arrow.parquet.ParquetFile(path) as file:
                for batch in file.iter_batches():
                    for row in batch.to_pylist():
                        for name in addresses:
                            row[name] = hex(row[name]) if row[name] is not None else None
                        yield {**row, "kind": self._kind}
        except (OSError, arrow.ArrowException) as error:
            raise InputError(f"cannot read {path}: {error}") from error
