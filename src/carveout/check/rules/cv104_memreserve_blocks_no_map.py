# SPDX-License-Identifier: Apache-2.0
"""A /memreserve/ entry makes the kernel refuse a no-map region.

What it checks
--------------
Static no-map regions that the simulated kernel refuses, and that overlap an entry of the memory reservation block.

Why it matters
--------------
The region stays in the linear map. The processor can read ahead into memory that firmware forbids: a fault at any time.

Kernel behaviour
----------------
5.10, 6.1: the block is reserved first, so a no-map region over it fails with EBUSY (`failed to reserve memory for node
'NAME'`). From 6.4 on (b41328187629) the block comes last, and the region is marked as asked. The EFI stub deletes the block.

Example
-------
See `bad`, after khadas/fenix issue 197: a boot loader adds an entry for the secure monitor.

Fix
---
Remove the entry: the region protects the memory by itself.

Known limits
------------
Entries that a boot loader adds are not in the tree; give carveout the tree the kernel got (/sys/firmware/fdt).

References
----------
early_init_fdt_scan_reserved_mem(), drivers/of/fdt.c; commit b41328187629; khadas/fenix issue 197; kernel-semantics 1.6,
3.3; binding rule PL04.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.overlap import reserve_spans
from carveout.check.structure import kernel_line, prints
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each region that is refused."""
    boot = view.boot
    if boot.profile.behaviour.memreserve != "first" or boot.scene.efi or not view.board.board.reserve_map:
        return
    entries = reserve_spans(view.board)
    for region in boot.regions:
        if region.outcome != "reserve-failed" or not region.nomap:
            continue
        node = view.board.by_path[region.path]
        span = node.span
        entry = next((e for e in entries if span is not None and e.overlaps(span)), None)
        if span is not None and entry is not None:
            yield Problem(
                path=region.path,
                prop="no-map",
                message=(
                    f"/memreserve/ {format_range(entry)} is reserved before this region, so no-map is refused (EBUSY) and "
                    "it stays mapped" + prints(kernel_line(boot, region.path, "failed to reserve"))
                ),
                fix=f"remove the entry /memreserve/ 0x{entry.start:x} 0x{entry.size:x}",
            )


RULE = Rule(
    code="CV104",
    slug="memreserve-blocks-no-map",
    severity=Severity.ERROR,
    summary="a /memreserve/ entry makes the kernel refuse a no-map region",
    boot=check,
    covers=("PL04",),
    bad=(
        Example(
            """/memreserve/ 0x45000000 0x300000;
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                secmon@45000000 { reg = <0x0 0x45000000 0x0 0x300000>; no-map; }; }; };""",
            kernel="6.1",
        ),
    ),
    good=(
        Example(
            """/memreserve/ 0x45000000 0x300000;
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                secmon@45000000 { reg = <0x0 0x45000000 0x0 0x300000>; no-map; }; }; };"""
        ),
        Example(
            """/memreserve/ 0x45000000 0x300000;
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                log@45000000 { reg = <0x0 0x45000000 0x0 0x300000>; }; }; };""",
            kernel="6.1",
        ),
    ),
)
