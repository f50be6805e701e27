# SPDX-License-Identifier: Apache-2.0
"""A ramoops region names no part.

What it checks
--------------
That at least one of `record-size`, `console-size`, `ftrace-size` and `pmsg-size` is there and not 0.

Why it matters
--------------
The driver does not start, and nothing is recorded.

Kernel behaviour
----------------
All versions: `The memory size and the record/console size must be non-zero`.

Example
-------
See `bad`.

Fix
---
Add `record-size`, `console-size`, or both.

Known limits
------------
None.

References
----------
ramoops_probe(), fs/pstore/ram.c; ramoops.yaml; binding rule SH14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.ramoops import part_sizes, ramoops_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in ramoops_regions(context):
        if next(part_sizes(region), None) is None:
            yield Problem(
                path=region.path,
                prop="compatible",
                message=(
                    "none of record-size, console-size, ftrace-size and pmsg-size is given; the driver fails "
                    '("The memory size and the record/console size must be non-zero") and nothing is recorded'
                ),
            )


RULE = Rule(
    code="CV502",
    slug="ramoops-no-size",
    severity=Severity.ERROR,
    summary="a ramoops region names no part",
    board=check,
    covers=("SH14",),
    bad=(
        Example('ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x40000>; };'),
        Example(
            'ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x40000>; console-size = <0>; };'
        ),
    ),
    good=(
        Example(
            'ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x40000>; record-size = <0x10000>; };'
        ),
    ),
)
