# SPDX-License-Identifier: Apache-2.0
"""`linux,usable-memory-range` is not one or two whole ranges.

What it checks
--------------
The length of `linux,usable-memory-range` in `/chosen`: one entry in the cells of the root; two are accepted
by Linux.

Why it matters
--------------
RAM outside is dropped. A range that is read wrongly can leave no RAM at all.

Kernel behaviour
----------------
5.10: the first entry, on arm64 only, however long the property is. 6.1, 6.12: up to two entries; a short last
one is completed from what follows in the blob, which leaves a few bytes of RAM: `Failed to allocate page
table page`. 7.2: a wrong length means no range at all.

Example
-------
See `bad`.

Fix
---
Write one entry, or two for a crash kernel with low memory.

Known limits
------------
Two entries are a note: the schema allows one.

References
----------
early_init_dt_check_for_usable_mem_range(), drivers/of/fdt.c; kernel-semantics 6.3; chosen.yaml of dt-schema;
binding rule LX11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such property."""
    for chosen in context.board.chosen:
        prop = chosen.usable_memory_range
        if prop is None or context.entry_bytes in (prop.length, 0):
            continue
        count, rest = divmod(prop.length, context.entry_bytes)
        if rest or not count:
            yield Problem(
                path=chosen.path,
                prop="linux,usable-memory-range",
                message=(
                    f"it has {prop.length} bytes, no multiple of {context.entry_bytes}; 6.1 and 6.12 complete the last range "
                    "from whatever follows in the blob, which can leave no RAM, and 7.2 ignores the property"
                ),
                severity=Severity.ERROR,
            )
        elif count == 2:
            yield Problem(
                path=chosen.path,
                prop="linux,usable-memory-range",
                message="two ranges: Linux from 6.1 on uses both, 5.10 and the schema know one",
                severity=Severity.NOTE,
            )
        else:
            yield Problem(
                path=chosen.path,
                prop="linux,usable-memory-range",
                message=f"{count} ranges; Linux uses the first two and drops the RAM of the others",
            )


RULE = Rule(
    code="CV712",
    slug="usable-range-shape",
    severity=Severity.WARNING,
    summary="linux,usable-memory-range is not one range",
    board=check,
    covers=("LX11",),
    bad=(
        Example("""
            / { chosen { linux,usable-memory-range = <0x0 0x40000000 0x0>; }; };
        """),
        Example("""
            / { chosen { linux,usable-memory-range = <0x0 0x40000000 0x0 0x1000000 0x0 0x50000000 0x0 0x1000000 0x0 0x60000000 0x0 0x1000000>; }; };
        """),
        Example("""
            / { chosen { linux,usable-memory-range = <0x0 0x40000000 0x0 0x20000000 0x0 0x70000000 0x0 0x1000000>; }; };
        """),
    ),
    good=(
        Example("""
            / { chosen { linux,usable-memory-range = <0x0 0x40000000 0x0 0x20000000>; }; };
        """),
    ),
)
