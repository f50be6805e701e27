# SPDX-License-Identifier: Apache-2.0
"""Where the log says each child of /reserved-memory went, and how that is known.

From 6.12 on the kernel prints a line for each region. Before, a placement shows in the line of its region driver,
in a call of memblock by the code for reserved memory, or (no-map) in the dump. A placement that none of them shows
is not known, and is recorded as such.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from carveout.fdt import parse
from carveout.observe.log_messages import POOLS, find
from carveout.span import MIB

from .log_memblock import hexed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.fdt import Tree
    from carveout.observe.log_messages import Said
    from carveout.observe.memblock_debug import Dump, Op

    from .log_memblock import Row

_FAILURES = {"alloc-failed": "alloc_failed", "reserve-failed": "reserve_failed", "matching-fail": "no_match"}
_TOLD = ("initialized", "summary", *_FAILURES)
# Who in the kernel makes reservations for /reserved-memory.
_RESERVER = re.compile(r"reserved_mem|rmem|fdt_|early_init_dt|of_")
_PLACING = ("alloc", "reserve", "remove", "mark_nomap")
_NOMAP = 4


@dataclass(frozen=True, slots=True)
class Child:
    """What the tree says of one child of /reserved-memory; numbers None where it does not or where they are odd."""

    name: str
    reg: tuple[int, int] | None
    size: int | None
    no_map: bool
    enabled: bool

    @property
    def kind(self) -> str:
        """`static`, `dynamic` or `none`."""
        return "static" if self.reg is not None else "dynamic" if self.size is not None else "none"


class _Facts:
    """What the log says about one region."""

    def __init__(self) -> None:
        self.said: Row = {}
        self.base: int | None = None
        self.size: int | None = None
        self.pool_base: int | None = None
        self.pool_size = 0


def children(tree: Tree) -> list[Child]:
    """Return the children of /reserved-memory in tree order. Their cells are the root's, as for the kernel."""
    top = tree.node("/reserved-memory")
    if top is None:
        return []
    address, size = (_count(tree, "#address-cells", 2), _count(tree, "#size-cells", 1))
    found = []
    for node in top.children:
        reg, length = node.prop("reg"), node.prop("size")
        pair = None
        if reg is not None and 0 < 4 * (address + size) <= reg.length:
            pair = (
                int.from_bytes(reg.value[: 4 * address], "big"),
                int.from_bytes(reg.value[4 * address : 4 * (address + size)], "big"),
            )
        asked = None if length is None else int.from_bytes(length.value, "big")
        status = node.prop("status")
        enabled = status is None or status.value in {b"okay\0", b"ok\0"}
        found.append(Child(node.name, pair, asked, node.prop("no-map") is not None, enabled))
    return found


def _count(tree: Tree, name: str, default: int) -> int:
    prop = tree.root.prop(name)
    return default if prop is None or prop.length != 4 else int.from_bytes(prop.value, "big")


def region_rows(
    dtb: bytes, lines: Sequence[str], ops: Sequence[Op], dump: Dump | None
) -> tuple[list[Row], list[str]]:
    """Return one row for each child of /reserved-memory, and the names in the order of the kernel's lines."""
    nodes = children(parse(dtb))
    facts, order = _read(lines)
    rows = [_row(node, facts.get(node.name) or _Facts(), nodes, ops, dump) for node in nodes]
    # A call whose region is known is nobody else's, unless a driver refused one and the next region got its memory.
    known = {row["base"] for row in rows if row["source"] is not None and "no_match" not in row}
    for row in rows:
        candidates = cast("list[str]", row.pop("candidates", []))
        rest = [base for base in candidates if base not in known or "no_match" in row]
        if rest:
            row["candidates"] = rest
    return rows, order


