# SPDX-License-Identifier: Apache-2.0
"""A device refers to more than one coherent pool.

What it checks
--------------
Enabled devices with two or more `shared-dma-pool` regions without `reusable`.

Why it matters
--------------
A device has one coherent pool. Which one it is depends on the driver: the usual call takes the first entry.

Kernel behaviour
----------------
Up to 6.12: a second assignment is ignored. 7.2: it returns -EBUSY. A driver that gives its pools to child
devices, or only reads the address of the others, is right: TI remote processors have two.

Example
-------
See `bad`.

Fix
---
List the pool for DMA first. For the others a plain region does, without `compatible`.

Known limits
------------
None.

References
----------
dma_assign_coherent_memory(), kernel/dma/coherent.c; kernel-semantics 5.1; binding rule CO08.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.consumers import is_coherent_pool, region_of
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such device."""
    for path, entries in context.devices.items():
        if len(entries) == 1 or not entries[0].enabled:
            continue
        found = [region_of(context, entry) for entry in entries]
        pools = [
            region
            for region in found
            if region is not None and region.is_enabled and is_coherent_pool(region)
        ]
        if len(pools) > 1:
            yield Problem(
                path=path,
                prop="memory-region",
                message=(
                    f"{len(pools)} coherent pools, {' and '.join(pool.name for pool in pools)}; a device can have one: a "
                    "second assignment is ignored up to 6.12 and -EBUSY in 7.2, unless the driver gives it to a child device"
                ),
                related=tuple(pool.path for pool in pools),
            )


RULE = Rule(
    code="CV410",
    slug="coherent-pools-several",
    severity=Severity.NOTE,
    summary="a device has more than one coherent pool",
    board=check,
    covers=("CO08",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                    more: more@54000000 { compatible = "shared-dma-pool"; reg = <0x0 0x54000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = <&pool>, <&more>; };
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
                video@1000000 { memory-region = <&pool>, <&fw>; };
            };
        """),
    ),
)
