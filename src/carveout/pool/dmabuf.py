# SPDX-License-Identifier: Apache-2.0
"""Buffers of dma-heaps: a list of requests, and what /sys/kernel/debug/dma_buf/bufinfo shows of those that live.

A list has lines `heap NAME ...`, `H HEAP ID BYTES ERRNO` (HEAP counts the heap lines from 0) and `F ID`. bufinfo says
how large a buffer is and who exported it, not where it is: its buffers become requests in the order of their inodes,
which is the order they were made in.
Source: cma 1.6, 1.7 (drivers/dma-buf/dma-buf.c, heaps/cma_heap.c).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.errors import TraceError
from carveout.pool.trace import Op, PoolKind, RecordedResult, Request, Trace
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.pool.trace import PoolSpec, TraceHeader

DEFAULT_HEAP = "default_cma_region"
"""The heap of the default area on 7.2; the area also has one of its own name."""

_BUFFER = re.compile(
    r"^(\d{8,20})\s+([0-9a-f]{8})\s+([0-9a-f]{8})\s+(\d{8})\s+(\S+)\s+(\d{1,10})(?:\s+(.*))?$"
)
_MAX_LINE = 4096
_MAX_BYTES = 1 << 52
_MAX_PROBLEMS = 1000


class Buffer(NamedTuple):
    """One buffer that bufinfo shows."""

    size: int
    """Bytes."""
    exporter: str
    """The heap's name, or that of the driver that made it."""
    inode: int
    name: str = ""


def is_bufinfo(line: str) -> bool:
    """Say whether this is the line above bufinfo's list."""
    return line.split()[:2] == ["size", "flags"]


def read_bufinfo(lines: Iterable[str]) -> tuple[Buffer, ...]:
    """Return the buffers that bufinfo shows, oldest first. Raises: TraceError when it shows none."""
    found = []
    for line in lines:
        match = _BUFFER.match(line[:_MAX_LINE].strip())
        if match is not None:
            found.append(Buffer(int(match[1]), match[5], int(match[6]), (match[7] or "").strip()))
    if not found:
        raise TraceError("shows no buffer: expected /sys/kernel/debug/dma_buf/bufinfo")
    return tuple(sorted(found, key=lambda buffer: buffer.inode))


def bufinfo_trace(buffers: Iterable[Buffer], header: TraceHeader) -> Trace:
    """Return the buffers of the header's pools as requests, none of which is given back."""
    requests: list[Request] = []
    others: dict[str, int] = {}
    for buffer in buffers:
        pool = heap_pool(header, buffer.exporter)
        if pool is None:
            others[buffer.exporter] = others.get(buffer.exporter, 0) + buffer.size
            continue
        requests.append(Request(op=Op.HEAP_ALLOC, id=len(requests), pool=pool.id, size=buffer.size))
    notes = [*header.notes]
    if requests:
        notes.append(
            "bufinfo says how large buffers are, not where: they are placed one after the other, oldest first, "
            "as if nothing had been given back between them"
        )
    notes += [
        f"{size} bytes of buffers are of {exporter}, which is none of the pools"
        for exporter, size in others.items()
    ]
    return Trace(header=replace(header, notes=tuple(notes)), requests=tuple(requests))


def heap_pool(header: TraceHeader, heap: str) -> PoolSpec | None:
    """Return the pool whose heap has this name; None when there is none."""
    for pool in header.pools:
        if pool.name == heap and pool.kind.is_contiguous:
            return pool
    if heap == DEFAULT_HEAP:
        for pool in header.pools:
            if pool.kind is PoolKind.CMA_DEFAULT:
                return pool
    return None


def read_heap_requests(lines: Iterable[str], header: TraceHeader, *, keep_going: bool = False) -> Trace:
    """Return the requests of a list. Raises: TraceError for a line of another form, or a heap that is no pool's."""
    reader = _Reader(header)
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        words = line[:_MAX_LINE].split()
        if not words or words[0].startswith("#"):
            continue
        try:
            reader.read(words, number)
        except ValueError as error:
            if not keep_going or len(problems) >= _MAX_PROBLEMS:
                raise TraceError(str(error), line=number) from error
            problems.append(f"line {number}: {error}")
    if not reader.requests:
        raise TraceError("has no request: expected lines 'heap NAME', 'H HEAP ID BYTES ERRNO' and 'F ID'")
    return Trace(
        header=header, requests=tuple(reader.requests), problems=tuple(problems), recorded=reader.recorded
    )


class _Reader:
    def __init__(self, header: TraceHeader) -> None:
        self.requests: list[Request] = []
        self.recorded: dict[int, RecordedResult] = {}
        self._header = header
        self._heaps: list[str] = []
        # The list's id → ours and the pool's; each heap's part of a list counts from 0 again.
        self._live: dict[int, tuple[int, str]] = {}

    def read(self, words: list[str], number: int) -> None:
        if words[0] == "heap" and len(words) >= 2:
            self._heaps.append(words[1])
        elif words[0] == "H" and len(words) == 5:
            self._alloc(words, number)
        elif words[0] == "F" and len(words) == 2:
            held = self._live.pop(_natural(words[1]), None)
            if held is not None:
                self.requests.append(Request(op=Op.FREE, id=held[0], pool=held[1], line=number))
        else:
            raise ValueError("is none of 'heap NAME', 'H HEAP ID BYTES ERRNO', 'F ID'")

    def _alloc(self, words: list[str], number: int) -> None:
        heap, name, size = (_natural(word) for word in words[1:4])
        errno = -_natural(words[4].removeprefix("-"))
        if heap >= len(self._heaps):
            raise ValueError(f"heap {heap} was not named: expected a line 'heap NAME' before it")
        pool = heap_pool(self._header, self._heaps[heap])
        if pool is None:
            known = ", ".join(pool.name for pool in self._header.pools) or "none"
            raise ValueError(
                f"heap '{self._heaps[heap]}' is no pool's (known: {known}); --board or --area NAME=SIZE@BASE gives it"
            )
        if not 0 < size <= _MAX_BYTES:
            raise ValueError(f"a buffer of {size} bytes cannot be")
        id_ = len(self.recorded)
        self._live[name] = (id_, pool.id)
        self.requests.append(Request(op=Op.HEAP_ALLOC, id=id_, pool=pool.id, size=size, line=number))
        # A list says that a request succeeded, not where: such a result has no place to compare.
        self.recorded[id_] = RecordedResult(pfn=None, errno=errno)


def _natural(word: str) -> int:
    if not (word.isascii() and word.isdigit()) or len(word) > 18:
        raise ValueError(f"'{word[:40]}' is no number")
    return int(word)
