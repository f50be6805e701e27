# SPDX-License-Identifier: Apache-2.0
"""The unit address of a memory node is not its base.

What it checks
--------------
The unit address of enabled memory nodes below the root against the first entry of `reg`. Entries of size 0 and a
missing unit address are left alone: boot loaders fill these nodes in, and find them by their names.

Why it matters
--------------
A boot loader that looks for `memory@80000000` adds a second node when it finds `memory@0`.

Kernel behaviour
----------------
Linux goes by `reg`.

Example
-------
See `bad`. Many trees of am57xx and dra7 have `memory@0` with a base of 0x80000000.

Fix
---
Correct the name.

Known limits
------------
`memory@0` is what U-Boot makes when there is none; it is a note.

References
----------
Devicetree specification, sections 2.2.1 and 3.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import entries, is_enabled
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import unit_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such node."""
    for node in context.board.memory:
        base_name, at, text = node.path[1:].partition("@")
        if node.depth != 1 or not at or node.reg is None or not is_enabled(node.node):
            continue
        said = unit_number(text)
        found = entries(node.reg.value, context.address_cells, context.size_cells)
        if said is None or not found or not any(size for _, size in found) or said == found[0][0]:
            continue
        base = found[0][0]
        yield Problem(
            path=node.path,
            prop="reg",
            message=f"the name says 0x{said:x}, reg says 0x{base:x}; Linux goes by reg",
            fix=f"call it {base_name}@{base:x}",
            severity=Severity.NOTE if said == 0 else None,
        )


RULE = Rule(
    code="CV906",
    slug="memory-unit-address",
    severity=Severity.WARNING,
    summary="the unit address of a memory node is not its base",
    board=check,
    covers=("corpus-memory-unit-address",),
    bad=(
        Example('/ { memory@0 { device_type = "memory"; reg = <0x0 0x80000000 0x0 0x40000000>; }; };'),
        Example('/ { memory@90000000 { device_type = "memory"; reg = <0x0 0x80000000 0x0 0x40000000>; }; };'),
    ),
    good=(
        Example('/ { memory@80000000 { device_type = "memory"; reg = <0x0 0x80000000 0x0 0x40000000>; }; };'),
        Example('/ { memory@0 { device_type = "memory"; reg = <0x0 0x80000000 0x0 0x0>; }; };'),
    ),
)
