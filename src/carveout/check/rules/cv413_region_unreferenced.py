# SPDX-License-Identifier: Apache-2.0
"""No device refers to a region that has no `compatible`.

What it checks
--------------
Enabled regions without `compatible` that no `memory-region` leads to.

Why it matters
--------------
The region is kept away from the kernel and nothing else: right for memory of firmware, a leftover otherwise.

Kernel behaviour
----------------
All versions reserve the region.

Example
-------
See `bad`.

Fix
---
None if the memory belongs to firmware. Else refer to it, or remove it.

Known limits
------------
Very common in good trees (10,500 regions in the 6,193 trees of Debian): a note. References by other
properties, or by name from a driver, are not seen.

References
----------
Binding rule CO11; corpus-and-peers section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such region."""
    for region in context.regions:
        raw = region.raw
        if raw.compatible is None and not region.users and (raw.reg is not None or raw.size is not None):
            yield Problem(
                path=region.path,
                message="no memory-region leads here and it has no compatible: it is reserved, and nothing in Linux uses it",
            )


RULE = Rule(
    code="CV413",
    slug="region-unreferenced",
    severity=Severity.NOTE,
    summary="no device refers to a plain region",
    board=check,
    covers=("CO11", "corpus-region-unreferenced"),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };

                };
                video@1000000 { memory-region = <&pool>; };
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
