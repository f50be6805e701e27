# SPDX-License-Identifier: Apache-2.0
"""A static region is partly inside and partly outside RAM.

What it checks
--------------
Static regions against RAM, where RAM is known. Banks that touch are one.

Why it matters
--------------
The part outside is not memory. Who uses the region runs into it: a fault, or writes that are lost.

Kernel behaviour
----------------
All versions reserve the range as it is, without a message. A contiguous pool across a border cannot be activated.

Example
-------
See `bad`: 4 KiB over the end of RAM, the usual slip of one.

Fix
---
Move or shrink the region, or correct the memory node.

Known limits
------------
RAM of the memory nodes can be changed by the boot loader.

References
----------
early_init_dt_reserve_memory(), drivers/of/of_reserved_mem.c; kernel-semantics 3.3; binding rule AD18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.context import in_one
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
        inside = sum(max(0, min(bank.end, span.end) - max(bank.start, span.start)) for bank in ram)
        if inside and not in_one(span, ram):
            yield Problem(
                path=region.path,
                prop="reg",
                message=(
                    f"0x{span.size - inside:x} of 0x{span.size:x} bytes of {format_range(span)} are outside "
                    f"RAM{where_ram_is_from(view.boot)} ({ranges(ram)}); Linux reserves it as it is, and whoever uses it "
                    "runs into addresses without memory"
                ),
            )


RULE = Rule(
    code="CV118",
    slug="region-straddles-ram",
    severity=Severity.ERROR,
    summary="a static region is partly inside and partly outside RAM",
    boot=check,
    covers=("AD18", "corpus-partly-outside-ram"),
    bad=(
        Example("fw@7ff00000 { reg = <0x0 0x7ff00000 0x0 0x101000>; no-map; };"),
        Example("fw@3ff00000 { reg = <0x0 0x3ff00000 0x0 0x200000>; no-map; };"),
        Example(
            "fw@5ff00000 { reg = <0x0 0x5ff00000 0x0 0x200000>; no-map; };",
            memory=((0x40000000, 0x20000000), (0x60001000, 0x1FFFF000)),
        ),
    ),
    good=(
        Example("fw@7ff00000 { reg = <0x0 0x7ff00000 0x0 0x100000>; no-map; };"),
        Example(
            "fw@5ff00000 { reg = <0x0 0x5ff00000 0x0 0x200000>; no-map; };",
            memory=((0x40000000, 0x20000000), (0x60000000, 0x20000000)),
        ),
    ),
)
