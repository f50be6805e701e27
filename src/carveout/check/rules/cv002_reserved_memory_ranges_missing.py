# SPDX-License-Identifier: Apache-2.0
"""/reserved-memory has no `ranges`.

What it checks
--------------
The property is present on `/reserved-memory`; CV004 looks at what is in it.

Why it matters
--------------
Without it Linux ignores every region below, with one line in the log, although everything else is right. No other
tool says so.

Kernel behaviour
----------------
All versions: `Reserved memory: unsupported node format, ignoring`, and no child is reserved.

Example
-------
See `bad`.

Fix
---
Add an empty `ranges;`. `--fix` does it.

Known limits
------------
None.

References
----------
__reserved_mem_check_root(), drivers/of/of_reserved_mem.c; kernel-semantics 3.1; armbian/build PR 10326,
TF-A PR 1990, sdk-nrf PR 28871; binding rule ST03.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield the problem."""
    parent = context.reserved_memory
    if parent is None or parent.ranges is not None:
        return
    count = sum(region.depth == 1 for region in parent.regions)
    yield Problem(
        path=parent.path,
        message=(
            f"has no ranges property; Linux ignores all {count} nodes below and prints "
            '"Reserved memory: unsupported node format, ignoring"'
        ),
        fix="add an empty `ranges;`",
        edits=(Edit(EditKind.SET, parent.path, "ranges"),),
        severity=None if count else Severity.WARNING,
    )


RULE = Rule(
    code="CV002",
    slug="reserved-memory-ranges-missing",
    severity=Severity.ERROR,
    summary="/reserved-memory has no `ranges`",
    board=check,
    covers=("ST03", "corpus-ranges-missing"),
    bad=(
        Example("""
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>;
                fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
            }; };
        """),
    ),
    good=(Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),),
)
