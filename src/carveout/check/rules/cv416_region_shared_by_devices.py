# SPDX-License-Identifier: Apache-2.0
"""Several devices refer to one region that is not a pool.

What it checks
--------------
Enabled regions without `compatible` that two or more enabled devices refer to.

Why it matters
--------------
A plain region is for the exclusive use of its device: two drivers write to the same memory.

Kernel behaviour
----------------
All versions give each driver the address. Nothing arbitrates.

Example
-------
See `bad`.

Fix
---
Give each device its own region, or make the region a pool.

Known limits
------------
Two devices of the same kind (the same first `compatible`) that share on purpose get a note: the two WED
blocks of MediaTek mt7986 share two regions.

References
----------
Devicetree Specification, 3.5.2; binding rules S1, CO12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in context.regions:
        if len(region.users) < 2 or region.raw.compatible is not None:
            continue
        users = {user.path: user for user in region.users if user.enabled}
        if len(users) < 2:
            continue
        kinds = {user.compatible[:1] for user in users.values()}
        yield Problem(
            path=region.path,
            message=(
                f"{len(users)} devices refer to it ({', '.join(users)}), and it is no pool: each takes the memory for its own"
            ),
            related=tuple(users),
            severity=Severity.NOTE if len(kinds) == 1 and kinds != {()} else None,
        )


RULE = Rule(
    code="CV416",
    slug="region-shared-by-devices",
    severity=Severity.WARNING,
    summary="several devices use one plain region",
    board=check,
    covers=("CO12",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };

                };
                a@1000000 { compatible = "vendor,a"; memory-region = <&fw>; };
                b@2000000 { compatible = "vendor,b"; memory-region = <&fw>; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };

                };
                a@1000000 { compatible = "vendor,a"; memory-region = <&fw>; };
                a@2000000 { compatible = "vendor,a"; memory-region = <&fw>; };
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
                a@1000000 { memory-region = <&pool>; };
                b@2000000 { memory-region = <&pool>; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };

                };
                a@1000000 { memory-region = <&fw>; };
                b@2000000 { memory-region = <&fw>; status = "disabled"; };
            };
        """),
    ),
)
