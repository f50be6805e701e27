# SPDX-License-Identifier: Apache-2.0
"""The root has a property `memreserve`.

What it checks
--------------
The property `memreserve` of the root.

Why it matters
--------------
Old Open Firmware trees and FreeBSD reserve memory by it. Linux uses the memory.

Kernel behaviour
----------------
No version of Linux reads it. It has nothing to do with the memory reservation block.

Example
-------
See `bad`.

Fix
---
Write the ranges into the memory reservation block, or better as children of `/reserved-memory`.

Known limits
------------
None.

References
----------
fdt_get_reserved_regions(), sys/dev/fdt/fdt_common.c of FreeBSD; binding rule LG18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield the note at the root."""
    for prop in context.tree.properties_named("memreserve"):
        if prop.node.index == 0:
            yield Problem(
                path="/",
                prop="memreserve",
                message="FreeBSD reserves what it says, and Linux does not read it",
            )


RULE = Rule(
    code="CV813",
    slug="root-memreserve",
    severity=Severity.NOTE,
    summary="the root has a property memreserve, which Linux does not read",
    board=check,
    covers=("LG18",),
    bad=(
        Example("""
            / { memreserve = <0x50000000 0x100000>; };
        """),
    ),
    good=(
        Example("""
            pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; };
        """),
    ),
)
