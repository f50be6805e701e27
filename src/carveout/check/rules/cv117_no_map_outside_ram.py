# SPDX-License-Identifier: Apache-2.0
"""A no-map region is wholly outside RAM.

What it checks
--------------
Static no-map regions against RAM, where RAM is known.

Why it matters
--------------
Mostly it is meant so: firmware keeps the memory out of the memory node, or it is the memory of a device. A wrong base looks
the same.

Kernel behaviour
----------------
All versions accept it; there is nothing to take out of the linear map. Drivers can use the addresses.

Example
-------
See `bad`. aspeed-bmc-supermicro-x11spi has a framebuffer at 0x7f000000 with RAM from 0x80000000 to 0xa0000000; most others
of this kind are meant so.

Fix
---
None needed if it is meant so.

Known limits
------------
RAM of the memory nodes can be changed by the boot loader.

References
----------
early_init_dt_reserve_memory(), drivers/of/of_reserved_mem.c; kernel-semantics 8, item 27; binding rule AD17.
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
    """Yield a note for each such region."""
    ram = view.known_ram
    if not ram or not has_root_cells(view.board):
        return
    for region, span in view.board.static:
        if region.raw.no_map and not any(bank.overlaps(span) for bank in ram):
            yield Problem(
                path=region.path,
                prop="reg",
                message=(
                    f"{format_range(span)} is outside RAM{where_ram_is_from(view.boot)} ({ranges(ram)}): memory that "
                    "firmware keeps for itself, of a device, or a wrong base"
                ),
            )


RULE = Rule(
    code="CV117",
    slug="no-map-outside-ram",
    severity=Severity.NOTE,
    summary="a no-map region is wholly outside RAM",
    boot=check,
    covers=("AD17",),
    bad=(Example("sram@10000000 { reg = <0x0 0x10000000 0x0 0x10000>; no-map; };"),),
    good=(Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x10000>; no-map; };"),),
)
