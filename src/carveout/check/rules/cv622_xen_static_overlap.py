# SPDX-License-Identifier: Apache-2.0
"""Memory that Xen gives to a domain, or to its own heap, lies on a region.

What it checks
--------------
`xen,static-mem`, `xen,static-heap` and `xen,shared-mem` against the static regions and each other.
`xen,static-heap` also has to be a multiple of 64 KiB.

Why it matters
--------------
A guest gets memory that belongs to firmware or to a device.

Kernel behaviour
----------------
Linux does not look at these properties. Xen refuses some overlaps when it starts.

Example
-------
See `bad`.

Fix
---
Move one of them.

Known limits
------------
`xen,shared-mem` is read with two cells each unless the node says otherwise.

References
----------
docs/misc/arm/device-tree/booting.txt of Xen; binding rule FW13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import entries, first_cell
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext
    from carveout.fdt import Property

_NAMES = ("xen,static-mem", "xen,static-heap", "xen,shared-mem")
_HEAP_UNIT = 0x10000
_MAX_RANGES = 256
"""Xen has room for no more (NR_MEM_BANKS); each is compared with all regions."""


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such range."""
    if b"xen,s" not in context.tree.strings:
        return
    for name in _NAMES:
        for prop in context.tree.properties_named(name):
            for span in _spans(context, prop):
                yield from _overlaps(context, prop, span)
                if name == "xen,static-heap" and (span.start | span.size) % _HEAP_UNIT:
                    yield Problem(
                        path=prop.node.path,
                        prop=name,
                        message=f"{format_range(span)} is not a multiple of 64 KiB, which Xen asks of its heap",
                        cause=f"0x{span.start:x} align",
                    )


def _spans(context: BoardContext, prop: Property) -> list[Span]:
    node = prop.node
    address = first_cell(node.prop(f"#{prop.name}-address-cells"))
    size = first_cell(node.prop(f"#{prop.name}-size-cells"))
    address = first_cell(node.prop("#address-cells")) if address is None else address
    size = first_cell(node.prop("#size-cells")) if size is None else size
    width = (
        context.address_cells if address is None else address,
        context.size_cells if size is None else size,
    )
    if max(width) > 4:
        return []
    if prop.name == "xen,shared-mem":
        # Host address, guest address, size; the host address may be missing.
        cells = prop.length // 4
        if cells != 2 * width[0] + width[1]:
            return []
        value = prop.value
        return [
            Span.sized(
                int.from_bytes(value[: 4 * width[0]], "big"), int.from_bytes(value[8 * width[0] :], "big")
            )
        ]
    return [Span.sized(base, length) for base, length in entries(prop.value, *width)[:_MAX_RANGES] if length]


def _overlaps(context: BoardContext, prop: Property, span: Span) -> Iterator[Problem]:
    for region, there in context.static:
        if there.overlaps(span):
            yield Problem(
                path=prop.node.path,
                prop=prop.name,
                message=f"{format_range(span)} lies on {region.path} ({format_range(there)})",
                related=(region.path,),
                cause=f"0x{span.start:x} {region.path}",
            )


RULE = Rule(
    code="CV622",
    slug="xen-static-overlap",
    severity=Severity.NOTE,
    summary="memory that Xen gives to a domain lies on a region",
    board=check,
    covers=("FW13",),
    bad=(
        Example("""
            / { chosen { #xen,static-mem-address-cells = <2>; #xen,static-mem-size-cells = <2>; domU1 { compatible = "xen,domain"; #xen,static-mem-address-cells = <2>; #xen,static-mem-size-cells = <2>; xen,static-mem = <0x0 0x48000000 0x0 0x10000000>; }; };
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; }; }; };
        """),
        Example("""
            / { chosen { #xen,static-heap-address-cells = <2>; #xen,static-heap-size-cells = <2>; xen,static-heap = <0x0 0x48001000 0x0 0x1000000>; }; };
        """),
    ),
    good=(
        Example("""
            / { chosen { #xen,static-mem-address-cells = <2>; #xen,static-mem-size-cells = <2>; domU1 { compatible = "xen,domain"; #xen,static-mem-address-cells = <2>; #xen,static-mem-size-cells = <2>; xen,static-mem = <0x0 0x60000000 0x0 0x10000000>; }; };
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; }; }; };
        """),
    ),
)
