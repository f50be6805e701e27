# SPDX-License-Identifier: Apache-2.0
"""A device calls one of its regions a DMA pool, and the region is a plain one.

What it checks
--------------
Entries of enabled devices that are called `dma`, `dma-pool`, or end in `-pool` in `memory-region-names`, and
lead to a region without `compatible`.

Why it matters
--------------
A driver that asks the kernel to attach this region as its pool gets an error.

Kernel behaviour
----------------
All versions: of_reserved_mem_device_init_by_name() returns -EINVAL for a region without a region driver.

Example
-------
See `bad`.

Fix
---
Add `compatible = "shared-dma-pool"` to the region.

Known limits
------------
What the driver does with the region is not in the tree: one that maps the region itself is content with a
plain one.

References
----------
of_reserved_mem_device_init_by_idx(), drivers/of/of_reserved_mem.c; kernel-semantics 5.1; binding rule CO10.
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
        name = entry.name
        if name is None or not entry.enabled or not (name == "dma" or name.endswith(("-pool", "_pool"))):
            continue
        region = region_of(context, entry)
        if region is not None and region.is_enabled and region.raw.compatible is None:
            yield Problem(
                path=entry.path,
                prop="memory-region",
                message=(
                    f'entry {entry.index} is called "{name}", and {region.path} has no compatible; Linux gives a driver that '
                    "wants it as its pool -EINVAL"
                ),
                related=(region.path,),
                cause=f"entry {entry.index}",
            )


RULE = Rule(
    code="CV412",
    slug="pool-name-without-pool",
    severity=Severity.NOTE,
    summary="a device names a region like a DMA pool, and it is none",
    board=check,
    covers=("CO10",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };

                };
                video@1000000 { memory-region = <&fw>; memory-region-names = "dma"; };
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
                video@1000000 { memory-region = <&pool>; memory-region-names = "dma"; };
            };
        """),
    ),
)
