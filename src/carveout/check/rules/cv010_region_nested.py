# SPDX-License-Identifier: Apache-2.0
"""A region is not a direct child of /reserved-memory.

What it checks
--------------
Nodes with `reg` or `size` two or more levels below `/reserved-memory` whose parent is not a region itself. What a region
has below it (the layout of an nvmem cell, say) is its own business.

Why it matters
--------------
Current kernels do not look there: the memory is not reserved.

Kernel behaviour
----------------
Up to 5.15: nodes at any depth are regions. From 5.16 on: children only, without a message.

Example
-------
See `bad`: regions sorted into groups.

Fix
---
Move the node up, to `/reserved-memory` itself.

Known limits
------------
None.

References
----------
fdt_scan_reserved_mem(), drivers/of/of_reserved_mem.c, since commit fb2293fd5ef1 (5.16); kernel-semantics 3.2; binding
rule ST12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such node."""
    kinds: dict[str, bool] = {}
    for region in context.all_regions:
        raw = region.raw
        above = region.path.rpartition("/")[0]
        has_kind = raw.reg is not None or raw.size is not None
        kinds[region.path] = has_kind or kinds.get(above, False)
        if region.depth > 1 and has_kind and region.is_enabled and not kinds.get(above, False):
            yield Problem(
                path=region.path,
                message=(
                    f"is below {above}; Linux from 5.16 on only looks at the children of /reserved-memory and does not "
                    "reserve it, up to 5.15 it does"
                ),
                fix="move the node up, to /reserved-memory itself",
            )


RULE = Rule(
    code="CV010",
    slug="region-nested",
    severity=Severity.ERROR,
    summary="a region is not a direct child of /reserved-memory",
    board=check,
    covers=("ST12",),
    bad=(Example("group { fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; }; };"),),
    good=(
        Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),
        Example("""
            config@50000000 {
                compatible = "raspberrypi,bootloader-config", "nvmem-rmem";
                reg = <0x0 0x50000000 0x0 0x1000>;
                no-map;
                #address-cells = <1>;
                #size-cells = <1>;
                cell@0 { reg = <0x0 0x10>; };
            };
        """),
    ),
)
