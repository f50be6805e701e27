# SPDX-License-Identifier: Apache-2.0
"""`memory-region` and `memory-region-names` have different numbers of entries.

What it checks
--------------
The number of names against the number of phandles.

Why it matters
--------------
A driver asks by name and gets the entry of the same number: with one entry too few or too many, it gets the
wrong region or none.

Kernel behaviour
----------------
All versions: the index of the name is used as index into `memory-region`; a name without an entry gives
-ENODEV.

Example
-------
See `bad`.

Fix
---
Give each entry one name, in the same order.

Known limits
------------
A list with specifiers (CV403) is left to that rule.

References
----------
of_reserved_mem_device_init_by_name(), drivers/of/of_reserved_mem.c; binding rule CO06.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.consumers import has_specifiers
from carveout.check.context import texts
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such device."""
    for prop in context.tree.properties_named("memory-region-names"):
        regions = prop.node.prop("memory-region")
        names = texts(prop)
        if regions is None or regions.length // 4 == len(names):
            continue
        entries = context.devices.get(prop.node.path, ())
        if entries and has_specifiers(context, entries):
            continue
        yield Problem(
            path=prop.node.path,
            prop="memory-region-names",
            message=(
                f"{len(names)} {'name' if len(names) == 1 else 'names'} for {regions.length // 4} entries of memory-region; "
                "Linux finds a region by the number of its name, so a driver gets the wrong one, or -ENODEV"
            ),
        )


RULE = Rule(
    code="CV406",
    slug="region-names-count",
    severity=Severity.ERROR,
    summary="memory-region and memory-region-names differ in number",
    board=check,
    covers=("CO06", "corpus-names-count"),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = <&fw>; memory-region-names = "dma", "firmware"; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = <&pool>, <&fw>; memory-region-names = "firmware"; };
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
