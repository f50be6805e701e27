# SPDX-License-Identifier: Apache-2.0
"""`linux,usable-memory` replaces `reg` of a memory node.

What it checks
--------------
Memory nodes with both properties, where the values differ.

Why it matters
--------------
What `reg` says about RAM does not count for Linux; other readers look at `reg`.

Kernel behaviour
----------------
All versions take `linux,usable-memory` when it is there. 7.2 falls back to `reg` when its length is wrong.

Example
-------
See `bad`.

Fix
---
None if the RAM is kept from Linux on purpose, as for a crash kernel.

Known limits
------------
None.

References
----------
early_init_dt_scan_memory(), drivers/of/fdt.c; kernel-semantics 6.1; binding rule LX10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such node."""
    for node in context.board.memory:
        if node.usable is not None and node.reg is not None and node.usable.value != node.reg.value:
            yield Problem(
                path=node.path,
                prop="linux,usable-memory",
                message="Linux takes RAM from this property and does not look at reg, which says something else",
            )


RULE = Rule(
    code="CV711",
    slug="usable-memory-overrides",
    severity=Severity.NOTE,
    summary="linux,usable-memory replaces reg of a memory node",
    board=check,
    covers=("LX10",),
    bad=(
        Example("""
            / { memory@40000000 { linux,usable-memory = <0x0 0x40000000 0x0 0x20000000>; }; };
        """),
    ),
    good=(
        Example("""
            / { memory@40000000 { linux,usable-memory = <0x0 0x40000000 0x0 0x40000000>; }; };
        """),
    ),
)
