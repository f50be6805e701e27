# SPDX-License-Identifier: Apache-2.0
"""An entry of `memory-region` leads to a node that is not a child of /reserved-memory.

What it checks
--------------
Where each entry of each `memory-region` leads: the node must be a direct child of `/reserved-memory`.

Why it matters
--------------
Linux only knows the children of `/reserved-memory` as regions. The driver gets no memory.

Kernel behaviour
----------------
All versions: of_reserved_mem_device_init_by_idx() returns -EINVAL. Kernel 5.10 also takes deeper nodes for
regions; from 6.1 on only direct children are. From 6.12 on the region is looked up by the name of the node,
so a node elsewhere that has the name of a region is taken for it.

Example
-------
See `bad`: a device refers to on-chip RAM.

Fix
---
Refer to a child of `/reserved-memory`, or use the property that the device has for other memory (`sram`, for
one).

Known limits
------------
None.

References
----------
__find_rmem(), drivers/of/of_reserved_mem.c; kernel-semantics 5.1; binding rule CO02.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.consumers import has_specifiers, region_of
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such entry."""
    for path, entries in context.devices.items():
        wrong = [entry for entry in entries if entry.region is not None and region_of(context, entry) is None]
        for entry in wrong if wrong and not has_specifiers(context, entries) else ():
            if entry.region is None:
                continue
            where = ", but lies deeper below it" if entry.region in context.by_path else ""
            yield Problem(
                path=path,
                prop="memory-region",
                message=(
                    f"entry {entry.index} leads to {entry.region}, which is no child of /reserved-memory{where}; Linux "
                    "knows no such region and gives the driver -EINVAL"
                ),
                related=(entry.region,),
                severity=None if entry.enabled else Severity.WARNING,
                cause=f"entry {entry.index}",
            )


RULE = Rule(
    code="CV402",
    slug="memory-region-not-a-region",
    severity=Severity.ERROR,
    summary="an entry of memory-region leads to a node outside /reserved-memory",
    board=check,
    covers=("CO02", "corpus-target-not-reserved-memory"),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                sram: sram@2000000 { reg = <0x0 0x2000000 0x0 0x10000>; };
                video@1000000 { memory-region = <&sram>; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                };
                gic: interrupt-controller { interrupt-controller; #interrupt-cells = <3>; };
                video@1000000 { memory-region = <&pool>, <&gic>; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fw@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; part: part@52000000 { reg = <0x0 0x52000000 0x0 0x1000>; }; };
                };
                video@1000000 { memory-region = <&part>; };
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
