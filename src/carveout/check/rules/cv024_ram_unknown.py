# SPDX-License-Identifier: Apache-2.0
"""The tree does not say where RAM is, so placement cannot be checked.

What it checks
--------------
Whether RAM is known for the simulated boot of a tree with regions.

Why it matters
--------------
Most boards leave the size of RAM to the boot loader. Whether a dynamic region fits, and whether a static one is inside
RAM, can only be checked with RAM given.

Kernel behaviour
----------------
The kernel gets the memory node from the boot loader, or RAM from the EFI memory map.

Example
-------
See `bad`: a memory node of size 0.

Fix
---
Pass `--memory SIZE@BASE`, or `--memory-variant` for each size the board is sold with.

Known limits
------------
None.

References
----------
early_init_dt_scan_memory(), drivers/of/fdt.c; kernel-semantics 6.1; binding rule AD19.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield the note."""
    if view.boot.ram_known or not view.board.regions:
        return
    nodes = view.board.board.memory
    what = "the memory nodes have size 0" if nodes else "there is no memory node"
    yield Problem(
        path=nodes[0].path if nodes else "/",
        message=(
            f"{what}: whether the {len(view.board.regions)} regions fit into RAM was not checked; pass --memory SIZE@BASE"
        ),
    )


RULE = Rule(
    code="CV024",
    slug="ram-unknown",
    severity=Severity.NOTE,
    summary="the tree does not say where RAM is, so placement cannot be checked",
    boot=check,
    covers=("AD19",),
    bad=(
        Example("""
            / { memory@40000000 { reg = <0x0 0x40000000 0x0 0x0>; };
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool { size = <0x0 0x4000000>; };
                };
            };
        """),
    ),
    good=(
        Example("pool { size = <0x0 0x4000000>; };"),
        Example("/ { memory@40000000 { reg = <0x0 0x40000000 0x0 0x0>; }; };"),
    ),
)
