# SPDX-License-Identifier: Apache-2.0
"""A dynamic region is, or can be, placed on a /memreserve/ entry.

What it checks
--------------
Where the simulated kernel places dynamic regions, against the memory reservation block. An entry that the region only could be
placed on (it is in its windows, and this kernel reads the block last) is a note.

Why it matters
--------------
Who asked for the entry and the owner of the region use the same memory, and nothing in the kernel's log says so.

Kernel behaviour
----------------
5.10, 6.1: the block comes first, dynamic regions avoid it. From 6.4 on (b41328187629) it comes after the regions: a
dynamic region can be placed on it, without a message. The EFI stub deletes the block.

Example
-------
See `bad`: the entry is at the end of RAM, where the kernel looks first.

Fix
---
Make the entry a static region in `/reserved-memory`: those are placed before dynamic ones on every kernel.

Known limits
------------
Entries that a boot loader adds are not in the tree. Without RAM only the note is possible.

References
----------
early_init_fdt_scan_reserved_mem(), drivers/of/fdt.c; commit b41328187629; kernel-semantics 1.6, 3.4; binding rule PL07.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.overlap import reserve_spans
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carveout.boot.result import PlacedRegion
    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each dynamic region with an entry below it, or in its windows."""
    boot = view.boot
    if not view.board.board.reserve_map or boot.profile.behaviour.memreserve == "first" or boot.scene.efi:
        return
    entries = reserve_spans(view.board)
    for region in boot.regions:
        if region.kind != "dynamic" or region.outcome == "ignored":
            continue
        if region.base is not None and region.size is not None:
            place = Span.sized(region.base, region.size)
            hit = next((entry for entry in entries if entry.overlaps(place)), None)
            if hit is not None:
                yield Problem(
                    path=region.path,
                    message=(
                        f"it is placed at {format_range(place)}, on /memreserve/ {format_range(hit)}: this kernel reads "
                        "the memory reservation block after the regions; make the entry a static region"
                    ),
                    cause="placed",
                )
                continue
        near = _within_reach(region, entries, boot.scene.memory)
        if near is not None:
            hint = "" if boot.ram_known else "; pass --memory SIZE@BASE to see where it is placed"
            yield Problem(
                path=region.path,
                message=(
                    f"it could be placed on /memreserve/ {format_range(near)}, which this kernel reserves after it{hint}"
                ),
                severity=Severity.NOTE,
                cause="possible",
            )


def _within_reach(region: PlacedRegion, entries: Sequence[Span], ram: Sequence[Span]) -> Span | None:
    # The first entry that is RAM, as far as that is known, and in the windows of the region. A place is never 0, so
    # that the lowest possible one is the alignment.
    for entry in entries:
        if entry.end <= (region.align or 0):
            continue
        in_window = not region.alloc_ranges or any(entry.overlaps(window) for window in region.alloc_ranges)
        if in_window and (not ram or any(entry.overlaps(bank) for bank in ram)):
            return entry
    return None


RULE = Rule(
    code="CV107",
    slug="dynamic-on-memreserve",
    severity=Severity.ERROR,
    summary="a dynamic region is, or can be, placed on a /memreserve/ entry",
    boot=check,
    covers=("PL07",),
    bad=(
        Example("""/memreserve/ 0x7f000000 0x1000000;
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                pool { size = <0x0 0x4000000>; }; }; };"""),
        Example("""/memreserve/ 0x40000000 0x1000;
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                pool { size = <0x0 0x4000000>; }; }; };"""),
    ),
    good=(
        Example(
            """/memreserve/ 0x7f000000 0x1000000;
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                pool { size = <0x0 0x4000000>; }; }; };""",
            kernel="6.1",
        ),
        Example("""/memreserve/ 0x40000000 0x1000;
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                pool { size = <0x0 0x4000000>; alloc-ranges = <0x0 0x60000000 0x0 0x10000000>; }; }; };"""),
    ),
)
