# SPDX-License-Identifier: Apache-2.0
"""A node of ION, which left the kernel, refers to a region.

What it checks
--------------
Devices with `memory-region` whose first `compatible`, or that of a node above called `ion…`, begins with
`linux,ion`.

Why it matters
--------------
No driver takes the node. The region is reserved for nothing, or as a pool for nobody.

Kernel behaviour
----------------
ION was in staging until 5.10, and its own device tree nodes only in vendor kernels. Today DMA heaps take its
place: 7.2 makes one of each contiguous pool.

Example
-------
See `bad`.

Fix
---
Make the region a `shared-dma-pool` with `reusable` and remove the node.

Known limits
------------
None.

References
----------
drivers/dma-buf/heaps/cma_heap.c; binding S11, rule LG19.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_NAME = "linux,ion"


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such node."""
    for path, entries in context.devices.items():
        own = entries[0].compatible[:1]
        is_own = bool(own) and own[0].startswith(_NAME)
        if is_own or ("ion" in path and _is_below_ion(context, path)):
            yield Problem(
                path=path,
                prop="compatible" if is_own else None,
                message="no kernel of today has a driver for ION heaps; the region it refers to serves nobody",
                related=tuple(entry.region for entry in entries if entry.region is not None),
            )


def _is_below_ion(context: BoardContext, path: str) -> bool:
    node = context.tree.node(path)
    above = node.parent.prop("compatible") if node is not None and node.parent is not None else None
    return above is not None and above.value.startswith(_NAME.encode("ascii"))


RULE = Rule(
    code="CV814",
    slug="ion-heap",
    severity=Severity.WARNING,
    summary="a device node of ION refers to a region",
    board=check,
    covers=("LG19",),
    bad=(
        Example("""
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; heap: heap@50000000 { reg = <0x0 0x50000000 0x0 0x4000000>; }; };
                ion { compatible = "linux,ion"; heap { compatible = "linux,ion-heap-carveout"; memory-region = <&heap>; }; }; };
        """),
    ),
    good=(
        Example("""
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; heap: heap@50000000 { reg = <0x0 0x50000000 0x0 0x4000000>; }; };
                video { compatible = "vendor,video"; memory-region = <&heap>; }; };
        """),
    ),
)