def _read(lines: Iterable[str]) -> tuple[dict[str, _Facts], list[str]]:
    facts: dict[str, _Facts] = {}
    order: list[str] = []
    pool: Said | None = None
    for line in lines:
        said = find(line)
        if said is None:
            continue
        if said.family in POOLS:
            pool = said
            continue
        if said.name is None:
            continue
        fact = facts.setdefault(said.name, _Facts()) if said.family in _TOLD else _Facts()
        if said.family == "initialized":
            fact.said["initialized"] = dict(said.values)["compatible"]
            if pool is not None:
                # The driver's own line comes before the one that names the node.
                fact.said["pool"] = POOLS[pool.family]
                fact.pool_base, fact.pool_size = pool.get("base"), (pool.get("mib") or 0) * MIB
                pool = None
        elif said.family == "summary":
            values = dict(said.values)
            fact.base, last = cast("int", values["base"]), cast("int", values["last"])
            fact.size = (last - fact.base + 1) % (1 << 64)
            fact.said |= {"nomap": values["nomap"] == "nomap", "reusable": values["reusable"] == "reusable"}
            order.append(said.name)
        elif said.family in _FAILURES:
            fact.said[_FAILURES[said.family]] = True
    return facts, order


def _row(node: Child, fact: _Facts, nodes: Sequence[Child], ops: Sequence[Op], dump: Dump | None) -> Row:
    row: Row = {"name": node.name, "kind": node.kind}
    base, size, source = _placement(node, fact, nodes, ops, dump)
    row |= {"base": hexed(base), "size": hexed(size), "source": source, **fact.said}
    if source == "dump-nomap":
        row["nomap"] = True
    if source is None and node.kind == "dynamic" and "alloc_failed" not in fact.said:
        candidates = sorted({op.base for op in _allocations(node, nodes, ops) if op.base is not None})
        if candidates:
            row["candidates"] = [hexed(candidate) for candidate in candidates]
    span = (base, size) if base is not None else node.reg
    if span is not None and span[1] and dump is not None:
        row |= _covered(span[0], span[1], dump)
    return row


def _placement(
    node: Child, fact: _Facts, nodes: Sequence[Child], ops: Sequence[Op], dump: Dump | None
) -> tuple[int | None, int | None, str | None]:
    if fact.base is not None:
        return fact.base, fact.size, "log-line"
    if fact.pool_base is not None:
        size = node.reg[1] if node.reg is not None else node.size
        return fact.pool_base, size or fact.pool_size, "pool-line"
    if node.reg is not None:
        base, size = node.reg
        if node.enabled and node.no_map and size and _is_nomap(base, size, dump):
            # A disabled one can only lie in what another has made no-map.
            return base, size, "dump-nomap"
        if any((op.base, op.size) == (base, size) for op in _by_reserver(ops)):
            return base, size, "memblock-op"
        return None, None, None
    if node.size is None or "alloc_failed" in fact.said:
        return None, None, None
    hits = _allocations(node, nodes, ops)
    alone = [other for other in nodes if other.kind == "dynamic" and other.size == node.size] == [node]
    if len(hits) == 1 and alone and hits[0].count == 1:
        return hits[0].base, hits[0].size, "memblock-op"
    return None, None, None


def _is_nomap(base: int, size: int, dump: Dump | None) -> bool:
    return dump is not None and _cover(base, size, _spans(dump, nomap=True)) == "full"


def _by_reserver(ops: Iterable[Op]) -> list[Op]:
    return [op for op in ops if op.op in _PLACING and op.base is not None and _RESERVER.search(op.caller)]


def _allocations(node: Child, nodes: Iterable[Child], ops: Iterable[Op]) -> list[Op]:
    """The calls that may be the placement of this dynamic region: of its size, and no static region's."""
    fixed = {other.reg for other in nodes}
    return [op for op in _by_reserver(ops) if op.size == node.size and (op.base, op.size) not in fixed]


def _covered(base: int, size: int, dump: Dump) -> Row:
    return {
        "in_memory": _cover(base, size, [(e.base, e.size) for e in dump.memory]),
        "in_reserved": _cover(base, size, [(e.base, e.size) for e in dump.reserved]),
        "in_nomap": _cover(base, size, _spans(dump, nomap=True)),
    }


def _spans(dump: Dump, *, nomap: bool) -> list[tuple[int, int]]:
    return [(e.base, e.size) for e in dump.memory if bool(e.flags & _NOMAP) is nomap]


def _cover(base: int, size: int, spans: Iterable[tuple[int, int]]) -> str:
    """How much of the range the spans cover: `full`, `partial` or `none`."""
    at, covered = base, 0
    for start, length in sorted(spans):
        low, high = max(start, at), min(start + length, base + size)
        if low < high:
            covered += high - low
            at = high
    return "full" if covered == size else "partial" if covered else "none"
