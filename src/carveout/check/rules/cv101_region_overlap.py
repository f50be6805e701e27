# SPDX-License-Identifier: Apache-2.0
"""Two enabled static regions share addresses.

What it checks
--------------
The first `reg` entry of each enabled child of `/reserved-memory` against all others. Two regions with the same
base and size are CV102's; regions of which exactly one is no-map are CV103's.

Why it matters
--------------
Each owner believes the memory is its own. What one writes the other reads.

Kernel behaviour
----------------
5.10, 6.1: both are reserved; `OF: reserved mem: OVERLAP DETECTED!` is printed for neighbours in the sorted table:
a region that holds two others is told about the first of them only.
6.12, 7.2: the same, and dynamic regions are compared too. No version refuses either of them. If a region driver
then refuses one of them, its memory is given back, also the part that the other one needs.

Example
-------
See `bad`: a firmware region enlarged until it covers the next one.

Fix
---
Shrink or move one of them. Which one is a question for the firmware that uses it.

Known limits
------------
Entries of `reg` after the first are not looked at; CV111 reports them.

References
----------
__rmem_check_for_overlap(), drivers/of/of_reserved_mem.c; kernelci-project issue 105 (sc7180-trogdor);
kernel-semantics 3.8; binding rule PL01.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext, Region
    from carveout.span import Span


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each pair, told at the one that begins higher."""
    open_regions: list[tuple[Region, Span]] = []
    below = None
    for region, span in context.static:
        open_regions = [(other, there) for other, there in open_regions if there.end > span.start]
        for other, there in open_regions:
            if there != span and other.raw.no_map == region.raw.no_map:
                shared = min(there.end, span.end) - span.start
                printed = (
                    ' and prints "OVERLAP DETECTED!"'
                    if other is below
                    else ", and prints nothing about it, since it compares neighbours alone"
                )
                yield Problem(
                    path=region.path,
                    prop="reg",
                    message=(
                        f"0x{span.start:x}..0x{span.end - 1:x} shares 0x{shared:x} bytes with {other.path} "
                        f"(0x{there.start:x}..0x{there.end - 1:x}); Linux reserves both{printed}; "
                        "what one user writes the other one reads"
                    ),
                    related=(other.path,),
                )
        open_regions.append((region, span))
        below = region


RULE = Rule(
    code="CV101",
    slug="region-overlap",
    severity=Severity.ERROR,
    summary="two static regions share addresses",
    board=check,
    covers=("PL01",),
    bad=(
        Example("""
            modem@46000000 { reg = <0x0 0x46000000 0x0 0x2c00000>; no-map; };
            ipa-firmware@48700000 { reg = <0x0 0x48700000 0x0 0x10000>; no-map; };
        """),
    ),
    good=(
        Example("""
            modem@46000000 { reg = <0x0 0x46000000 0x0 0x2700000>; no-map; };
            ipa-firmware@48700000 { reg = <0x0 0x48700000 0x0 0x10000>; no-map; };
        """),
    ),
)
