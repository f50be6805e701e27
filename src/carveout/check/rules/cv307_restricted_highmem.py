# SPDX-License-Identifier: Apache-2.0
"""A `restricted-dma-pool` is in memory that the kernel does not map permanently.

What it checks
--------------
Restricted pools of 32-bit arm against the RAM that the simulated kernel maps (lowmem).

Why it matters
--------------
Bounce buffers are copied through the linear map. A device whose pool is above lowmem cannot be probed.

Kernel behaviour
----------------
From 5.15 on, where built in: the pool is created, and a device that asks for it fails (`Restricted DMA pool must be accessible within
the linear mapping.`). A dynamic region without `alloc-ranges` is placed at the end of RAM, which is highmem on boards with more than
about 760 MiB.

Example
-------
See `bad`: a dynamic pool on a board with 2 GiB.

Fix
---
Give the pool an address, or an `alloc-ranges`, in the first 512 MiB of RAM.

Known limits
------------
Also told for kernels built without restricted pools, since another build meets it. RAM must be known.

References
----------
rmem_swiotlb_device_init(), kernel/dma/swiotlb.c; adjust_lowmem_bounds(), arch/arm/mm/mmu.c; kernel-semantics 7.1; binding rule
SH07.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such pool."""
    boot = view.boot
    if "restricted-dma-pool" not in view.board.by_compatible or boot.lowmem_end is None:
        return
    for region in boot.regions:
        if region.outcome != "placed" or region.base is None or region.size is None:
            continue
        if not view.board.by_path[region.path].has("restricted-dma-pool"):
            continue
        if region.base + region.size > boot.lowmem_end:
            yield Problem(
                path=region.path,
                message=(
                    f"the pool is at 0x{region.base:x}, 0x{region.size:x} bytes, and the RAM that this kernel maps ends at "
                    f'0x{boot.lowmem_end:x}; its device fails with "Restricted DMA pool must be accessible within the '
                    'linear mapping."'
                ),
            )


RULE = Rule(
    code="CV307",
    slug="restricted-highmem",
    severity=Severity.ERROR,
    summary="a `restricted-dma-pool` is in memory that the kernel does not map permanently",
    boot=check,
    covers=("SH07",),
    bad=(
        Example(
            'wifi { compatible = "restricted-dma-pool"; size = <0x0 0x400000>; };',
            arch="arm",
            kernel_image=None,
            dtb_at=None,
            memory=((0x40000000, 0x80000000),),
        ),
    ),
    good=(
        Example(
            'wifi@50000000 { compatible = "restricted-dma-pool"; reg = <0x0 0x50000000 0x0 0x400000>; };',
            arch="arm",
            kernel_image=None,
            dtb_at=None,
            memory=((0x40000000, 0x80000000),),
        ),
        Example('wifi { compatible = "restricted-dma-pool"; size = <0x0 0x400000>; };'),
    ),
)
