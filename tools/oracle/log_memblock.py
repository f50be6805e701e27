# SPDX-License-Identifier: Apache-2.0
"""The calls and dumps of memblock (carveout.observe.memblock_debug) as rows of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carveout.observe.memblock_debug import Dump, Dumped, Op

Row = dict[str, object]


def hexed(value: int | None) -> str | None:
    """Return a number as the recordings write it."""
    return None if value is None else f"0x{value:x}"


def op_row(op: Op) -> Row:
    """Return a call as it is recorded."""
    row: Row = {"op": op.op, "base": hexed(op.base), "size": hexed(op.size)}
    if op.op == "double":
        return {**row, "array": op.array, "max": op.maximum}
    row["caller"] = op.caller
    if op.op == "alloc":
        row |= {"api": op.api, "align": hexed(op.align), "min": hexed(op.minimum)}
        row["max"] = hexed(op.maximum)
    if op.got_size is not None:
        row["got_size"] = hexed(op.got_size)
    if op.nid is not None:
        row["nid"] = op.nid
    if op.flags:
        row["flags"] = hexed(op.flags)
    if op.count > 1:
        row |= {"count": op.count, "lowest": hexed(op.lowest)}
    return row


def dump_row(dump: Dump) -> Row:
    """Return a dump as it is recorded."""
    return {
        "memory": [_dumped_row(entry) for entry in dump.memory],
        "reserved": [_dumped_row(entry) for entry in dump.reserved],
    }


def _dumped_row(entry: Dumped) -> Row:
    row: Row = {"base": hexed(entry.base), "size": hexed(entry.size), "flags": hexed(entry.flags)}
    return row if entry.node is None else {**row, "node": entry.node}
