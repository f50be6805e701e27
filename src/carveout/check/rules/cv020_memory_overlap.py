# SPDX-License-Identifier: Apache-2.0
"""Two entries of memory nodes overlap each other.

What it checks
--------------
All entries of all enabled memory nodes below the root against each other.

Why it matters
--------------
At least one of them says something that is not so: the board has less RAM, or at other places.

Kernel behaviour
----------------
All versions merge them: a byte counts once. If the sizes are right and the bases are not, the kernel uses addresses
behind the end of a bank.

Example
-------
See `bad`. exynosautov920-sadk has had 0x880000000 + 0x1fba00000 beside 0xa00000000 in Linux.

Fix
---
Correct base or size.

Known limits
------------
Entries of size 0 are for the boot loader to fill in and are not looked at.

References
----------
early_init_dt_scan_memory(), drivers/of/fdt.c; memblock_add_range(), mm/memblock.c; kernel-semantics 2.2, 6.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import entries, is_enabled
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each pair of neighbours, told at the one that begins higher."""
    found: list[tuple[Span, str]] = []
    for node in context.board.memory:
        prop = node.usable or node.reg
        if node.depth == 1 and prop is not None and is_enabled(node.node):
            for base, size in entries(prop.value, context.address_cells, context.size_cells):
                if size:
                    found.append((Span.sized(base, size), node.path))
    if len(found) < 2:
        return
    found.sort()
    highest, owner = found[0]
    for span, path in found[1:]:
        if span.start < highest.end:
            yield Problem(
                path=path,
                prop="reg",
                message=(
                    f"{format_range(span)} overlaps {format_range(highest)} of {owner} by "
                    f"0x{min(span.end, highest.end) - span.start:x} bytes; Linux takes both together as RAM, "
                    "and one of them cannot be right"
                ),
                related=() if owner == path else (owner,),
            )
        if span.end > highest.end:
            highest, owner = span, path


RULE = Rule(
    code="CV020",
    slug="memory-overlap",
    severity=Severity.WARNING,
    summary="two entries of memory nodes overlap each other",
    board=check,
    covers=("corpus-memory-overlap",),
    bad=(
        Example('/ { memory@60000000 { device_type = "memory"; reg = <0x0 0x60000000 0x0 0x40000000>; }; };'),
        Example("""
            / { memory@40000000 { reg = <0x0 0x40000000 0x0 0x40000000>, <0x0 0x40000000 0x0 0x1000>; }; };
        """),
    ),
    good=(
        Example('/ { memory@80000000 { device_type = "memory"; reg = <0x0 0x80000000 0x0 0x40000000>; }; };'),
    ),
)
