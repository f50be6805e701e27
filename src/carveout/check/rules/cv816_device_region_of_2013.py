# SPDX-License-Identifier: Apache-2.0
"""A device refers to its region by `linux,contiguous-region`, as patches of 2013 had it.

What it checks
--------------
Nodes with this property.

Why it matters
--------------
The device has no region: its driver takes memory of the default pool.

Kernel behaviour
----------------
No version looks at the property; today it is `memory-region`.

Example
-------
See `bad`.

Fix
---
Write `memory-region`. `--fix` does, where it leads to a child of `/reserved-memory`: elsewhere the driver would get an error in place of
memory. `carveout upgrade` moves the regions there too.

Known limits
------------
None.

References
----------
linux-arm-kernel, August 2013, version 4 of the patches; binding section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import entries
from carveout.check.legacy import old_nodes
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext
    from carveout.fdt import Property


_NAME = "linux,contiguous-region"


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such device."""
    for old in old_nodes(context):
        prop = old.node.prop(_NAME) if _NAME in old.names else None
        if prop is None:
            continue
        edits = (
            Edit(EditKind.REMOVE, old.path, _NAME),
            Edit(EditKind.SET, old.path, "memory-region", prop.value),
        )
        is_certain = "memory-region" not in old.node and _leads_to_regions(context, prop)
        yield Problem(
            path=old.path,
            prop=_NAME,
            message="no kernel looks at it: the driver gets memory of the default pool, not of the region",
            fix="write memory-region" + ("" if is_certain else ", to a child of /reserved-memory"),
            edits=edits if is_certain else (),
        )


def _leads_to_regions(context: BoardContext, prop: Property) -> bool:
    # A memory-region that leads elsewhere is worse than a property nobody reads: the driver gets -EINVAL.
    if not prop.length or prop.length % 4:
        return False
    nodes = [context.tree.by_phandle(number) for number, _ in entries(prop.value, 1, 0)]
    regions = {region.path for region in context.regions}
    return all(node is not None and node.path in regions for node in nodes)


RULE = Rule(
    code="CV816",
    slug="device-region-of-2013",
    severity=Severity.WARNING,
    summary="a device names its region as proposals of 2013 did",
    board=check,
    covers=("corpus-legacy-consumer",),
    bad=(
        Example("""
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; }; };
                video { linux,contiguous-region = <&pool>; }; };
        """),
        Example("""
            / { regions { pool: pool@50000000 { reg = <0x0 0x50000000 0x0 0x4000000>; }; };
                video { linux,contiguous-region = <&pool>; }; };
        """),
    ),
    good=(
        Example("""
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; }; };
                video { memory-region = <&pool>; }; };
        """),
    ),
)
