# SPDX-License-Identifier: Apache-2.0
"""Two regions have the same name.

What it checks
--------------
The full names, with unit address, of the enabled regions.

Why it matters
--------------
From 6.12 on a driver's region is looked up by the name of the node: one of the two devices gets the memory of the other.

Kernel behaviour
----------------
5.10, 6.1: looked up by the node when a device binds, by name in of_reserved_mem_lookup(). 6.12, 7.2: always by name, the
first one in the sorted table is found.

Example
-------
See `bad`: two nodes that hold regions, each with one of that name.

Fix
---
Give each region a name of its own.

Known limits
------------
dtc makes one node of two with the same name, so that within one node only a blob written by firmware can have this.

References
----------
of_reserved_mem_lookup(), drivers/of/of_reserved_mem.c; kernel-semantics 5.1; binding rule ST17.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext, Region


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem at the second of two."""
    seen: dict[str, Region] = {}
    for region in context.all_regions:
        if region.depth > 1 or not region.is_enabled:
            continue
        first = seen.setdefault(region.name, region)
        if first is not region:
            yield Problem(
                path=region.path,
                message=(
                    f"another region is called {region.name} too; Linux from 6.12 on finds the region of a device by "
                    "its name, so that a device can get the wrong memory"
                ),
                related=(first.path,) if first.path != region.path else (),
            )


RULE = Rule(
    code="CV016",
    slug="region-name-twice",
    severity=Severity.ERROR,
    summary="two regions have the same name",
    board=check,
    covers=("ST17",),
    bad=(
        Example("""
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
                };
                reserved-memory@1 { #address-cells = <2>; #size-cells = <2>; ranges;
                    fw@50000000 { reg = <0x0 0x50000000 0x0 0x200000>; no-map; };
                };
            };
        """),
    ),
    good=(
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
            fw@50100000 { reg = <0x0 0x50100000 0x0 0x100000>; no-map; };
        """),
    ),
)
