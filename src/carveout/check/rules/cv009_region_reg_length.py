# SPDX-License-Identifier: Apache-2.0
"""The length of a region's `reg` is not a whole number of entries.

What it checks
--------------
`reg` of each enabled child of `/reserved-memory`: one base and one size in the root's cells, or several. An empty `reg`
is malformed too.

Why it matters
--------------
The memory is not reserved, although a `reg` is there.

Kernel behaviour
----------------
5.10, 6.1, 6.12: `Reserved memory: invalid reg property in 'NAME', skipping node.` 7.2: without a message; a malformed
`reg` counts as absent, and a node that also has `size` becomes a region whose place the kernel chooses. An empty
`reg` makes 6.12 read the bytes behind it.

Example
-------
See `bad`: one cell each on a board with two.

Fix
---
Write each number with as many cells as the root says. `--fix` does it when both numbers have one cell.

Known limits
------------
A `reg` of the right length with the wrong cells cannot be recognised.

References
----------
__reserved_mem_reserve_reg(), drivers/of/of_reserved_mem.c; kernel-semantics 3.3; TF-A's fdt_add_reserved_memory()
appends 12 bytes to a parent with two cells each; binding rule AD01.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.context import cells
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity
from carveout.check.structure import readable_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext, Region

_TWO_CELLS = 8


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in readable_regions(context):
        reg = region.raw.reg
        if reg is None or region.entries:
            continue
        edits = _edits(context, region)
        follows = "Linux up to 6.12 skips the node, 7.2 takes reg for absent"
        if region.raw.size is not None:
            follows += " and, since there is a size, chooses a place itself"
        yield Problem(
            path=region.path,
            prop="reg",
            message=(
                f"reg has {reg.length} bytes, expected a multiple of {context.entry_bytes} "
                f"({context.address_cells} + {context.size_cells} cells); {follows}: the memory is not reserved"
            ),
            fix="write base and size with as many cells as the root says" if edits else None,
            edits=edits,
        )


def _edits(context: BoardContext, region: Region) -> tuple[Edit, ...]:
    reg = region.raw.reg
    if reg is None or reg.length != _TWO_CELLS:
        return ()
    base, size = reg.cells()
    value = cells(base, width=context.address_cells) + cells(size, width=context.size_cells)
    return (Edit(EditKind.SET, region.path, "reg", value),) if size else ()


RULE = Rule(
    code="CV009",
    slug="region-reg-length",
    severity=Severity.ERROR,
    summary="the length of a region's `reg` is not a whole number of entries",
    board=check,
    covers=("AD01", "corpus-reg-bad-length"),
    bad=(
        Example("fw@50000000 { reg = <0x50000000 0x100000>; no-map; };"),
        Example("fw@50000000 { reg = <0x0 0x50000000 0x100000>; no-map; };"),
        Example("fw@50000000 { reg; size = <0x0 0x100000>; };"),
    ),
    good=(Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),),
)
