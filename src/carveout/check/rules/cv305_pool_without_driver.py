# SPDX-License-Identifier: Apache-2.0
"""The simulated kernel has no region driver for a pool.

What it checks
--------------
`shared-dma-pool` regions with `reusable` on kernels without contiguous memory for DMA, and `restricted-dma-pool` on kernels without
such pools.

Why it matters
--------------
The pool does not exist on this kernel. Its memory is lost, or given back to the system although firmware may use the address.

Kernel behaviour
----------------
Contiguous pool without CONFIG_DMA_CMA: up to 6.12 refused and given back (`compatible matching fail`), 7.2 keeps it unused. Restricted
pool without CONFIG_DMA_RESTRICTED_POOL (off in Debian), or before 5.15: reserved and unused; a device that asks for it gets EINVAL.

Example
-------
See `bad`: Debian's riscv64 kernel 6.12 is built without contiguous memory.

Fix
---
Build the kernel with the option, or expect the device to use ordinary memory.

Known limits
------------
A property of the kernel more than of the tree: a note.

References
----------
rmem_cma_setup(), kernel/dma/contiguous.c; rmem_swiotlb_setup(), kernel/dma/swiotlb.c; kernel-semantics 3.7, 10; binding rule
SH06.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import kernel_line, prints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot.result import PlacedRegion
    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a note for each such pool."""
    names = view.board.by_compatible
    if "shared-dma-pool" not in names and "restricted-dma-pool" not in names:
        return
    config = view.profile.config
    for region in view.boot.regions:
        if region.outcome in ("ignored", "alloc-failed", "unknown") or region.pool is not None:
            continue
        node = view.board.by_path[region.path]
        if node.has("shared-dma-pool") and region.reusable and not region.nomap and not config.dma_cma:
            yield _problem(view, region, "contiguous memory for DMA (CONFIG_DMA_CMA)")
        elif node.has("restricted-dma-pool") and region.outcome == "placed":
            yield _problem(view, region, "restricted DMA pools (CONFIG_DMA_RESTRICTED_POOL)")


def _problem(view: BootContext, region: PlacedRegion, what: str) -> Problem:
    if region.outcome == "released":
        follows = "it refuses the pool and gives the memory back to the system"
    else:
        follows = "the memory stays reserved, and nobody can use it as a pool"
    return Problem(
        path=region.path,
        prop="compatible",
        message=f"this kernel is built without {what}; {follows}"
        + prints(kernel_line(view.boot, region.path, "matching fail")),
    )


RULE = Rule(
    code="CV305",
    slug="pool-without-driver",
    severity=Severity.NOTE,
    summary="the simulated kernel has no region driver for a pool",
    boot=check,
    covers=("SH06",),
    bad=(
        Example(
            'pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; };',
            arch="riscv64",
            kernel="6.12",
            kernel_image=None,
            dtb_at=None,
        ),
        Example(
            'wifi@50000000 { compatible = "restricted-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; };'
        ),
    ),
    good=(
        Example(
            'pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; };'
        ),
    ),
)
