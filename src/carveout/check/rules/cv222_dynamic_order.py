# SPDX-License-Identifier: Apache-2.0
"""What a dynamic region gets depends on the order in which the kernel places regions.

What it checks
--------------
A dynamic region without a place while another dynamic region, which could be elsewhere, lies in its window: a warning. On kernels
that do not keep the order of the tree: two dynamic regions that share a window, a note.

Why it matters
--------------
A region with a wide choice takes the place that another one needs. Which comes first is the order of nodes, or no order at all.

Kernel behaviour
----------------
5.10, 6.1: dynamic regions are placed in the order of the kernel's unstable sort, all of them being (0, 0) by then: with two, the
second first. 6.12, 7.2: in the order of the tree.

Example
-------
See `bad`: a pool without a window takes the end of RAM, which is the window of the next one.

Fix
---
Put the region with the narrow window first, or give the other one a window too, or make one static.

Known limits
------------
Whether another order would place both is not tried.

References
----------
fdt_init_reserved_mem(), fdt_scan_reserved_mem(), drivers/of/of_reserved_mem.c; kernel-semantics 3.5, 3.6; binding rule PL16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot.result import PlacedRegion
    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each region that another one keeps out, and a note for an order that is not the tree's."""
    dynamic = [
        region
        for region in view.boot.regions
        if region.kind == "dynamic" and region.outcome in ("placed", "released", "alloc-failed")
    ]
    if len(dynamic) < 2:
        return
    for region in dynamic:
        other = _in_its_way(region, dynamic)
        if other is not None and other.base is not None:
            yield Problem(
                path=region.path,
                message=(
                    f"it finds no place, and {other.path}, which may lie elsewhere, is at 0x{other.base:x} in its "
                    "window; in another order both may fit"
                ),
                related=(other.path,),
                cause="kept out",
            )
    if view.profile.behaviour.region_table == "sorted-queue":
        first, second = dynamic[0], next((r for r in dynamic[1:] if _share(dynamic[0], r)), None)
        if second is not None:
            yield Problem(
                path=second.path,
                message=(
                    f"it and {first.path} may be placed in the same memory; this kernel does not place them in the order "
                    "of the tree, so that their addresses change when a region is added or removed"
                ),
                related=(first.path,),
                severity=Severity.NOTE,
                cause="sorted",
            )


def _in_its_way(region: PlacedRegion, others: list[PlacedRegion]) -> PlacedRegion | None:
    # A region that takes room from one that found none, although it may be somewhere else.
    if region.outcome != "alloc-failed" or not region.requested_size:
        return None
    for other in others:
        if other is region or other.base is None or other.size is None:
            continue
        place = Span.sized(other.base, other.size)
        taken = not region.alloc_ranges or any(window.overlaps(place) for window in region.alloc_ranges)
        if taken and not _is_inside(other, region):
            return other
    return None


def _is_inside(region: PlacedRegion, other: PlacedRegion) -> bool:
    # All places of `region` are places of `other` too.
    if not other.alloc_ranges:
        return True
    if not region.alloc_ranges:
        return False
    return all(any(theirs.contains(own) for theirs in other.alloc_ranges) for own in region.alloc_ranges)


def _share(one: PlacedRegion, other: PlacedRegion) -> bool:
    if not one.alloc_ranges or not other.alloc_ranges:
        return True
    return any(a.overlaps(b) for a in one.alloc_ranges for b in other.alloc_ranges)


RULE = Rule(
    code="CV222",
    slug="dynamic-order",
    severity=Severity.WARNING,
    summary="what a dynamic region gets depends on the order in which the kernel places regions",
    boot=check,
    covers=("PL16",),
    bad=(
        Example("""
            wide { size = <0x0 0x2000000>; };
            narrow { size = <0x0 0x4000000>; alloc-ranges = <0x0 0x7c000000 0x0 0x4000000>; };
        """),
        Example(
            """
            one { size = <0x0 0x2000000>; };
            two { size = <0x0 0x4000000>; };
        """,
            kernel="6.1",
        ),
    ),
    good=(
        Example("""
            narrow { size = <0x0 0x4000000>; alloc-ranges = <0x0 0x7c000000 0x0 0x4000000>; };
            wide { size = <0x0 0x2000000>; };
        """),
        Example("""
            one { size = <0x0 0x2000000>; };
            two { size = <0x0 0x4000000>; };
        """),
    ),
)
