# SPDX-License-Identifier: Apache-2.0
"""An entry of `alloc-ranges` is empty, or ends where Linux takes its end for "anywhere".

What it checks
--------------
Each entry of `alloc-ranges` of enabled regions without `reg`: size 0, and an end at or above the end of the address space.

Why it matters
--------------
An empty window holds nothing. When base and size add up to 0 modulo the width of addresses the window has no upper end at
all, and the region can land above what the device reaches.

Kernel behaviour
----------------
All versions compute base + size in phys_addr_t and take an end of 0 for "no limit". The second number is a size, not an
end.

Example
-------
See `bad`.

Fix
---
Write base and size; leave `alloc-ranges` out if the place does not matter.

Known limits
------------
A window that ends at 4 GiB is fine with 64-bit addresses and means "no limit" to a 32-bit kernel, which is the same there.

References
----------
__reserved_mem_alloc_size(), early_init_dt_alloc_reserved_memory_arch(), drivers/of/of_reserved_mem.c; kernel-semantics
3.4; binding rule AD11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import readable_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such entry."""
    end = 1 << 64
    for region in readable_regions(context):
        if not region.is_dynamic:
            continue
        for base, size in region.windows or ():
            if size == 0 and base:
                message = f"the window at 0x{base:x} has size 0: nothing fits into it"
            elif size == 0:
                message = "a window of base 0 and size 0 means anywhere to Linux"
            elif base + size == end and base:
                message = f"the window from 0x{base:x} ends at 2^64, which Linux computes as 0 and takes for no limit"
            elif base + size > end:
                message = f"0x{base:x} + 0x{size:x} is more than 64 bits: the window ends below its base, and nothing fits into it"
            else:
                continue
            yield Problem(path=region.path, prop="alloc-ranges", message=message)


RULE = Rule(
    code="CV207",
    slug="alloc-range-empty",
    severity=Severity.ERROR,
    summary='an entry of `alloc-ranges` is empty, or its end means "anywhere"',
    board=check,
    covers=("AD11",),
    bad=(
        Example("pool { size = <0x0 0x100000>; alloc-ranges = <0x0 0x0 0x0 0x0>; };"),
        Example("pool { size = <0x0 0x100000>; alloc-ranges = <0x0 0x40000000 0x0 0x0>; };"),
        Example("pool { size = <0x0 0x100000>; alloc-ranges = <0x0 0x40000000 0xffffffff 0xc0000000>; };"),
        Example("pool { size = <0x0 0x100000>; alloc-ranges = <0x0 0x40000000 0xffffffff 0xffffffff>; };"),
    ),
    good=(Example("pool { size = <0x0 0x100000>; alloc-ranges = <0x0 0x40000000 0x0 0x20000000>; };"),),
)
