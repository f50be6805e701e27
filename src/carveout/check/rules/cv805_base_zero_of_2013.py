# SPDX-License-Identifier: Apache-2.0
"""A region in the words of 2013 has base 0, which meant that the kernel chooses the place.

What it checks
--------------
The first entry of `reg` of nodes with a name of the patches of August 2013 (`linux,contiguous-memory-region`,
`reserved-memory-region`, or below the memory node).

Why it matters
--------------
Today base 0 is an address like any other.

Kernel behaviour
----------------
All versions reserve memory at 0 if the node is below `/reserved-memory`.

Example
-------
See `bad`.

Fix
---
Write `size` in place of `reg`, and take the unit address from the name. `carveout upgrade` does it.

Known limits
------------
Only with another mark of that dialect: a region at 0 is legal today.

References
----------
Linux commit 9d8eab7af79c; binding rule LG08.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.legacy import BELOW_MEMORY, old_nodes, place_of
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_MARKS = ("linux,contiguous-memory-region", "reserved-memory-region", BELOW_MEMORY)


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for old in old_nodes(context):
        if not any(name in _MARKS for name in old.names):
            continue
        place = place_of(context, old.node)
        if place is not None and place[0] == 0 and place[1]:
            yield Problem(
                path=old.path,
                prop="reg",
                message=(
                    f"base 0 with size 0x{place[1]:x}: in the words of 2013 the kernel chooses the place; today the address "
                    "is 0"
                ),
                fix=f"write size 0x{place[1]:x} in place of reg",
            )


RULE = Rule(
    code="CV805",
    slug="base-zero-of-2013",
    severity=Severity.WARNING,
    summary='a region of 2013 has base 0, which meant "choose"',
    board=check,
    covers=("LG08",),
    bad=(
        Example("""
            pool@0 { compatible = "linux,contiguous-memory-region"; reg = <0x0 0x0 0x0 0x4000000>; };
        """),
    ),
    good=(
        Example("""
            pool@50000000 { compatible = "linux,contiguous-memory-region"; reg = <0x0 0x50000000 0x0 0x4000000>;  };
        """),
        Example("""
            low@0 { reg = <0x0 0x0 0x0 0x1000>; no-map; };
        """),
    ),
)
