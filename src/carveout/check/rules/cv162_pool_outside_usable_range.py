# SPDX-License-Identifier: Apache-2.0
"""A pool lies outside `linux,usable-memory-range`.

What it checks
--------------
Static pools (`shared-dma-pool`, `restricted-dma-pool`) against the ranges in `/chosen` that a crash kernel may use.

Why it matters
--------------
RAM outside these ranges is not there for this kernel. A pool without RAM cannot be used.

Kernel behaviour
----------------
All versions drop the RAM outside, except pieces that are no-map. 5.10 reads one range, newer ones two. A contiguous pool without
struct pages stops the boot when it is activated.

Example
-------
See `bad`.

Fix
---
Switch the pool off in the tree of the crash kernel, or do not use its devices there.

Known limits
------------
Only trees made for a crash kernel have the property. Plain regions outside the ranges are as they should be.

References
----------
early_init_dt_check_for_usable_mem_range(), drivers/of/fdt.c; memblock_cap_memory_range(), mm/memblock.c; kernel-semantics 6.3,
5.6; binding rule PL12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import entries
from carveout.check.context import in_one
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each pool."""
    prop = next((c.usable_memory_range for c in context.board.chosen if c.usable_memory_range), None)
    if prop is None:
        return
    usable = [
        Span.sized(base, size)
        for base, size in entries(prop.value, context.address_cells, context.size_cells)
        if size
    ]
    for region, span in context.static if usable else ():
        if region.raw.no_map and not region.has("restricted-dma-pool"):
            continue
        if not (region.has("shared-dma-pool") or region.has("restricted-dma-pool")) or in_one(span, usable):
            continue
        yield Problem(
            path=region.path,
            prop="reg",
            message=(
                f"{format_range(span)} is not inside linux,usable-memory-range "
                f"({', '.join(format_range(s) for s in usable[:2])}); Linux drops the RAM outside, so the pool has none"
            ),
        )


RULE = Rule(
    code="CV162",
    slug="pool-outside-usable-range",
    severity=Severity.WARNING,
    summary="a pool lies outside `linux,usable-memory-range`",
    board=check,
    covers=("PL12",),
    bad=(
        Example("""/ { chosen { linux,usable-memory-range = <0x0 0x60000000 0x0 0x10000000>; };
            reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; };
            }; };"""),
    ),
    good=(
        Example("""/ { chosen { linux,usable-memory-range = <0x0 0x60000000 0x0 0x10000000>; };
            reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                fw@50000000 { reg = <0x0 0x50000000 0x0 0x4000000>; no-map; };
                pool@60000000 { compatible = "shared-dma-pool"; reg = <0x0 0x60000000 0x0 0x4000000>; reusable; };
            }; };"""),
    ),
)
