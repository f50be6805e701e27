# SPDX-License-Identifier: Apache-2.0
"""A region ends above the highest address.

What it checks
--------------
Base plus size of each entry of `reg` against the address space that the root's cells can express.

Why it matters
--------------
The sum wraps around or is cut off: the region that is reserved is not the one that was written.

Kernel behaviour
----------------
All versions compute with the width of physical addresses and do not check the sum; memblock cuts the size at the end
of the address space.

Example
-------
See `bad`.

Fix
---
Correct base or size; often the cells are in the wrong order.

Known limits
------------
None.

References
----------
memblock_cap_size(), mm/memblock.c; kernel-semantics 2.2; binding rule AD03.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import readable_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each entry."""
    end = 1 << min(64, 32 * context.address_cells)
    for region in readable_regions(context):
        for base, size in region.entries or ():
            if base + size > end:
                yield Problem(
                    path=region.path,
                    prop="reg",
                    message=(
                        f"0x{base:x} + 0x{size:x} ends above 0x{end - 1:x}, the highest address that "
                        f"{context.address_cells} cells can express; Linux reserves another range than this"
                    ),
                )


RULE = Rule(
    code="CV113",
    slug="region-wraps",
    severity=Severity.ERROR,
    summary="a region ends above the highest address",
    board=check,
    covers=("AD03",),
    bad=(Example("fw@fffffffffffff000 { reg = <0xffffffff 0xfffff000 0x0 0x2000>; no-map; };"),),
    good=(
        Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x1000>; no-map; };"),
        Example("fw@fffffffffffff000 { reg = <0xffffffff 0xfffff000 0x0 0x1000>; no-map; };"),
    ),
)
