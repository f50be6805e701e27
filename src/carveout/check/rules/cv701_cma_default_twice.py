# SPDX-License-Identifier: Apache-2.0
"""More than one region is to be the default pool.

What it checks
--------------
Enabled `shared-dma-pool` regions with `reusable` and `linux,cma-default`.

Why it matters
--------------
Only one is the default. The memory of the others serves nobody but devices that refer to them, and which one
wins is not what the tree seems to say.

Kernel behaviour
----------------
All versions: each makes itself the default when it is set up; the last one wins, silently. The order of
setting up differs: static regions before dynamic ones from 6.12 on, by address before that.

Example
-------
See `bad`.

Fix
---
Keep `linux,cma-default` on one of them.

Known limits
------------
None.

References
----------
rmem_cma_setup(), kernel/dma/contiguous.c; kernel-semantics 3.7; binding rule LX01.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.default_pool import asks_for_default
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for the second and each further one."""
    found = [region for region in context.regions if asks_for_default(region)]
    for region in found[1:]:
        yield Problem(
            path=region.path,
            prop="linux,cma-default",
            message=(
                f"{found[0].path} is linux,cma-default too; Linux takes the one that it sets up last and says nothing, the "
                "memory of the other is left to devices that refer to it"
            ),
            related=(found[0].path,),
        )


RULE = Rule(
    code="CV701",
    slug="cma-default-twice",
    severity=Severity.ERROR,
    summary="more than one region is the default pool",
    board=check,
    covers=("LX01", "corpus-two-cma-default"),
    bad=(
        Example("""
            a { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; linux,cma-default; };
            b { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; linux,cma-default; };
        """),
    ),
    good=(
        Example("""
            a { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; linux,cma-default; };
            b { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; };
        """),
        Example("""
            a { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; linux,cma-default; };
            b { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; status = "disabled"; linux,cma-default; };
        """),
    ),
)
