# SPDX-License-Identifier: Apache-2.0
"""/reserved-memory has no #address-cells or no #size-cells.

What it checks
--------------
Both properties are present on `/reserved-memory`.

Why it matters
--------------
Without one of them Linux ignores every region below, with one line in the log: firmware memory is handed out as
ordinary memory, pools do not exist.

Kernel behaviour
----------------
All versions: `Reserved memory: unsupported node format, ignoring`, and no child is reserved. 6.12 and later print it
twice. A boot loader that adds its own regions later meets the same refusal.

Example
-------
See `bad`: `#address-cells` was forgotten.

Fix
---
Add the property with the value the root node has. `--fix` does it.

Known limits
------------
None.

References
----------
__reserved_mem_check_root(), drivers/of/of_reserved_mem.c; kernel-semantics 3.1; binding rules ST01, ST02.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.context import cells
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each of the two that is missing."""
    parent = context.reserved_memory
    if parent is None:
        return
    for name, have, root in (
        ("#address-cells", parent.cells.address, context.address_cells),
        ("#size-cells", parent.cells.size, context.size_cells),
    ):
        if have is None:
            count = sum(region.depth == 1 for region in parent.regions)
            yield Problem(
                path=parent.path,
                message=(
                    f"has no {name}, expected {root} as at the root; Linux ignores all {count} nodes below and "
                    'prints "Reserved memory: unsupported node format, ignoring"'
                ),
                fix=f"add `{name} = <{root}>;`",
                edits=(Edit(EditKind.SET, parent.path, name, cells(root, width=1)),),
                severity=None if count else Severity.WARNING,
            )


RULE = Rule(
    code="CV001",
    slug="reserved-memory-cells-missing",
    severity=Severity.ERROR,
    summary="/reserved-memory has no #address-cells or no #size-cells",
    board=check,
    covers=("ST01", "ST02"),
    bad=(
        Example("""
            / { reserved-memory { #size-cells = <2>; ranges;
                fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
            }; };
        """),
        Example("""
            / { reserved-memory { #address-cells = <2>; ranges;
                fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
            }; };
        """),
    ),
    good=(Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),),
)
