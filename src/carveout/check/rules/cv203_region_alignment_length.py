# SPDX-License-Identifier: Apache-2.0
"""`alignment` of a dynamic region does not have the address cells of the root.

What it checks
--------------
`alignment` of enabled regions without `reg`: exactly as many cells as the root's `#address-cells`, as Linux reads it.

Why it matters
--------------
The region is not allocated.

Kernel behaviour
----------------
All versions: `invalid alignment property in 'NAME' node.`, and the node is skipped.

Example
-------
See `bad`.

Fix
---
Write the number with as many cells as the root's `#address-cells` says. `--fix` does it when it fits.

Known limits
------------
The specification asks for `#size-cells`; where the two differ see CV204.

References
----------
__reserved_mem_alloc_size(), drivers/of/of_reserved_mem.c; kernel-semantics 3.4; binding rule AD07.
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
        prop = region.raw.alignment
        if not region.is_dynamic or prop is None or prop.length == 4 * context.address_cells:
            continue
        new = resized(prop.value, context.address_cells)
        yield Problem(
            path=region.path,
            prop="alignment",
            message=(
                f"alignment has {prop.length} bytes, expected exactly {4 * context.address_cells} "
                f"({context.address_cells} cells); Linux does not allocate the region and prints "
                f"\"invalid alignment property in '{region.name}' node.\""
            ),
            fix=None if new is None else f"write it with {context.address_cells} cells",
            edits=() if new is None else (Edit(EditKind.SET, region.path, "alignment", new),),
        )


RULE = Rule(
    code="CV203",
    slug="region-alignment-length",
    severity=Severity.ERROR,
    summary="`alignment` of a dynamic region does not have the address cells of the root",
    board=check,
    covers=("AD07", "corpus-alignment-cells"),
    bad=(
        Example("pool { size = <0x0 0x100000>; alignment = <0x2000>; };"),
        Example(
            """/ { #address-cells = <2>; #size-cells = <1>;
                reserved-memory { #address-cells = <2>; #size-cells = <1>; ranges;
                    pool { size = <0x100000>; alignment = <0x2000>; }; }; };""",
            whole=True,
        ),
    ),
    good=(
        Example("pool { size = <0x0 0x100000>; alignment = <0x0 0x2000>; };"),
        Example("pool { size = <0x0 0x100000>; };"),
    ),
)
