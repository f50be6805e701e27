# SPDX-License-Identifier: Apache-2.0
"""No window of `alloc-ranges` can hold the region, whatever RAM there is.

What it checks
--------------
Dynamic regions that get no place in the simulated boot: whether `size` at the alignment the kernel uses goes into any of the
windows at all. RAM need not be known.

Why it matters
--------------
The region is never allocated.

Kernel behaviour
----------------
All versions: `failed to allocate memory for node 'NAME'`. For a contiguous pool the alignment is raised to what this
kernel's page allocator needs, 2 MiB with 4 KiB pages on arm64 and 32 MiB with 16 KiB pages.

Example
-------
See `bad`: the second number of a window is its size, not its end.

Fix
---
Enlarge the window.

Known limits
------------
None.

References
----------
__reserved_mem_alloc_in_range(), drivers/of/of_reserved_mem.c; kernel-semantics 3.4, 4.1; binding rule AD12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import fits, kernel_line, prints, without_place
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region, size, align in without_place(view):
        windows = region.alloc_ranges
        if not windows or any(fits(window, size, align) for window in windows):
            continue
        largest = max(windows, key=lambda window: window.size)
        shown = f"{format_range(largest)} (0x{largest.size:x} bytes)" if largest.size else "an empty one"
        yield Problem(
            path=region.path,
            prop="alloc-ranges",
            message=(
                f"size 0x{size:x} aligned to 0x{align:x} does not go into {'the window' if len(windows) == 1 else 'any of the windows; the largest is'} "
                f"{shown}" + prints(kernel_line(view.boot, region.path, "failed to allocate"))
            ),
        )


RULE = Rule(
    code="CV208",
    slug="alloc-range-too-small",
    severity=Severity.ERROR,
    summary="no window of `alloc-ranges` can hold the region, whatever RAM there is",
    boot=check,
    covers=("AD12", "corpus-alloc-ranges-too-small"),
    bad=(
        Example("""
            / { memory@40000000 { reg = <0x0 0x40000000 0x0 0x0>; };
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool { size = <0x0 0x4000000>; alloc-ranges = <0x0 0x40000000 0x0 0x2000000>; };
                };
            };
        """),
        Example("pool { size = <0x0 0x4000000>; alloc-ranges = <0x0 0x40000000 0x0 0x2000000>; };"),
        Example(
            """pool { compatible = "shared-dma-pool"; size = <0x0 0x2000000>; reusable;
                alloc-ranges = <0x0 0x41000000 0x0 0x2000000>; };""",
            page_size=16384,
        ),
    ),
    good=(
        Example("pool { size = <0x0 0x4000000>; alloc-ranges = <0x0 0x50000000 0x0 0x4000000>; };"),
        Example(
            """pool { compatible = "shared-dma-pool"; size = <0x0 0x2000000>; reusable;
                alloc-ranges = <0x0 0x51000000 0x0 0x2000000>; };"""
        ),
    ),
)
