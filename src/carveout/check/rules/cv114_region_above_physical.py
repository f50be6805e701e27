# SPDX-License-Identifier: Apache-2.0
"""A region is above the highest physical address of this kernel.

What it checks
--------------
Static regions against the width of physical addresses in the simulated kernel: 32 bits for 32-bit arm without LPAE.

Why it matters
--------------
The kernel cuts the upper bits off and reserves other memory instead.

Kernel behaviour
----------------
All versions read 64 bits and store them in a phys_addr_t without a check.

Example
-------
See `bad`.

Fix
---
Use a kernel with LPAE, or a tree for 32-bit addresses.

Known limits
------------
Silent for a board all of whose RAM is above that address, since it cannot boot this kernel anyway.

References
----------
__reserved_mem_reserve_reg(), drivers/of/of_reserved_mem.c; kernel-semantics 3.3; binding rule AD04.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import readable_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    bits = view.profile.config.phys_bits
    end = 1 << bits
    if bits >= 64 or (view.board.ram and view.board.ram[0].start >= end):
        return
    for region in readable_regions(view.board):
        span = region.span
        if span is not None and end < span.end <= 1 << 64:
            cut = span.start & (end - 1)
            yield Problem(
                path=region.path,
                prop="reg",
                message=(
                    f"0x{span.start:x}..0x{span.end - 1:x} needs more than the {bits} bits of this kernel's physical "
                    f"addresses; it reserves 0x{cut:x} and what follows instead"
                ),
            )


RULE = Rule(
    code="CV114",
    slug="region-above-physical",
    severity=Severity.ERROR,
    summary="a region is above the highest physical address of this kernel",
    boot=check,
    covers=("AD04",),
    bad=(
        Example(
            "fw@850000000 { reg = <0x8 0x50000000 0x0 0x100000>; no-map; };",
            arch="arm",
            kernel="6.12",
            kernel_image=(0x40200000, 0x1A00000),
        ),
    ),
    good=(
        Example("fw@850000000 { reg = <0x8 0x50000000 0x0 0x100000>; no-map; };"),
        Example(
            "fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };",
            arch="arm",
            kernel="6.12",
            kernel_image=(0x40200000, 0x1A00000),
        ),
    ),
)
