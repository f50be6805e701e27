# SPDX-License-Identifier: Apache-2.0
"""A name stands twice in `memory-region-names`.

What it checks
--------------
The names of each device among each other.

Why it matters
--------------
A driver that asks for the name always gets the first entry. The second cannot be reached by name.

Kernel behaviour
----------------
All versions: of_property_match_string() returns the first match.

Example
-------
See `bad`.

Fix
---
Give each entry its own name, as the binding of the device says.

Known limits
------------
None.

References
----------
of_property_match_string(), drivers/of/property.c; binding rule CO07.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from carveout.check.context import texts
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each repeated name."""
    for prop in context.tree.properties_named("memory-region-names"):
        for name, count in Counter(texts(prop)).items():
            if count > 1:
                yield Problem(
                    path=prop.node.path,
                    prop="memory-region-names",
                    message=f'"{name}" stands {count} times; Linux always finds the first of these entries',
                    cause=name,
                )


RULE = Rule(
    code="CV407",
    slug="region-name-repeated",
    severity=Severity.ERROR,
    summary="a name stands twice in memory-region-names",
    board=check,
    covers=("CO07",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = <&pool>, <&fw>; memory-region-names = "dma", "dma"; };
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
                video@1000000 { memory-region = <&pool>, <&fw>; memory-region-names = "dma", "firmware"; };
            };
        """),
    ),
)
