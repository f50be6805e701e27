# SPDX-License-Identifier: Apache-2.0
"""A /memreserve/ entry and a region share addresses.

What it checks
--------------
Every entry of the memory reservation block against every enabled static region. An entry with base and size of a region that is
mapped is only redundant: a note.

Why it matters
--------------
The block says less than a region: no name, no no-map. If the two differ, one of them is wrong. With a no-map region the
result depends on the kernel.

Kernel behaviour
----------------
5.10, 6.1: the block comes first, and a no-map region over it is refused (CV104). From 6.4 on the block comes last and
changes nothing. The EFI stub deletes the block.

Example
-------
See `bad`.

Fix
---
Keep the region and remove the entry.

Known limits
------------
None.

References
----------
early_init_fdt_scan_reserved_mem(), drivers/of/fdt.c; Devicetree Specification, chapter 5; kernel-semantics 1.6; binding rules
PL04, PL05.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.overlap import reserve_spans
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each entry over a region."""
    if not context.board.reserve_map:
        return
    for entry in reserve_spans(context):
        for region, span in context.static:
            if not entry.overlaps(span):
                continue
            redundant = entry == span and not region.raw.no_map
            if region.raw.no_map:
                follows = (
                    "kernels before 6.4 refuse no-map where the block has reserved; newer ones need no entry"
                )
            elif entry == span:
                follows = "the entry is redundant"
            else:
                follows = "the two differ, so one of them does not say what is meant"
            yield Problem(
                path=region.path,
                prop="reg",
                message=f"/memreserve/ {format_range(entry)} shares addresses with this region, {format_range(span)}; {follows}",
                fix=f"remove the entry /memreserve/ 0x{entry.start:x} 0x{entry.size:x}"
                if span.contains(entry)
                else None,
                severity=Severity.NOTE if redundant else None,
            )


RULE = Rule(
    code="CV105",
    slug="memreserve-and-region",
    severity=Severity.WARNING,
    summary="a /memreserve/ entry and a region share addresses",
    board=check,
    covers=("PL04", "PL05", "corpus-memreserve-overlap"),
    bad=(
        Example("""/memreserve/ 0x45000000 0x300000;
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                secmon@45000000 { reg = <0x0 0x45000000 0x0 0x300000>; no-map; }; }; };"""),
        Example("""/memreserve/ 0x45000000 0x300000;
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                log@45200000 { reg = <0x0 0x45200000 0x0 0x300000>; }; }; };"""),
        Example("""/memreserve/ 0x45000000 0x300000;
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                log@45000000 { reg = <0x0 0x45000000 0x0 0x300000>; }; }; };"""),
    ),
    good=(
        Example("""/memreserve/ 0x45000000 0x300000;
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                log@45300000 { reg = <0x0 0x45300000 0x0 0x300000>; }; }; };"""),
    ),
)
