# SPDX-License-Identifier: Apache-2.0
"""Two /memreserve/ entries share addresses.

What it checks
--------------
The entries of the memory reservation block against each other.

Why it matters
--------------
The specification forbids it. One of the entries is not what is meant, or a boot loader has added its own to a tree that had it
already.

Kernel behaviour
----------------
All versions reserve both without a message. kexec removes and adds entries by exact base and size, and can leave half of such a
pair behind.

Example
-------
See `bad`.

Fix
---
Merge the two, or remove one.

Known limits
------------
None.

References
----------
Devicetree Specification, chapter 5.3; early_init_fdt_scan_reserved_mem(), drivers/of/fdt.c; drivers/of/kexec.c; binding rule
PL06.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.overlap import reserve_spans
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext
    from carveout.span import Span


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each entry that begins below the end of another."""
    if len(context.board.reserve_map) < 2:
        return
    reach: Span | None = None
    for entry in sorted(reserve_spans(context)):
        if reach is not None and reach.overlaps(entry):
            yield Problem(
                path="/",
                message=(
                    f"/memreserve/ {format_range(entry)} "
                    + (
                        "is there twice"
                        if entry == reach
                        else f"shares addresses with /memreserve/ {format_range(reach)}"
                    )
                    + "; the specification forbids it, Linux reserves both"
                ),
            )
        if reach is None or entry.end > reach.end:
            reach = entry


RULE = Rule(
    code="CV106",
    slug="memreserve-overlap",
    severity=Severity.ERROR,
    summary="two /memreserve/ entries share addresses",
    board=check,
    covers=("PL06", "corpus-memreserve-overlap"),
    bad=(
        Example("/memreserve/ 0x45000000 0x300000; /memreserve/ 0x45200000 0x100000; / { };", whole=True),
        Example("/memreserve/ 0x45000000 0x300000; /memreserve/ 0x45000000 0x300000; / { };", whole=True),
    ),
    good=(Example("/memreserve/ 0x45000000 0x300000; /memreserve/ 0x45300000 0x100000; / { };", whole=True),),
)
