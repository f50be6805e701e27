# SPDX-License-Identifier: Apache-2.0
"""The length of `alloc-ranges` is not a whole number of entries.

What it checks
--------------
`alloc-ranges` of enabled regions without `reg`: one base and one size in the root's cells, or several.

Why it matters
--------------
Depending on the kernel there is no region, or it lands anywhere, also where the device that needs it cannot reach it.

Kernel behaviour
----------------
5.10, 6.1, 6.12: `invalid alloc-ranges property in 'NAME', skipping node.`; with an empty property no place is tried and
the allocation fails. 7.2: without a message, the property counts as absent.

Example
-------
See `bad`: one cell each on a board with two.

Fix
---
Write each number with as many cells as the root says. `--fix` does it when both numbers have one cell.

Known limits
------------
None.

References
----------
__reserved_mem_alloc_size(), drivers/of/of_reserved_mem.c; kernel-semantics 3.4; binding rule AD10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.context import cells
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity
from carveout.check.structure import readable_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext

_TWO_CELLS = 8


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in readable_regions(context):
        prop = region.raw.alloc_ranges
        if not region.is_dynamic or prop is None or region.windows:
            continue
        follows = (
            "Linux up to 6.12 does not allocate the region, 7.2 drops the limit and allocates it anywhere"
        )
        if prop.length == 0:
            follows = "Linux tries no place and does not allocate the region"
        edits: tuple[Edit, ...] = ()
        if prop.length == _TWO_CELLS:
            base, size = prop.cells()
            value = cells(base, width=context.address_cells) + cells(size, width=context.size_cells)
            edits = (Edit(EditKind.SET, region.path, "alloc-ranges", value),) if size else ()
        yield Problem(
            path=region.path,
            prop="alloc-ranges",
            message=(
                f"alloc-ranges has {prop.length} bytes, expected a multiple of {context.entry_bytes} "
                f"({context.address_cells} + {context.size_cells} cells); {follows}"
            ),
            fix="write base and size with as many cells as the root says" if edits else None,
            edits=edits,
        )


RULE = Rule(
    code="CV206",
    slug="alloc-ranges-length",
    severity=Severity.ERROR,
    summary="the length of `alloc-ranges` is not a whole number of entries",
    board=check,
    covers=("AD10", "corpus-alloc-ranges-cells"),
    bad=(
        Example("pool { size = <0x0 0x100000>; alloc-ranges = <0x40000000 0x20000000>; };"),
        Example("pool { size = <0x0 0x100000>; alloc-ranges = <0x0 0x40000000 0x20000000>; };"),
        Example("pool { size = <0x0 0x100000>; alloc-ranges; };"),
    ),
    good=(
        Example("pool { size = <0x0 0x100000>; alloc-ranges = <0x0 0x40000000 0x0 0x20000000>; };"),
        Example("""
            pool { size = <0x0 0x100000>;
                   alloc-ranges = <0x0 0x40000000 0x0 0x20000000>, <0x0 0x60000000 0x0 0x20000000>; };
        """),
    ),
)
