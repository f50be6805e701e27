# SPDX-License-Identifier: Apache-2.0
"""What `memblock=debug` prints, as data: the calls in order, and the dump of the lists.

Theory of operation. An allocation is two lines: the request (`memblock_alloc…: N bytes align=…`) and the reservation
that serves it; both become one `alloc`. A request without a reservation after it has failed: its base stays None.
Page tables are made of many equal allocations, one below the other: such a run is one entry with `count`, `base` of
the first and highest, and `lowest`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.values import NamedTuple, dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ADDRESS = r"(0x[0-9a-f]{1,16})"
_CALL = re.compile(
    rf"^_*memblock_(\w+): \[{_ADDRESS}-{_ADDRESS}\](?: nid=(-?\d+))?(?: flags=([0-9a-f]+))? (\S+)"
)
_REQUEST = re.compile(
    rf"^_*(memblock_\w+): (\d{{1,20}}) bytes align={_ADDRESS}(?: nid=(-?\d+))? from={_ADDRESS} max_addr={_ADDRESS} (\S+)"
)
_DOUBLED = re.compile(rf"^memblock: (\w+) is doubled to (\d{{1,9}}) at \[{_ADDRESS}-{_ADDRESS}\]")
_DUMPED = re.compile(
    rf"^ ?(memory|reserved|physmem)\[0x[0-9a-f]+\]\s+\[{_ADDRESS}-{_ADDRESS}\], {_ADDRESS} bytes"
    r"(?: on node (\d{1,9}))? flags: (0x[0-9a-f]+)"
)
DUMP_BEGINS = "MEMBLOCK configuration"
_ADDRESS_SPACE = 1 << 64
# How a call without a node is printed: NUMA_NO_NODE, or MAX_NUMNODES of the configurations that are booted.
_NO_NODE = ("-1", "1", "16", "64", "1024")
# The function that makes the reservation for a request.
_SERVES = "memblock_alloc_range_nid"

_MOST_BETWEEN = 100
"""Calls between a request and its answer; the growth of an array makes a few."""
MOST_OPS = 50_000
"""Calls kept of one boot; runs of equal ones count once. A boot makes some hundreds."""
MOST_DUMPED = 20_000
"""Entries kept of one dump."""


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


class Dumped(NamedTuple):
    """One line of a dump. Bytes."""

    base: int
    size: int
    flags: int
    node: int | None


class Dump(NamedTuple):
    """One "MEMBLOCK configuration"."""

    memory: tuple[Dumped, ...]
    reserved: tuple[Dumped, ...]


class MemblockReader:
    """Takes lines one by one and keeps the calls, and the last dump."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        """Calls so far, runs of equal allocations as one, less a request whose answer is still to come."""
        self._waiting: Op | None = None
        self._later: list[Op] = []
        self._memory: list[Dumped] = []
        self._reserved: list[Dumped] = []
        self.has_dump = False
        self.first_dump: Dump | None = None
        """Where there are several, the first: on powerpc it shows an earlier moment."""

    def feed(self, line: str) -> bool:
        """Take one line without its time stamp. Return whether it was memblock's."""
        if line.startswith(DUMP_BEGINS):
            if self.first_dump is None:
                self.first_dump = self.dump
            self.has_dump = True
            self._memory, self._reserved = [], []
            return True
        if (match := _DUMPED.match(line)) is not None:
            self._dumped(match)
        elif (match := _REQUEST.match(line)) is not None:
            self._settle()
            self._waiting = _request(match)
        elif (match := _DOUBLED.match(line)) is not None:
            self._take(_doubled(match))
        elif (match := _CALL.match(line)) is not None:
            self._take(_call(match))
        else:
            return False
        return True

    def finish(self) -> list[Op]:
        """Return the calls, the last request too."""
        self._settle()
        return self.ops

    @property
    def dump(self) -> Dump | None:
        """The last dump so far; None where there is none."""
        return Dump(tuple(self._memory), tuple(self._reserved)) if self.has_dump else None

    def _dumped(self, match: re.Match[str]) -> None:
        lists = {"memory": self._memory, "reserved": self._reserved}
        kept = lists.get(match[1])
        if kept is None or len(kept) >= MOST_DUMPED:
            return
        node = None if match[5] is None else int(match[5])
        kept.append(Dumped(int(match[2], 16), int(match[4], 16), int(match[6], 16), node))

    def _take(self, call: Op) -> None:
        asked = self._waiting
        if asked is not None and call.op == "reserve" and call.caller.startswith(_SERVES):
            got = None if call.size == asked.size else call.size
            self._waiting = replace(asked, base=call.base, got_size=got)
            self._settle()
        elif asked is not None:
            # A request keeps its place in the order; what is printed before its answer waits for it.
            self._later.append(call)
            if len(self._later) >= _MOST_BETWEEN:
                self._settle()
        else:
            self._add(call)

    def _settle(self) -> None:
        if self._waiting is not None:
            self._add(self._waiting)
            self._waiting = None
        for call in self._later:
            self._add(call)
        self._later.clear()

    def _add(self, op: Op) -> None:
        if self.ops and _continues(self.ops[-1], op):
            run = self.ops[-1]
            self.ops[-1] = replace(run, count=run.count + 1, lowest=op.base)
        elif len(self.ops) < MOST_OPS:
            self.ops.append(op)


def parse_ops(lines: Iterable[str]) -> list[Op]:
    """Return the calls of memblock in order, runs of equal allocations as one."""
    reader = MemblockReader()
    for line in lines:
        reader.feed(line)
    return reader.finish()


def last_dump(lines: Sequence[str]) -> tuple[Dump | None, int]:
    """Return the last dump, and the number of the line it begins at; None and the end where there is none."""
    begins = dump_line(lines)
    if begins == len(lines):
        return None, begins
    reader = MemblockReader()
    for line in lines[begins:]:
        reader.feed(line)
    return reader.dump, begins


def dump_line(lines: Sequence[str]) -> int:
    """Return the number of the line at which the last dump begins; the number of lines when there is none."""
    begins = [number for number, line in enumerate(lines) if line.startswith(DUMP_BEGINS)]
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
