# SPDX-License-Identifier: Apache-2.0
"""There are more reserved ranges than Xen has room for.

What it checks
--------------
Static regions, all their entries, and entries of the memory reservation block, against 256.

Why it matters
--------------
Xen on Arm stops.

Kernel behaviour
----------------
Linux has no such limit from 6.12 on; up to 6.1 see CV015.

Example
-------
See `bad`.

Fix
---
Merge regions.

Known limits
------------
None.

References
----------
process_reserved_memory_node() and NR_MEM_BANKS, xen/common/device-tree/bootfdt.c of Xen; binding rule FW12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_BANKS = 256


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield the note."""
    parent = context.reserved_memory
    count = sum(len(region.entries or ()) for region in context.all_regions) + len(context.board.reserve_map)
    if parent is not None and count > _BANKS:
        yield Problem(
            path=parent.path,
            message=f"{count} reserved ranges; Xen on Arm has room for {_BANKS} and panics",
        )


RULE = Rule(
    code="CV621",
    slug="xen-bank-limit",
    severity=Severity.NOTE,
    summary="there are more reserved ranges than Xen has room for",
    board=check,
    covers=("FW12",),
    bad=(
        Example(
            "".join(
                f"r{n}@{0x50000000 + n * 0x10000:x} {{ reg = <0x0 0x{0x50000000 + n * 0x10000:x} 0x0 0x1000>; }};\n"
                for n in range(257)
            )
        ),
    ),
    good=(
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
        """),
    ),
)
