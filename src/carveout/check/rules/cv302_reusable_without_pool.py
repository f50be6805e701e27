# SPDX-License-Identifier: Apache-2.0
"""A region is `reusable` and not a `shared-dma-pool`.

What it checks
--------------
Enabled regions with `reusable` whose `compatible` lacks `shared-dma-pool`.

Why it matters
--------------
Linux lends memory only through a contiguous pool. The region is taken from the system like any other, and lies idle.

Kernel behaviour
----------------
All versions ignore the property; 6.12 and newer print it in the region's line, `map reusable NAME`, which looks as if it worked.

Example
-------
See `bad`. milos-fairphone-fp6 and sm7550-nothing-asteroids (Linux 7.2) lose 32 MiB so (`qdss-apps-region`).

Fix
---
Add `compatible = "shared-dma-pool"` if devices allocate from it through the DMA interface; else remove `reusable`.

Known limits
------------
Other operating systems may know what to do with it.

References
----------
__rmem_cma_verify_node(), kernel/dma/contiguous.c; kernel-semantics 3.6, 3.7; binding rule SH02.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.units import format_size_about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext

# The dialects of 2013 have rules of their own.
_LEGACY = ("contiguous-memory", "linux,contiguous-memory-region", "shareable-memory-region")


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in context.regions:
        if not region.raw.reusable or region.raw.no_map:
            continue
        if any(region.has(name) for name in ("shared-dma-pool", "restricted-dma-pool", *_LEGACY)):
            continue
        size = region.span.size if region.span is not None else region.size
        shown = f"0x{size:x} bytes ({format_size_about(size)})" if size else "the memory"
        yield Problem(
            path=region.path,
            prop="reusable",
            message=(
                "it is reusable without being a shared-dma-pool; Linux ignores the property, "
                f"so {shown} cannot be used by the system"
            ),
        )


RULE = Rule(
    code="CV302",
    slug="reusable-without-pool",
    severity=Severity.WARNING,
    summary="a region is `reusable` and not a `shared-dma-pool`",
    board=check,
    covers=("SH02", "corpus-reusable-without-compatible"),
    bad=(
        Example("qdss-apps-region@50000000 { reg = <0x0 0x50000000 0x0 0x2000000>; reusable; };"),
        Example('pool { compatible = "vendor,pool"; size = <0x0 0x2000000>; reusable; };'),
    ),
    good=(
        Example(
            'pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x2000000>; reusable; };'
        ),
        Example("qdss-apps-region@50000000 { reg = <0x0 0x50000000 0x0 0x2000000>; };"),
    ),
)
