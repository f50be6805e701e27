# SPDX-License-Identifier: Apache-2.0
"""A device has a `restricted-dma-pool` and no coherent pool beside it.

What it checks
--------------
Enabled devices that refer to an enabled restricted pool and to no `shared-dma-pool`.

Why it matters
--------------
Coherent buffers that are asked for where the driver may not sleep cannot come from a restricted pool.

Kernel behaviour
----------------
From 5.15 on, where built in: `dma_alloc_coherent()` with GFP_ATOMIC fails for such a device; all else is taken from the pool.

Example
-------
See `bad`.

Fix
---
Add a `shared-dma-pool` with `no-map` to the device's `memory-region`, if its driver needs atomic coherent allocations.

Known limits
------------
Most drivers allocate coherent memory while they probe and never miss it (mt8192-asurada's wifi): a note.

References
----------
shared-dma-pool.yaml of dt-schema; swiotlb_alloc(), kernel/dma/swiotlb.c; binding rule SH08.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such device."""
    pools = context.by_compatible.get("restricted-dma-pool", ())
    if not pools:
        return
    coherent = {
        user.path
        for region in context.by_compatible.get("shared-dma-pool", ())
        if not region.raw.reusable
        for user in region.users
    }
    told = set()
    for region in pools:
        for user in region.users:
            if user.enabled and user.path not in coherent and user.path not in told:
                told.add(user.path)
                yield Problem(
                    path=user.path,
                    prop="memory-region",
                    message=(
                        f"{region.path} is a restricted pool and the device has no coherent pool beside it; coherent "
                        "memory cannot be allocated in atomic context"
                    ),
                    related=(region.path,),
                )


RULE = Rule(
    code="CV308",
    slug="restricted-alone",
    severity=Severity.NOTE,
    summary="a device has a `restricted-dma-pool` and no coherent pool beside it",
    board=check,
    covers=("SH08",),
    bad=(
        Example("""/ { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                wifi: wifi@50000000 { compatible = "restricted-dma-pool"; reg = <0x0 0x50000000 0x0 0x400000>; }; };
            pcie { compatible = "example,pcie"; memory-region = <&wifi>; }; };"""),
    ),
    good=(
        Example("""/ { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                wifi: wifi@50000000 { compatible = "restricted-dma-pool"; reg = <0x0 0x50000000 0x0 0x400000>; };
                dma: dma@50400000 { compatible = "shared-dma-pool"; reg = <0x0 0x50400000 0x0 0x400000>; no-map; }; };
            pcie { compatible = "example,pcie"; memory-region = <&wifi>, <&dma>; }; };"""),
    ),
)
