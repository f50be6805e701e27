# SPDX-License-Identifier: Apache-2.0
"""What `memblock=debug` prints, as data: the calls in order, and the dump of the lists.

Theory of operation. An allocation is two lines: the request (`memblock_alloc…: N bytes align=…`) and the reservation
that serves it; both become one `alloc`. A request without a reservation after it has failed: its base stays None.
Page tables are made of many equal allocations, one below the other: such a run is one entry with `count`, `base` of
the first and highest, and `lowest`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ADDRESS = r"(0x[0-9a-f]+)"
_CALL = re.compile(
    rf"^_*memblock_(\w+): \[{_ADDRESS}-{_ADDRESS}\](?: nid=(-?\d+))?(?: flags=([0-9a-f]+))? (\S+)"
)
_REQUEST = re.compile(
    rf"^_*(memblock_\w+): (\d+) bytes align={_ADDRESS}(?: nid=(-?\d+))? from={_ADDRESS} max_addr={_ADDRESS} (\S+)"
)
_DOUBLED = re.compile(rf"^memblock: (\w+) is doubled to (\d+) at \[{_ADDRESS}-{_ADDRESS}\]")
_DUMPED = re.compile(
    rf"^ (memory|reserved|physmem)\[0x[0-9a-f]+\]\s+\[{_ADDRESS}-{_ADDRESS}\], {_ADDRESS} bytes"
    r"(?: on node (\d+))? flags: (0x[0-9a-f]+)"
)
_DUMP_BEGINS = "MEMBLOCK configuration"
_ADDRESS_SPACE = 1 << 64
# How a call without a node is printed: NUMA_NO_NODE, or MAX_NUMNODES of the configurations that are booted.
_NO_NODE = ("-1", "1", "16", "64", "1024")
# The function that makes the reservation for a request.
_SERVES = "memblock_alloc_range_nid"

Row = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """One call of memblock, or a run of equal allocations. Addresses and sizes in bytes."""

    op: str
    """`add`, `remove`, `reserve`, `free`, `phys_free`, `alloc`, or `double`."""
    base: int | None
    size: int
    caller: str = ""
    api: str = ""
    align: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    got_size: int | None = None
    nid: int | None = None
    flags: int = 0
    array: str = ""
    count: int = 1
    lowest: int | None = None

    def row(self) -> Row:
        """Return it as it is recorded."""
        row: Row = {"op": self.op, "base": hexed(self.base), "size": hexed(self.size)}
        if self.op == "double":
            return {**row, "array": self.array, "max": self.maximum}
        row["caller"] = self.caller
        if self.op == "alloc":
            row |= {"api": self.api, "align": hexed(self.align), "min": hexed(self.minimum)}
            row["max"] = hexed(self.maximum)
        if self.got_size is not None:
            row["got_size"] = hexed(self.got_size)
        if self.nid is not None:
            row["nid"] = self.nid
        if self.flags:
            row["flags"] = hexed(self.flags)
        if self.count > 1:
            row |= {"count": self.count, "lowest": hexed(self.lowest)}
        return row


class Dumped(NamedTuple):
    """One line of a dump. Bytes."""

    base: int
    size: int
    flags: int
    node: int | None

    def row(self) -> Row:
        """Return it as it is recorded."""
        row: Row = {"base": hexed(self.base), "size": hexed(self.size), "flags": hexed(self.flags)}
        return row if self.node is None else {**row, "node": self.node}


class Dump(NamedTuple):
    """One "MEMBLOCK configuration"."""

    memory: tuple[Dumped, ...]
    reserved: tuple[Dumped, ...]

    def row(self) -> Row:
        """Return it as it is recorded."""
        return {
            "memory": [entry.row() for entry in self.memory],
            "reserved": [entry.row() for entry in self.reserved],
        }


def hexed(value: int | None) -> str | None:
    """Return a number as the recordings write it."""
    return None if value is None else f"0x{value:x}"


def parse_ops(lines: Iterable[str]) -> list[Op]:
    """Return the calls of memblock in order, runs of equal allocations as one."""
    ops: list[Op] = []
    waiting: int | None = None
    for line in lines:
        if (match := _REQUEST.match(line)) is not None:
            waiting = len(ops)
            ops.append(_request(match))
        elif (match := _DOUBLED.match(line)) is not None:
            ops.append(_doubled(match))
        elif (match := _CALL.match(line)) is not None:
            call = _call(match)
            if waiting is not None and call.op == "reserve" and call.caller.startswith(_SERVES):
                asked = ops[waiting]
                got = None if call.size == asked.size else call.size
                ops[waiting] = replace(asked, base=call.base, got_size=got)
                waiting = None
            else:
                ops.append(call)
    return _runs(ops)


def last_dump(lines: Sequence[str]) -> tuple[Dump | None, int]:
    """Return the last dump, and the number of the line it begins at; None and the end where there is none."""
    begins = dump_line(lines)
    if begins == len(lines):
        return None, begins
    found: dict[str, list[Dumped]] = {"memory": [], "reserved": []}
    for line in lines[begins:]:
        if (match := _DUMPED.match(line)) is not None and match[1] in found:
            node = None if match[5] is None else int(match[5])
            found[match[1]].append(Dumped(int(match[2], 16), int(match[4], 16), int(match[6], 16), node))
    return Dump(tuple(found["memory"]), tuple(found["reserved"])), begins


def dump_line(lines: Sequence[str]) -> int:
    """Return the number of the line at which the last dump begins; the number of lines when there is none."""
    begins = [number for number, line in enumerate(lines) if line.startswith(_DUMP_BEGINS)]
    return begins[-1] if begins else len(lines)


def _caller(text: str) -> str:
    return text.partition("+")[0]


def _request(match: re.Match[str]) -> Op:
    return Op(
        op="alloc",
        api=match[1],
        base=None,
        size=int(match[2]),
        align=int(match[3], 16),
        minimum=int(match[5], 16),
        maximum=int(match[6], 16),
        caller=_caller(match[7]),
    )


def _doubled(match: re.Match[str]) -> Op:
    base, last = int(match[3], 16), int(match[4], 16)
    return Op(op="double", array=match[1], maximum=int(match[2]), base=base, size=last - base + 1)


def _call(match: re.Match[str]) -> Op:
    base, last = int(match[2], 16), int(match[3], 16)
    return Op(
        op=match[1],
        base=base,
        # The last byte of an empty range is the one before its first.
        size=(last - base + 1) % _ADDRESS_SPACE,
        caller=_caller(match[6]),
        nid=None if match[4] is None or match[4] in _NO_NODE else int(match[4]),
        flags=int(match[5] or "0", 16),
    )


def _runs(ops: Iterable[Op]) -> list[Op]:
    out: list[Op] = []
    for op in ops:
        if out and _continues(out[-1], op):
            out[-1] = replace(out[-1], count=out[-1].count + 1, lowest=op.base)
        else:
            out.append(op)
    return out


def _continues(run: Op, op: Op) -> bool:
    if (
        run.base is None
        or op.base is None
        or not (op.op == "alloc" or op.caller.startswith("memblock_alloc"))
    ):
        return False
    lowest = run.base if run.lowest is None else run.lowest
    return (
        replace(op, base=run.base, count=run.count, lowest=run.lowest) == run and op.base + op.size == lowest
    )
