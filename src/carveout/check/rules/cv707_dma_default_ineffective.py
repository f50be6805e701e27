# SPDX-License-Identifier: Apache-2.0
"""`linux,dma-default` has no effect.

What it checks
--------------
Enabled regions with `linux,dma-default`: they need `shared-dma-pool` without `reusable`, and a kernel that
knows a default coherent pool.

Why it matters
--------------
Devices do not get their memory from the region unless they refer to it.

Kernel behaviour
----------------
A region with `reusable` is made a contiguous pool, or nothing. The flag itself is looked at by kernels with
CONFIG_DMA_GLOBAL_POOL, in practice those without MMU; before 5.15 by all 32-bit arm kernels.

Example
-------
See `bad`.

Fix
---
Remove the flag, and let devices refer to the region; or remove `reusable`.

Known limits
------------
That this kernel has no default coherent pool is a note: the tree may be meant for another one.

References
----------
rmem_dma_setup(), kernel/dma/coherent.c; kernel-semantics 3.7; binding rule LX05.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.consumers import is_coherent_pool
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in view.board.regions:
        if not region.raw.dma_default or region.has("restricted-dma-pool"):
            continue
        if not is_coherent_pool(region):
            what = "reusable" if region.raw.reusable else 'no compatible = "shared-dma-pool"'
            yield Problem(
                path=region.path,
                prop="linux,dma-default",
                message=f"the region has {what}; Linux makes no default coherent pool of it",
            )
        elif not _is_known(view):
            yield Problem(
                path=region.path,
                prop="linux,dma-default",
                message=(
                    "this kernel has no default coherent pool (CONFIG_DMA_GLOBAL_POOL); devices only use the region if they "
                    "refer to it"
                ),
                severity=Severity.NOTE,
                cause="kernel",
            )


def _is_known(view: BootContext) -> bool:
    profile = view.profile
    if profile.behaviour.dma_default == "arm":
        return profile.config.coherent_needs_nomap
    return profile.config.dma_global_pool


RULE = Rule(
    code="CV707",
    slug="dma-default-ineffective",
    severity=Severity.WARNING,
    summary="linux,dma-default has no effect",
    boot=check,
    covers=("LX05",),
    bad=(
        Example("""
            a@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x100000>; no-map; linux,dma-default; };
        """),
        Example("""
            a@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x100000>; reusable; linux,dma-default; };
        """),
    ),
    good=(
        Example("""
            a@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
        """),
    ),
)
