# SPDX-License-Identifier: Apache-2.0
"""A region is called `linux,elfcorehdr`.

What it checks
--------------
Regions with this `compatible`.

Why it matters
--------------
The kernel that boots after a crash does not find the header of the crashed one.

Kernel behaviour
----------------
5.13 on riscv had a region driver for it. Before and since then all read `/chosen/linux,elfcorehdr`; the
region is reserved as plain memory.

Example
-------
See `bad`.

Fix
---
Write `linux,elfcorehdr` in `/chosen`.

Known limits
------------
None.

References
----------
early_init_dt_check_for_elfcorehdr(), drivers/of/fdt.c; binding 3.6 and rule LG17.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in context.regions:
        if region.compatible and region.has("linux,elfcorehdr"):
            yield Problem(
                path=region.path,
                prop="compatible",
                message="only 5.13 on riscv looked for such a region; Linux takes linux,elfcorehdr of /chosen",
            )


RULE = Rule(
    code="CV812",
    slug="elfcorehdr-region",
    severity=Severity.WARNING,
    summary="a region is called linux,elfcorehdr, which /chosen says today",
    board=check,
    covers=("LG17",),
    bad=(
        Example("""
            pool@50000000 { compatible = "linux,elfcorehdr"; reg = <0x0 0x50000000 0x0 0x4000000>;  };
        """),
    ),
    good=(
        Example("""
            / { chosen { linux,elfcorehdr = <0x0 0x50000000 0x0 0x1000>; }; };
        """),
    ),
)
