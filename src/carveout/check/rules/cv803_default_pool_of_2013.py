# SPDX-License-Identifier: Apache-2.0
"""The default pool is named as it was to be in 2013.

What it checks
--------------
Nodes with `linux,default-contiguous-region`, or with `linux,default-cma`, which no source knows.

Why it matters
--------------
The board has the default pool of the kernel's configuration instead of this region.

Kernel behaviour
----------------
No version looks at these properties.

Example
-------
See `bad`.

Fix
---
`linux,cma-default`, on a `shared-dma-pool` with `reusable`. `carveout upgrade` does it.

Known limits
------------
None.

References
----------
The mail of 9 September 2013 (binding S18); Linux commit 9d8eab7af79c, reverted by 1931ee143b0a; binding rules
LG05, LG06.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.legacy import CONTIGUOUS, old_nodes
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_NAMES = ("linux,default-contiguous-region", "linux,default-cma")


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such property."""
    for old in old_nodes(context):
        for name in old.names:
            if name not in _NAMES:
                continue
            edits = [
                Edit(EditKind.REMOVE, old.path, name),
                Edit(EditKind.SET, old.path, "linux,cma-default"),
            ]
            prop = old.node.prop("compatible")
            if prop is None:
                edits.append(Edit(EditKind.SET, old.path, "compatible", b"shared-dma-pool\0"))
            if "reusable" not in old.node:
                edits.append(Edit(EditKind.SET, old.path, "reusable"))
            is_pool = (
                prop is None or b"shared-dma-pool" in prop.value or any(n in CONTIGUOUS for n in old.names)
            )
            is_certain = old.is_region and "no-map" not in old.node and is_pool
            yield Problem(
                path=old.path,
                prop=name,
                message=(
                    f"no kernel looks at {name}; the default pool is the one of the kernel's configuration"
                ),
                fix="write linux,cma-default, on a shared-dma-pool with reusable",
                edits=tuple(edits) if is_certain else (),
            )


RULE = Rule(
    code="CV803",
    slug="default-pool-of-2013",
    severity=Severity.WARNING,
    summary="the default pool is named as proposals of 2013 did",
    board=check,
    covers=("LG05", "LG06"),
    bad=(
        Example("""
            pool@50000000 { compatible = "contiguous-memory", "reserved-memory"; reg = <0x0 0x50000000 0x0 0x4000000>; linux,default-contiguous-region; };
        """),
        Example("""
            pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; linux,default-cma; };
        """),
    ),
    good=(
        Example("""
            pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; linux,cma-default; };
        """),
    ),
)
