# SPDX-License-Identifier: Apache-2.0
"""A static region begins at address 0.

What it checks
--------------
The first entry of `reg` of enabled regions.

Why it matters
--------------
It is legal, and on some boards RAM and its vectors do begin at 0. A base that a boot loader was meant to fill in looks the same.
In the dialect of 2013 base 0 meant "anywhere"; it does not any more.

Kernel behaviour
----------------
All versions reserve it where it stands. A dynamic region is never placed at 0, since 0 means that nothing was found.

Example
-------
See `bad`.

Fix
---
None needed if it is meant so. For "anywhere" use `size` without `reg`.

Known limits
------------
None.

References
----------
__reserved_mem_alloc_size(), drivers/of/of_reserved_mem.c; kernel-semantics 3.4; binding rules PL20, LG08.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such region; they come first."""
    for region, span in context.static:
        if span.start:
            return
        yield Problem(
            path=region.path,
            prop="reg",
            message=(
                f"it begins at address 0 and has 0x{span.size:x} bytes; Linux reserves it there, and does not take 0 for "
                '"anywhere"'
            ),
        )


RULE = Rule(
    code="CV164",
    slug="region-at-zero",
    severity=Severity.NOTE,
    summary="a static region begins at address 0",
    board=check,
    covers=("PL20",),
    bad=(Example("rom@0 { reg = <0x0 0x0 0x0 0x1000000>; no-map; };"),),
    good=(Example("rom@50000000 { reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };"),),
)
