# SPDX-License-Identifier: Apache-2.0
"""`alignment` of a dynamic region is not a power of two.

What it checks
--------------
The value of `alignment` of enabled regions without `reg`. 0 stands for the default.

Why it matters
--------------
The place that is found is not a multiple of the value.

Kernel behaviour
----------------
No version checks it. memblock rounds by masking bits, which only works for powers of two: another value gives a place that is
no multiple of it.

Example
-------
See `bad`.

Fix
---
Use the next power of two.

Known limits
------------
None.

References
----------
memblock_find_in_range_node(), mm/memblock.c (round_down, round_up); kernel-semantics 2.5; binding rule AD09.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.context import cells
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity
from carveout.check.structure import readable_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in readable_regions(context):
        value = region.alignment
        if not region.is_dynamic or not value or value & (value - 1) == 0:
            continue
        better = 1 << value.bit_length()
        yield Problem(
            path=region.path,
            prop="alignment",
            message=(
                f"alignment is 0x{value:x}, expected a power of two; Linux rounds with bit masks and finds a place that "
                "is not a multiple of it"
            ),
            fix=f"use 0x{better:x}",
            edits=(Edit(EditKind.SET, region.path, "alignment", cells(better, width=context.address_cells)),)
            if better >> (32 * context.address_cells) == 0
            else (),
        )


RULE = Rule(
    code="CV205",
    slug="region-alignment-odd",
    severity=Severity.ERROR,
    summary="`alignment` of a dynamic region is not a power of two",
    board=check,
    covers=("AD09",),
    bad=(Example("pool { size = <0x0 0x100000>; alignment = <0x0 0x3000>; };"),),
    good=(
        Example("pool { size = <0x0 0x100000>; alignment = <0x0 0x4000>; };"),
        Example("pool { size = <0x0 0x100000>; alignment = <0x0 0x0>; };"),
    ),
)
