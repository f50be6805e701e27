# SPDX-License-Identifier: Apache-2.0
"""The name of a contiguous pool becomes the name of a DMA heap.

What it checks
--------------
Enabled `shared-dma-pool` regions with `reusable` whose node name contains a comma or `@`.

Why it matters
--------------
User space opens `/dev/dma_heap/NAME`. To rename the node, or to give it another address, changes what
programs have to open.

Kernel behaviour
----------------
Up to 6.12: one heap, named after the default area. 7.2: one for each such region, named after the node, and
`default_cma_region` for the default. All need CONFIG_DMABUF_HEAPS_CMA, which Debian does not set.

Example
-------
See `bad`.

Fix
---
Use a plain name where programs depend on it. `linux,cma` is so common that it is better kept.

Known limits
------------
None.

References
----------
drivers/dma-buf/heaps/cma_heap.c, Linux commit 4f5f8baf7341; kernel-semantics 5.4; binding rule LX07.
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
        if (
            raw.reusable
            and not raw.no_map
            and ("," in region.name or "@" in region.name)
            and region.has("shared-dma-pool")
        ):
            yield Problem(
                path=region.path,
                message=(
                    f"7.2 makes it /dev/dma_heap/{region.name} where CONFIG_DMABUF_HEAPS_CMA is set: programs depend on the "
                    "name of the node"
                ),
            )


RULE = Rule(
    code="CV709",
    slug="heap-name",
    severity=Severity.NOTE,
    summary="a contiguous pool becomes a DMA heap with an awkward name",
    board=check,
    covers=("LX07",),
    bad=(
        Example("""
            linux,cma { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; };
        """),
    ),
    good=(
        Example("""
            media-pool { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; };
        """),
    ),
)
