# SPDX-License-Identifier: Apache-2.0
"""A region without no-map is wholly outside RAM.

What it checks
--------------
Static regions without `no-map` against RAM, where RAM is known.

Why it matters
--------------
There is nothing to reserve. A contiguous pool there has no pages: the device that uses it gets nothing. Other regions are
often device memory on purpose, or RAM that firmware keeps out of the memory node: a note.

Kernel behaviour
----------------
All versions reserve the range, which has no effect. A contiguous pool is created with the usual message and fails when
it is activated.

Example
-------
See `bad`: a pool for a variant of the board with other RAM.

Fix
---
Correct the base, or the memory node.

Known limits
------------
RAM of the memory nodes can be changed by the boot loader.

References
----------
early_init_dt_reserve_memory(), drivers/of/of_reserved_mem.c; cma_init_reserved_mem(), mm/cma.c; kernel-semantics 8, item
27; binding rule AD16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import has_root_cells, ranges, where_ram_is_from
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    ram = view.known_ram
    if not ram or not has_root_cells(view.board):
        return
    for region, span in view.board.static:
        if region.raw.no_map or any(bank.overlaps(span) for bank in ram):
            continue
        is_pool = region.raw.reusable and region.has("shared-dma-pool")
        yield Problem(
            path=region.path,
            prop="reg",
            message=(
                f"{format_range(span)} is outside RAM{where_ram_is_from(view.boot)} ({ranges(ram)}); reserving it has no "
                + ("effect, and the contiguous pool has no pages behind it" if is_pool else "effect")
            ),
            severity=Severity.ERROR if is_pool else None,
        )


RULE = Rule(
    code="CV116",
    slug="region-outside-ram",
    severity=Severity.NOTE,
    summary="a region without no-map is wholly outside RAM",
    boot=check,
    covers=("AD16", "corpus-outside-ram"),
    bad=(
        Example(
            'pool@20000000 { compatible = "shared-dma-pool"; reg = <0x0 0x20000000 0x0 0x4000000>; reusable; };'
        ),
        Example("buffer@20000000 { reg = <0x0 0x20000000 0x0 0x4000000>; };"),
    ),
    good=(
        Example("buffer@50000000 { reg = <0x0 0x50000000 0x0 0x4000000>; };"),
        Example(
            "buffer@90000000 { reg = <0x0 0x90000000 0x0 0x4000000>; };", memory=((0x40000000, 0x80000000),)
        ),
    ),
)
