# SPDX-License-Identifier: Apache-2.0
"""`size` of a dynamic region does not have the cells of the root.

What it checks
--------------
`size` of enabled regions without `reg`: exactly as many cells as the root's `#size-cells`.

Why it matters
--------------
The region is not allocated.

Kernel behaviour
----------------
All versions: `invalid size property in 'NAME' node.`, and the node is skipped.

Example
-------
See `bad`. A mainline board had `size = <0x10000000>` on a root with two size cells until January 2026.

Fix
---
Write the number with as many cells as the root says. `--fix` does it when it fits.

Known limits
------------
None.

References
----------
__reserved_mem_alloc_size(), drivers/of/of_reserved_mem.c; kernel-semantics 3.4; binding rule AD05.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity
from carveout.check.structure import readable_regions, resized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in readable_regions(context):
        prop = region.raw.size
        if not region.is_dynamic or prop is None or prop.length == 4 * context.size_cells:
            continue
        new = resized(prop.value, context.size_cells)
        yield Problem(
            path=region.path,
            prop="size",
            message=(
                f"size has {prop.length} bytes, expected exactly {4 * context.size_cells} ({context.size_cells} cells); "
                f"Linux does not allocate the region and prints \"invalid size property in '{region.name}' node.\""
            ),
            fix=None if new is None else f"write it with {context.size_cells} cells",
            edits=() if new is None else (Edit(EditKind.SET, region.path, "size", new),),
        )


RULE = Rule(
    code="CV201",
    slug="region-size-length",
    severity=Severity.ERROR,
    summary="`size` of a dynamic region does not have the cells of the root",
    board=check,
    covers=("AD05", "corpus-size-cells"),
    bad=(
        Example("pool { size = <0x10000000>; no-map; };"),
        Example("pool { size; no-map; };"),
        Example("pool { size = <0x0 0x0 0x10000000>; no-map; };"),
    ),
    good=(
        Example("pool { size = <0x0 0x10000000>; no-map; };"),
        Example('pool { size = <0x10000000>; no-map; status = "disabled"; };'),
    ),
)
