# SPDX-License-Identifier: Apache-2.0
"""The default pool of the tree lies above what all devices can reach.

What it checks
--------------
The place of the region that becomes the default pool against 4 GiB, and against the `dma-ranges` of all
enabled buses. Only where there is enough RAM below.

Why it matters
--------------
Devices with a 32-bit mask, the usual one, cannot use the pool, and there is no other: their large allocations
fail.

Kernel behaviour
----------------
The default pool of the configuration is kept below the limit of the DMA zone. A region of the tree is placed
by its `alloc-ranges` alone, and without them anywhere.

Example
-------
See `bad`.

Fix
---
Add `alloc-ranges` below 4 GiB, or below what the narrowest bus reaches.

Known limits
------------
Devices behind an IOMMU do not mind. A limit by `dma-ranges` is a note as long as RAM is what the tree says:
the firmware of a Raspberry Pi takes the memory that its bus does not reach.

References
----------
dma_contiguous_reserve(), kernel/dma/contiguous.c; of_dma_get_max_cpu_address(), drivers/of/address.c;
kernel-semantics 8.13; binding rule LX08.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.span import GIB, Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext, BootContext

_USUAL_MASK = 4 * GIB


def check(view: BootContext) -> Iterator[Problem]:
    """Yield the problem at the region."""
    for area in view.boot.cma:
        if not area.is_default or area.from_region is None:
            continue
        place = Span.sized(area.base, area.size)
        limit, who = _limit(view.board)
        below = sum(max(0, min(bank.end, limit) - bank.start) for bank in view.known_ram)
        if place.end > limit and below >= area.size:
            yield Problem(
                path=area.from_region,
                prop="alloc-ranges" if view.board.by_path[area.from_region].raw.alloc_ranges else None,
                message=(
                    f"the default pool is at {format_range(place)}, above 0x{limit:x}, which is {who}; devices that reach no "
                    "further get no contiguous memory"
                ),
                severity=Severity.NOTE
                if limit < _USUAL_MASK and view.boot.scene.memory_source == "tree"
                else None,
            )


def _limit(board: BoardContext) -> tuple[int, str]:
    # The lowest of the highest addresses, and what sets it.
    limit, who = _USUAL_MASK, "all that a 32-bit mask reaches"
    for bus in board.board.dma_ranges:
        if bus.enabled and bus.entries and not bus.unread:
            reach = max(base + size for base, size in bus.entries)
            if reach < limit:
                limit, who = reach, f"all that dma-ranges of {bus.path} reaches"
    return limit, who


RULE = Rule(
    code="CV710",
    slug="default-pool-too-high",
    severity=Severity.WARNING,
    summary="the default pool lies where not all devices reach",
    boot=check,
    covers=("LX08",),
    bad=(
        Example(
            """
            a { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; linux,cma-default; };
        """,
            memory=((0x40000000, 0x40000000), (0x100000000, 0x100000000)),
        ),
    ),
    good=(
        Example("""
            a { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; linux,cma-default; };
        """),
        Example(
            """
            a { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; alloc-ranges = <0x0 0x40000000 0x0 0x40000000>; linux,cma-default; };
        """,
            memory=((0x40000000, 0x40000000), (0x100000000, 0x100000000)),
        ),
    ),
)
