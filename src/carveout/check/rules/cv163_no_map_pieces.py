# SPDX-License-Identifier: Apache-2.0
"""No-map regions cut RAM into many pieces.

What it checks
--------------
How many separate pieces of mapped RAM no-map regions leave on the simulated kernel: a note from 16 on.

Why it matters
--------------
Each border costs page tables and breaks large mappings, and the kernel's list of memory has 128 entries while memory is set up.
Large contiguous requests find less room.

Kernel behaviour
----------------
All versions keep one entry for each piece. When the list is full before it can grow, 5.10 and 6.1 refuse the next region, 6.12
and newer panic. Kernels that map all RAM by pages anyway (most of today's arm64) lose nothing else.

Example
-------
See `bad`: firmware regions with gaps of one page between them.

Fix
---
Put regions side by side, or merge neighbours that belong to one owner.

Known limits
------------
Where firmware is loaded is seldom the board's choice: a note.

References
----------
memblock_isolate_range(), memblock_double_array(), mm/memblock.c; map_mem(), arch/arm64/mm/mmu.c; kernel-semantics 2.2; binding
rule PL18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext

MANY_PIECES = 16
"""More than the firmware of a phone usually leaves; an eighth of what the list holds."""


def check(view: BootContext) -> Iterator[Problem]:
    """Yield one note for a board."""
    parent = view.board.reserved_memory
    if parent is None or len(view.board.static) < MANY_PIECES // 2 or not view.boot.ram_known:
        return
    unmapped = pieces = 0
    end = None
    for entry in view.boot.memory:
        if entry.nomap:
            unmapped += 1
        else:
            pieces += end != entry.base
            end = entry.base + entry.size
    if unmapped and pieces >= MANY_PIECES:
        yield Problem(
            path=parent.path,
            message=(
                f"no-map regions cut RAM into {pieces} pieces of mapped memory; each border costs page tables, and "
                "the kernel's list of memory starts with 128 entries"
            ),
        )


RULE = Rule(
    code="CV163",
    slug="no-map-pieces",
    severity=Severity.NOTE,
    summary="no-map regions cut RAM into many pieces",
    boot=check,
    covers=("PL18",),
    bad=(
        Example(
            "".join(
                f"fw@{base:x} {{ reg = <0x0 0x{base:x} 0x0 0x1000>; no-map; }};\n"
                for base in range(0x50000000, 0x50020000, 0x2000)
            )
        ),
    ),
    good=(
        Example(
            "".join(
                f"fw@{base:x} {{ reg = <0x0 0x{base:x} 0x0 0x1000>; no-map; }};\n"
                for base in range(0x50000000, 0x50010000, 0x1000)
            )
        ),
    ),
)
