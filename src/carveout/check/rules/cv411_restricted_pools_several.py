# SPDX-License-Identifier: Apache-2.0
"""A device refers to more than one restricted pool.

What it checks
--------------
Enabled devices with two or more `restricted-dma-pool` regions.

Why it matters
--------------
Only the first is used. The memory of the others is reserved for nothing.

Kernel behaviour
----------------
All versions with restricted pools (5.15 on): of_dma_set_restricted_buffer() stops at the first one that it
can attach.

Example
-------
See `bad`.

Fix
---
Remove all but one, or make one that is large enough.

Known limits
------------
None.

References
----------
of_dma_set_restricted_buffer(), drivers/of/address.c and drivers/of/device.c; binding rule CO09.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.consumers import region_of
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
        pools = [r for r in found if r is not None and r.is_enabled and r.has("restricted-dma-pool")]
        if len(pools) > 1:
            yield Problem(
                path=path,
                prop="memory-region",
                message=(
                    f"{len(pools)} restricted pools; Linux uses {pools[0].path} and leaves the others unused"
                ),
                related=tuple(pool.path for pool in pools),
            )


RULE = Rule(
    code="CV411",
    slug="restricted-pools-several",
    severity=Severity.WARNING,
    summary="a device has more than one restricted pool",
    board=check,
    covers=("CO09",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                    a: a@54000000 { compatible = "restricted-dma-pool"; reg = <0x0 0x54000000 0x0 0x400000>; };
                    b: b@55000000 { compatible = "restricted-dma-pool"; reg = <0x0 0x55000000 0x0 0x400000>; };
                };
                pci@1000000 { memory-region = <&a>, <&b>; };
            };
        """),
    ),
    good=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                    a: a@54000000 { compatible = "restricted-dma-pool"; reg = <0x0 0x54000000 0x0 0x400000>; };
                };
                pci@1000000 { memory-region = <&a>, <&pool>; };
            };
        """),
    ),
)
