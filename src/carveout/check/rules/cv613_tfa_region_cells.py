# SPDX-License-Identifier: Apache-2.0
"""/reserved-memory has the cells that Trusted Firmware-A writes, and the root has others.

What it checks
--------------
A `/reserved-memory` with two address cells and one size cell on a root that differs, and regions with a `reg`
of 12 bytes where an entry has another length.

Why it matters
--------------
It tells where the fault comes from: not from the source of the tree.

Kernel behaviour
----------------
Linux refuses a parent whose cells are not those of the root, with all regions (CV003), and skips a region
whose `reg` has a wrong length (CV009).

Example
-------
See `bad`.

Fix
---
Use a firmware that takes the cells of the root, or put the regions into the tree.

Known limits
------------
None.

References
----------
fdt_add_reserved_memory(), common/fdt_fixup.c of Trusted Firmware-A (2020); binding rule FW08.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_WRITTEN = 12


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note at the parent, or at each region that does not fit."""
    parent = context.reserved_memory
    if parent is None or context.entry_bytes == _WRITTEN:
        return
    if parent.cells == (2, 1):
        yield Problem(
            path=parent.path,
            message="two address cells and one size cell are what Trusted Firmware-A writes, whatever the root has",
        )
        return
    for region in context.regions:
        if region.raw.reg is not None and region.raw.reg.length == _WRITTEN and region.entries is None:
            yield Problem(
                path=region.path,
                prop="reg",
                message="12 bytes are what Trusted Firmware-A writes, whatever cells the tree has",
            )


RULE = Rule(
    code="CV613",
    slug="tfa-region-cells",
    severity=Severity.NOTE,
    summary="regions look as if Trusted Firmware-A had written them with its own cells",
    board=check,
    covers=("FW08",),
    bad=(
        Example("""
            / { reserved-memory { #address-cells = <2>; #size-cells = <1>; ranges; tfa { reg = <0x0 0x50000000 0x100000>; no-map; }; }; };
        """),
        Example("""
            tfa@50000000 { reg = <0x0 0x50000000 0x100000>; no-map; };
        """),
    ),
    good=(
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
        """),
    ),
)
