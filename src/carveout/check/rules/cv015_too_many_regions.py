# SPDX-License-Identifier: Apache-2.0
"""There are more regions than the kernel's table holds, or nearly.

What it checks
--------------
Whether the simulated kernel runs out of room for regions; more than 48 of them are a note.

Why it matters
--------------
A static region beyond the limit is reserved but no driver can find it; a dynamic one gets no memory at all.

Kernel behaviour
----------------
5.10, 6.1: 64 regions of both kinds; `not enough space for all defined regions.` for each one more. 6.12, 7.2: any number
of static ones, 64 dynamic ones; `too many defined dynamic regions, skip 'NAME'`.

Example
-------
See `bad`: 65 dynamic regions.

Fix
---
Make neighbours one region.

Known limits
------------
What the boot loader adds is not counted; OpenSBI alone adds up to about ten.

References
----------
fdt_init_reserved_mem(), fdt_scan_reserved_mem(), drivers/of/of_reserved_mem.c (MAX_RESERVED_REGIONS);
kernel-semantics 3.5, 3.6; binding rule ST23.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext

_MANY = 48
_FULL = ("not enough space for all defined regions", "too many defined dynamic regions")


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each region that does not go in, or a note when there are many."""
    count = len(view.board.regions)
    if count <= _MANY:
        return
    boot = view.boot
    full = False
    for line in boot.log_lines:
        if any(part in line.text for part in _FULL):
            full = True
            yield Problem(
                path=boot.trace[line.step].subject,
                message=(
                    f'there are {count} enabled regions; the kernel\'s table is full and it prints "{line.text}": '
                    "a dynamic region gets no memory, a static one is not found by drivers"
                ),
                cause="full",
            )
    parent = view.board.reserved_memory
    if parent is not None and not full:
        yield Problem(
            path=parent.path,
            message=(
                f"there are {count} enabled regions; kernels up to 6.1 take 64, and boot loader and firmware add their own"
            ),
            severity=Severity.NOTE,
            cause="many",
        )


_REGIONS = "".join(f"r{number} {{ size = <0x0 0x1000>; }};" for number in range(65))

RULE = Rule(
    code="CV015",
    slug="too-many-regions",
    severity=Severity.ERROR,
    summary="there are more regions than the kernel's table holds, or nearly",
    boot=check,
    covers=("ST23", "corpus-too-many-regions"),
    bad=(Example(_REGIONS, kernel="6.1"), Example(_REGIONS, kernel="7.2")),
    good=(Example("".join(f"r{number} {{ size = <0x0 0x1000>; }};" for number in range(40)), kernel="6.1"),),
)
