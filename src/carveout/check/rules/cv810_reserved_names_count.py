# SPDX-License-Identifier: Apache-2.0
"""`reserved-names` and `reserved-ranges` have different numbers of entries.

What it checks
--------------
The names in `reserved-names` of the root against the entries of `reserved-ranges`.

Why it matters
--------------
The names go with the ranges by their order. One too few or too many, and ranges have wrong names.

Kernel behaviour
----------------
No kernel reads the names. hostboot and skiboot write them, tools read them.

Example
-------
See `bad`.

Fix
---
Write one name for each range.

Known limits
------------
None.

References
----------
skiboot, doc/device-tree; binding rule LG14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.context import texts
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield the problem at the root."""
    ranges = context.board.reserved_ranges
    if ranges is None:
        return
    names = context.tree.root.prop("reserved-names")
    count = ranges.length // 16
    if names is not None and len(texts(names)) != count:
        yield Problem(
            path="/",
            prop="reserved-names",
            message=f"{len(texts(names))} names for {count} ranges: they go together by their order",
        )


RULE = Rule(
    code="CV810",
    slug="reserved-names-count",
    severity=Severity.WARNING,
    summary="reserved-names and reserved-ranges differ in number",
    board=check,
    covers=("LG14",),
    bad=(
        Example(
            """
            / { #address-cells = <2>; #size-cells = <2>; reserved-ranges = <0x0 0x1000000 0x0 0x100000>; reserved-names = "a", "b";
                memory@0 { device_type = "memory"; reg = <0x0 0x0 0x0 0x40000000>; };
                cpus { #address-cells = <1>; #size-cells = <0>;
                    PowerPC,POWER8@0 { device_type = "cpu"; compatible = "PowerPC,POWER8"; ibm,pa-features = <0>; reg = <0>; }; };
            };
        """,
            arch="powerpc64",
            whole=True,
        ),
    ),
    good=(
        Example(
            """
            / { #address-cells = <2>; #size-cells = <2>; reserved-ranges = <0x0 0x1000000 0x0 0x100000>; reserved-names = "a";
                memory@0 { device_type = "memory"; reg = <0x0 0x0 0x0 0x40000000>; };
                cpus { #address-cells = <1>; #size-cells = <0>;
                    PowerPC,POWER8@0 { device_type = "cpu"; compatible = "PowerPC,POWER8"; ibm,pa-features = <0>; reg = <0>; }; };
            };
        """,
            arch="powerpc64",
            whole=True,
        ),
    ),
)
