# SPDX-License-Identifier: Apache-2.0
"""No device refers to a pool for devices.

What it checks
--------------
Enabled `shared-dma-pool` regions without `reusable` and without `linux,dma-default`, and
`restricted-dma-pool` regions, that no `memory-region` leads to.

Why it matters
--------------
A coherent or restricted pool serves only the devices that refer to it. Its memory is lost to the system.

Kernel behaviour
----------------
All versions reserve it and make a pool that nobody uses. Contiguous pools (`reusable`) are not meant here:
the system uses their pages, and in 7.2 each can be a DMA heap.

Example
-------
See `bad`.

Fix
---
Refer to it from the device, or remove it. `reusable` gives the memory to the system while no device needs it.

Known limits
------------
Some are for firmware, or for a device that an overlay adds: 54 arm64 boards of 7.2 have such pools.

References
----------
rmem_dma_device_init(), kernel/dma/coherent.c; corpus-and-peers section 2; binding rule CO11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.consumers import is_coherent_pool
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.units import format_size_about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such pool."""
    for region in context.regions:
        if region.users or not region.compatible or region.raw.dma_default:
            continue
        if (is_coherent_pool(region) and not region.raw.cma_default) or region.has("restricted-dma-pool"):
            size = region.entries[0][1] if region.entries else region.size
            about = f" ({format_size_about(size)})" if size else ""
            yield Problem(
                path=region.path,
                message=f"no memory-region leads to this pool{about}: its memory is reserved and no device gets it",
            )


RULE = Rule(
    code="CV414",
    slug="pool-unreferenced",
    severity=Severity.NOTE,
    summary="no device refers to a pool",
    board=check,
    covers=("CO11", "corpus-pool-unreferenced"),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };

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
                video@1000000 { memory-region = <&pool>, <&fw>; };
            };
        """),
        Example("""
            pool { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; };
        """),
    ),
)
