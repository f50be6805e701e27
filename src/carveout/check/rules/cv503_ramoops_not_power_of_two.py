# SPDX-License-Identifier: Apache-2.0
"""The size of a part of a ramoops region is not a power of two.

What it checks
--------------
`record-size`, `console-size`, `ftrace-size` and `pmsg-size`.

Why it matters
--------------
The driver takes less than was asked for. What console and others lose is used for records, if there are records.

Kernel behaviour
----------------
All versions round each part down to a power of two, without a message.

Example
-------
See `bad`: a console of 0x60000 bytes has 0x40000.

Fix
---
Write the power of two that is meant.

Known limits
------------
None.

References
----------
ramoops_probe(), fs/pstore/ram.c; binding rule SH15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.ramoops import part_sizes, power_of_two_below, ramoops_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such part."""
    for region in ramoops_regions(context):
        for name, size in part_sizes(region):
            if size & (size - 1):
                yield Problem(
                    path=region.path,
                    prop=name,
                    message=(
                        f"{name} 0x{size:x} is not a power of two; the driver rounds it down to "
                        f"0x{power_of_two_below(size):x}"
                    ),
                )


RULE = Rule(
    code="CV503",
    slug="ramoops-not-power-of-two",
    severity=Severity.WARNING,
    summary="the size of a part of a ramoops region is not a power of two",
    board=check,
    covers=("SH15", "corpus-ramoops-power-of-two"),
    bad=(
        Example(
            'ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x100000>; console-size = <0x60000>; };'
        ),
    ),
    good=(
        Example(
            'ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x100000>; console-size = <0x40000>; };'
        ),
    ),
)
