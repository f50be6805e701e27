# SPDX-License-Identifier: Apache-2.0
"""A device has `memory-region-names` and no `memory-region`.

What it checks
--------------
Each node with `memory-region-names`.

Why it matters
--------------
The names name nothing. Most likely `memory-region` was removed or misspelt.

Kernel behaviour
----------------
All versions: of_reserved_mem_device_init_by_name() finds the name, then no phandle, and returns -ENODEV.

Example
-------
See `bad`.

Fix
---
Add `memory-region`, or remove the names.

Known limits
------------
None.

References
----------
of_reserved_mem_device_init_by_name(), drivers/of/of_reserved_mem.c; meta-schema core.yaml of dt-schema;
binding rule CO05.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such node."""
    for prop in context.tree.properties_named("memory-region-names"):
        if "memory-region" not in prop.node:
            yield Problem(
                path=prop.node.path,
                prop="memory-region-names",
                message="there is no memory-region for these names; Linux gives a driver that asks by name -ENODEV",
            )


RULE = Rule(
    code="CV405",
    slug="region-names-without-regions",
    severity=Severity.ERROR,
    summary="memory-region-names without memory-region",
    board=check,
    covers=("CO05",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region-names = "firmware"; };
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
                video@1000000 { memory-region = <&fw>; memory-region-names = "firmware"; };
            };
        """),
    ),
)
