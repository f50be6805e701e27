# SPDX-License-Identifier: Apache-2.0
"""A region that OpenSBI has added lies on another one.

What it checks
--------------
Regions called `mmode_resv…` or `mmode_pmp…` against all other static regions.

Why it matters
--------------
It tells where an overlap comes from: OpenSBI adds its memory at run time, and the source of the tree has it
as well.

Kernel behaviour
----------------
Linux prints `OVERLAP DETECTED!` and reserves both.

Example
-------
See `bad`. A SpacemiT K3 board logs `mmode_resv4@1,200000` against `rcpu0_pwr@100200000`.

Fix
---
Take the region out of the source.

Known limits
------------
None.

References
----------
fdt_reserved_memory_fixup(), lib/utils/fdt/fdt_fixup.c of OpenSBI; meta-riscv PR 636; binding rule FW10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.overlap import overlapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_NAMES = ("mmode_resv", "mmode_pmp")


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such pair."""
    for pair in overlapping(context):
        first, second = pair.first.name.startswith(_NAMES), pair.second.name.startswith(_NAMES)
        if first == second:
            continue
        added, other = (pair.first, pair.second) if first else (pair.second, pair.first)
        yield Problem(
            path=added.path,
            prop="reg",
            message=f"OpenSBI adds this region at run time, and {other.path} of the source is the same memory",
            related=(other.path,),
            cause=other.path,
        )


RULE = Rule(
    code="CV615",
    slug="opensbi-region-twice",
    severity=Severity.NOTE,
    summary="a region of OpenSBI lies on another one",
    board=check,
    covers=("FW10",),
    bad=(
        Example("""
            mmode_resv0@50000000 { reg = <0x0 0x50000000 0x0 0x80000>; no-map; };
            firmware@50000000 { reg = <0x0 0x50000000 0x0 0x80000>; no-map; };
        """),
    ),
    good=(
        Example("""
            mmode_resv0@50000000 { reg = <0x0 0x50000000 0x0 0x80000>; no-map; };
        """),
    ),
)
