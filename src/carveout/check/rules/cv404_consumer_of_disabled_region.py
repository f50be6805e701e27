# SPDX-License-Identifier: Apache-2.0
"""An enabled device refers to a disabled region.

What it checks
--------------
Each entry of `memory-region` of an enabled device whose region has a `status` other than `ok` or `okay`.

Why it matters
--------------
The memory is not reserved, and the driver is not told.

Kernel behaviour
----------------
All versions: of_reserved_mem_device_init_by_idx() returns 0 and binds nothing, so the driver goes on with
memory of the default pool. 7.2: of_reserved_mem_region_to_resource() returns -ENODEV.

Example
-------
See `bad`.

Fix
---
Enable the region, or disable the device.

Known limits
------------
A boot loader may enable the region, as on Apple machines, where m1n1 fills in the regions of the GPU.

References
----------
of_reserved_mem_device_init_by_idx(), drivers/of/of_reserved_mem.c; kernel-semantics 5.1; binding rule CO03;
corpus-and-peers section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.consumers import region_of
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such entry."""
    for entry in context.board.consumers:
        region = region_of(context, entry) if entry.enabled else None
        if region is not None and not region.is_enabled:
            yield Problem(
                path=entry.path,
                prop="memory-region",
                message=(
                    f"entry {entry.index} leads to {region.path}, which is disabled, so nothing is reserved; Linux tells the "
                    "driver that all is well and gives it no memory"
                ),
                related=(region.path,),
                cause=f"entry {entry.index}",
            )


RULE = Rule(
    code="CV404",
    slug="consumer-of-disabled-region",
    severity=Severity.WARNING,
    summary="an enabled device refers to a disabled region",
    board=check,
    covers=("CO03", "corpus-target-disabled"),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; status = "disabled"; };
                };
                video@1000000 { memory-region = <&fw>; };
            };
        """),
    ),
    good=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = <&fw>; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; status = "disabled"; };
                };
                video@1000000 { memory-region = <&fw>; status = "disabled"; };
            };
        """),
    ),
)
