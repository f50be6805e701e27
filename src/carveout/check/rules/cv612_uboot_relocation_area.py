# SPDX-License-Identifier: Apache-2.0
"""A static region is at the top of RAM, where U-Boot moves itself to.

What it checks
--------------
Static regions that reach into the last 4 MiB of the RAM below 4 GiB, as the memory nodes give it.

Why it matters
--------------
U-Boot, its stack and its heap lie there while it runs. If the region belongs to firmware that is already at
work, one overwrites the other.

Kernel behaviour
----------------
Linux runs after U-Boot and does not mind.

Example
-------
See `bad`.

Fix
---
None if U-Boot knows of the region: with CONFIG_LMB and `get_mem_top()` (common/memtop.c), or a board function
that lowers the top.

Known limits
------------
Where U-Boot takes its place differs between boards. The size of its image is not known; 4 MiB is about what
it takes.

References
----------
get_mem_top(), common/memtop.c, and board_get_usable_ram_top() of U-Boot; binding rule FW07.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import one_bank_each
from carveout.span import GIB, MIB, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_AREA = 4 * MIB


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such region."""
    low = [bank for bank in context.ram if bank.start < 4 * GIB] if context.static else []
    if not low:
        return
    top = min(one_bank_each(low)[-1].end, 4 * GIB)
    area = Span(top - _AREA, top)
    for region, span in context.static:
        if span.overlaps(area):
            yield Problem(
                path=region.path,
                prop="reg",
                message=f"it reaches into the last 4 MiB of RAM below 0x{top:x}, where U-Boot runs unless it is told otherwise",
            )


RULE = Rule(
    code="CV612",
    slug="uboot-relocation-area",
    severity=Severity.NOTE,
    summary="a static region is where U-Boot moves itself to",
    board=check,
    covers=("FW07",),
    bad=(
        Example("""
            fw@7ff00000 { reg = <0x0 0x7ff00000 0x0 0x100000>; };
        """),
    ),
    good=(
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
        """),
    ),
)
