# SPDX-License-Identifier: Apache-2.0
"""Two enabled static regions share addresses, and one of them is no-map.

What it checks
--------------
The first `reg` entry of each enabled child of `/reserved-memory` against all others, where exactly one of the two has `no-map`.
With a pool in it too: a `shared-dma-pool` is no reason to allow an overlap.

Why it matters
--------------
Memory is mapped or it is not. Either the no-map region stays mapped, and the processor can read ahead into memory that firmware
forbids, or the mapped one is taken out of the map, and the first access to it through the linear map faults. A reusable
pool gives such pages to any process.

Kernel behaviour
----------------
All versions reserve in the order of the tree. no-map first: both are accepted, the shared part has no mapping. no-map
last: 5.10 refuses it where anything is reserved, 6.1 and newer where that also is RAM
(`failed to reserve memory for node 'NAME': base …, size … MiB`); nothing of it is taken out of the map. Region drivers use
it all the same from 6.12 on. `OVERLAP DETECTED!` is printed in both cases.

Example
-------
See `bad`: a contiguous pool over the memory of a secure monitor (armbian/build PR 10587).

Fix
---
Move or shrink one of them.

Known limits
------------
Entries of `reg` after the first are not looked at; CV111 reports them.

References
----------
early_init_dt_reserve_memory(), __rmem_check_for_overlap(), drivers/of/of_reserved_mem.c; armbian/build PR 10587;
kernel-semantics 3.3, 3.8; binding rule PL03.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.overlap import overlapping
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each pair, told at the later node."""
    for pair in overlapping(context):
        first, second = pair.first, pair.second
        if first.raw.no_map == second.raw.no_map:
            continue
        if second.raw.no_map:
            follows = (
                f"Linux reserves {first.path} first and then refuses to take this no-map region out of the linear map "
                "where it is RAM: it stays mapped"
            )
        elif second.raw.reusable and second.has("shared-dma-pool"):
            follows = (
                f"Linux takes {first.path} out of the linear map and then makes a pool here: its pages without a "
                "mapping are given to anybody"
            )
        else:
            follows = f"Linux takes {first.path} out of the linear map, and with it this region, which asks to be mapped"
        yield Problem(
            path=second.path,
            prop="reg",
            message=(
                f"{format_range(pair.second_span)} shares 0x{pair.shared.size:x} bytes with {first.path} "
                f"({format_range(pair.first_span)}), of which only {'this' if second.raw.no_map else 'that'} is no-map; {follows}"
            ),
            related=(first.path,),
        )


RULE = Rule(
    code="CV103",
    slug="region-overlap-no-map",
    severity=Severity.ERROR,
    summary="two static regions share addresses, and one of them is no-map",
    board=check,
    covers=("PL03", "corpus-overlap-with-pool"),
    bad=(
        Example("""
            secmon@50000000 { reg = <0x0 0x50000000 0x0 0x200000>; no-map; };
            pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; };
        """),
        Example("""
            log@50000000 { reg = <0x0 0x50000000 0x0 0x200000>; };
            secmon@50100000 { reg = <0x0 0x50100000 0x0 0x200000>; no-map; };
        """),
        Example("""
            secmon@50100000 { reg = <0x0 0x50100000 0x0 0x200000>; no-map; };
            log@50000000 { reg = <0x0 0x50000000 0x0 0x200000>; };
        """),
    ),
    good=(
        Example("""
            secmon@50000000 { reg = <0x0 0x50000000 0x0 0x200000>; no-map; };
            pool@50200000 { compatible = "shared-dma-pool"; reg = <0x0 0x50200000 0x0 0x4000000>; reusable; };
        """),
    ),
)
