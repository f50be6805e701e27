# SPDX-License-Identifier: Apache-2.0
"""More than one region is to be the default coherent pool.

What it checks
--------------
Enabled `shared-dma-pool` regions without `reusable` that have `linux,dma-default`.

Why it matters
--------------
Only the first is used.

Kernel behaviour
----------------
Kernels with CONFIG_DMA_GLOBAL_POOL (from 5.15 on) and 32-bit arm before that: a warning with a stack trace,
`Reserved memory: region for default DMA coherent area is redefined`; others do not look at the flag.

Example
-------
See `bad`.

Fix
---
Keep the flag on one of them.

Known limits
------------
None.

References
----------
rmem_dma_setup(), kernel/dma/coherent.c; kernel-semantics 3.7; binding rule LX04.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.consumers import is_coherent_pool
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for the second and each further one."""
    found = [region for region in context.regions if region.raw.dma_default and is_coherent_pool(region)]
    for region in found[1:]:
        yield Problem(
            path=region.path,
            prop="linux,dma-default",
            message=(
                f"{found[0].path} is linux,dma-default too; Linux warns that the default coherent area is redefined"
            ),
            related=(found[0].path,),
        )


RULE = Rule(
    code="CV706",
    slug="dma-default-twice",
    severity=Severity.ERROR,
    summary="more than one region is the default coherent pool",
    board=check,
    covers=("LX04",),
    bad=(
        Example("""
            a@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x100000>; no-map; linux,dma-default; };
            b@51000000 { compatible = "shared-dma-pool"; reg = <0x0 0x51000000 0x0 0x100000>; no-map; linux,dma-default; };
        """),
    ),
    good=(
        Example("""
            a@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x100000>; no-map; linux,dma-default; };
        """),
    ),
)
