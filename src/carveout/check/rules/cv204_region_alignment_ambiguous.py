# SPDX-License-Identifier: Apache-2.0
"""`alignment` has as many cells as Linux wants, and not as many as the specification wants.

What it checks
--------------
`alignment` of dynamic regions on a board whose root has different `#address-cells` and `#size-cells`.

Why it matters
--------------
Nothing is wrong for Linux. Another reader of the tree that goes by the specification reads something else, or nothing.

Kernel behaviour
----------------
All versions want `#address-cells` cells. The specification and dt-schema say `#size-cells`. No value pleases both.

Example
-------
See `bad`: two address cells, one size cell, as on gs101 and bcm2711.

Fix
---
Leave it as Linux wants it, or do without `alignment` where the default (a cache line, or what a contiguous pool needs)
is enough.

Known limits
------------
A value that Linux refuses is CV203's.

References
----------
__reserved_mem_alloc_size(), drivers/of/of_reserved_mem.c; devicetree specification, section 3.5; binding rule AD08.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import readable_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such region."""
    if context.address_cells == context.size_cells:
        return
    for region in readable_regions(context):
        if region.is_dynamic and region.alignment is not None:
            yield Problem(
                path=region.path,
                prop="alignment",
                message=(
                    f"alignment has {context.address_cells} cells as Linux wants (#address-cells); the specification asks "
                    f"for {context.size_cells} (#size-cells), so that other readers may take it for something else"
                ),
            )


_TREE = """/ { #address-cells = <2>; #size-cells = <1>;
    reserved-memory { #address-cells = <2>; #size-cells = <1>; ranges; %s }; };"""

RULE = Rule(
    code="CV204",
    slug="region-alignment-ambiguous",
    severity=Severity.NOTE,
    summary="`alignment` has the cells that Linux wants, and not those that the specification wants",
    board=check,
    covers=("AD08",),
    bad=(Example(_TREE % "pool { size = <0x100000>; alignment = <0x0 0x2000>; };", whole=True),),
    good=(
        Example(_TREE % "pool { size = <0x100000>; };", whole=True),
        Example("pool { size = <0x0 0x100000>; alignment = <0x0 0x2000>; };"),
    ),
)
