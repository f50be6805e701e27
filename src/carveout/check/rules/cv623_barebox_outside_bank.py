# SPDX-License-Identifier: Apache-2.0
"""Barebox does not keep a region that lies partly outside of a bank of RAM.

What it checks
--------------
Static regions that share addresses with a bank of RAM, as the memory nodes give it, and are not within it.

Why it matters
--------------
Barebox may load something over it, without a word.

Kernel behaviour
----------------
Linux reserves it; see CV118.

Example
-------
See `bad`.

Fix
---
Split the region at the border.

Known limits
------------
Regions wholly outside of RAM are not reported: nothing is loaded there.

References
----------
drivers/of/reserved-mem.c of barebox; binding rule FW14.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such region."""
    ram = context.ram if context.static else ()
    starts = [bank.start for bank in ram]
    for region, span in context.static if ram else ():
        at = bisect_right(starts, span.start) - 1
        near = ram[max(at, 0) : at + 2]
        if any(bank.overlaps(span) for bank in near) and not any(bank.contains(span) for bank in near):
            yield Problem(
                path=region.path,
                prop="reg",
                message="it is not within one bank of RAM: barebox passes over it and may load something there",
            )


RULE = Rule(
    code="CV623",
    slug="barebox-outside-bank",
    severity=Severity.NOTE,
    summary="barebox skips a region that is not within one bank of RAM",
    board=check,
    covers=("FW14",),
    bad=(
        Example("""
            fw@7ff00000 { reg = <0x0 0x7ff00000 0x0 0x200000>; };
        """),
    ),
    good=(
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
        """),
    ),
)
