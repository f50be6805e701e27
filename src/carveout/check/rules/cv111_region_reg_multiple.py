# SPDX-License-Identifier: Apache-2.0
"""`reg` of a region has more than one entry.

What it checks
--------------
Enabled regions whose `reg` has several entries with a size.

Why it matters
--------------
Newer kernels reserve the first entry only: the rest is handed out as ordinary memory.

Kernel behaviour
----------------
5.10, 6.1, 6.12: all entries are reserved, the first one becomes the region that drivers see; 6.12 prints
`fdt_scan_reserved_mem_reg_nodes() ignores N regions in node 'NAME'`. 7.2: only the first is reserved;
`node 'NAME' has N <base size> entries, only the first is used`.

Example
-------
See `bad`.

Fix
---
One node for each entry.

Known limits
------------
None.

References
----------
__reserved_mem_reserve_reg(), drivers/of/of_reserved_mem.c; dt-schema commit 2203c17 (`maxItems: 1`); kernel-semantics
3.3; binding rule ST11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import has_root_cells, prints
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    first_only = view.profile.behaviour.static_reg_entries == "first"
    for region in view.board.regions:
        if not region.entries or len(region.entries) < 2 or not has_root_cells(view.board):
            continue
        rest = [Span.sized(*entry) for entry in region.entries[1:] if entry[1]]
        shown = ", ".join(format_range(span) for span in rest[:3]) + (", ..." if len(rest) > 3 else "")
        lost = first_only and bool(rest)
        line = next(
            (
                text
                for text in view.boot.log
                if f"node '{region.name}'" in text and (" entries" in text or "ignores" in text)
            ),
            None,
        )
        yield Problem(
            path=region.path,
            prop="reg",
            message=(
                f"reg has {len(region.entries)} entries, expected one; this kernel "
                + (
                    "reserves only the first, and hands out "
                    if lost
                    else "gives drivers the first and reserves "
                )
                + (f"{shown}{' as ordinary memory' if lost else ' beside it'}" if rest else "nothing else")
                + prints(line)
            ),
            severity=Severity.ERROR if lost else Severity.WARNING,
            cause="lost" if lost else "kept",
        )


RULE = Rule(
    code="CV111",
    slug="region-reg-multiple",
    severity=Severity.ERROR,
    summary="`reg` of a region has more than one entry",
    boot=check,
    covers=("ST11", "corpus-reg-two-entries"),
    bad=(
        Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x1000>, <0x0 0x51000000 0x0 0x1000>; no-map; };"),
        Example(
            "fw@50000000 { reg = <0x0 0x50000000 0x0 0x1000>, <0x0 0x51000000 0x0 0x1000>; no-map; };",
            kernel="6.12",
        ),
        Example(
            "fw@50000000 { reg = <0x0 0x50000000 0x0 0x1000>, <0x0 0x51000000 0x0 0x1000>; no-map; };",
            kernel="6.1",
        ),
    ),
    good=(
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x1000>; no-map; };
            fw@51000000 { reg = <0x0 0x51000000 0x0 0x1000>; no-map; };
        """),
    ),
)
