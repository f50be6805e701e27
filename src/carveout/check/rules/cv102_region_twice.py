# SPDX-License-Identifier: Apache-2.0
"""Two enabled static regions have the same base and size.

What it checks
--------------
The first `reg` entry of each enabled child of `/reserved-memory` against all others. Of two equal ones the later in the tree
is reported. Regions of which exactly one is no-map are CV103's.

Why it matters
--------------
Mostly a board file gives a region a new name and forgets to delete the one it includes. The memory is protected, but it
has two owners, and a later change of one leaves the other behind.

Kernel behaviour
----------------
All versions reserve it twice without a word and print `OF: reserved mem: OVERLAP DETECTED!` with the two names, where they are
neighbours in the kernel's sorted table.

Example
-------
See `bad`. The sc7280 Chromebooks of Linux 6.12 have `video@8b200000` and `memory@8b200000`.

Fix
---
Delete the node that comes with the include (`/delete-node/ &label;`), or use it.

Known limits
------------
None.

References
----------
__rmem_check_for_overlap(), drivers/of/of_reserved_mem.c; kernel-semantics 3.8; binding rule PL02.
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
        if pair.first_span == pair.second_span and pair.first.raw.no_map == pair.second.raw.no_map:
            yield Problem(
                path=pair.second.path,
                prop="reg",
                message=(
                    f"{format_range(pair.second_span)} is {pair.first.path} already, with the same base and size; Linux "
                    'reserves both and prints "OVERLAP DETECTED!"; one of the two nodes is left over'
                ),
                related=(pair.first.path,),
            )


RULE = Rule(
    code="CV102",
    slug="region-twice",
    severity=Severity.WARNING,
    summary="two static regions have the same base and size",
    board=check,
    covers=("PL02",),
    bad=(
        Example("""
            memory@4b200000 { reg = <0x0 0x4b200000 0x0 0x500000>; no-map; };
            video@4b200000 { reg = <0x0 0x4b200000 0x0 0x500000>; no-map; };
        """),
    ),
    good=(
        Example("""
            memory@4b200000 { reg = <0x0 0x4b200000 0x0 0x500000>; no-map; status = "disabled"; };
            video@4b200000 { reg = <0x0 0x4b200000 0x0 0x500000>; no-map; };
        """),
    ),
)
