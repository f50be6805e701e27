# SPDX-License-Identifier: Apache-2.0
"""No window of `alloc-ranges` has any RAM in it.

What it checks
--------------
Dynamic regions that get no place in the simulated boot: whether any window shares an address with RAM, where RAM is known.

Why it matters
--------------
The region is never allocated on a board with this RAM.

Kernel behaviour
----------------
All versions: `failed to allocate memory for node 'NAME'`.

Example
-------
See `bad`: a window for the variant with more RAM.

Fix
---
Move the window, or add one.

Known limits
------------
When RAM comes from the memory nodes the boot loader may enlarge it: a warning. imx8qm-mek is such a board. With RAM given
it is an error.

References
----------
__reserved_mem_alloc_in_range(), drivers/of/of_reserved_mem.c; kernel-semantics 3.4; binding rule AD13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import (
    fits,
    kernel_line,
    prints,
    ranges,
    where_ram_is_from,
    without_place,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    ram = view.known_ram
    for region, size, align in without_place(view) if ram else ():
        windows = region.alloc_ranges
        if not windows or not any(fits(window, size, align) for window in windows):
            continue
        if any(window.overlaps(bank) for window in windows for bank in ram):
            continue
        yield Problem(
            path=region.path,
            prop="alloc-ranges",
            message=(
                f"there is no RAM in {ranges(windows)}; RAM is {ranges(ram)}{where_ram_is_from(view.boot)}"
                + prints(kernel_line(view.boot, region.path, "failed to allocate"))
            ),
            severity=Severity.WARNING if view.boot.scene.memory_source == "tree" else None,
        )


RULE = Rule(
    code="CV209",
    slug="alloc-range-outside-ram",
    severity=Severity.ERROR,
    summary="no window of `alloc-ranges` has any RAM in it",
    boot=check,
    covers=("AD13", "corpus-alloc-ranges-outside-ram"),
    bad=(
        Example("pool { size = <0x0 0x4000000>; alloc-ranges = <0x0 0xc0000000 0x0 0x20000000>; };"),
        Example(
            "pool { size = <0x0 0x4000000>; alloc-ranges = <0x0 0xc0000000 0x0 0x20000000>; };",
            memory=((0x40000000, 0x80000000),),
        ),
    ),
    good=(
        Example("pool { size = <0x0 0x4000000>; alloc-ranges = <0x0 0x60000000 0x0 0x20000000>; };"),
        Example(
            "pool { size = <0x0 0x4000000>; alloc-ranges = <0x0 0xc0000000 0x0 0x20000000>; };",
            memory=((0x40000000, 0xC0000000),),
        ),
    ),
)
