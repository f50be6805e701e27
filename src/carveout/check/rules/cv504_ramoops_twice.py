# SPDX-License-Identifier: Apache-2.0
"""There is more than one ramoops region.

What it checks
--------------
Enabled children of `/reserved-memory` with compatible `ramoops`.

Why it matters
--------------
Only one is used, the one that is probed first. The memory of the others is lost, and the crash log may be where nobody looks.

Kernel behaviour
----------------
All versions: the driver keeps one area; a second one fails, `ramoops: already initialized`.

Example
-------
See `bad`: a board adds its own and does not delete the one of the include.

Fix
---
Delete or disable the others.

Known limits
------------
None.

References
----------
ramoops_probe(), fs/pstore/ram.c; binding rule SH16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.ramoops import ramoops_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for the second region and each one after it."""
    found = ramoops_regions(context)
    for region in found[1:]:
        first = found[0]
        yield Problem(
            path=region.path,
            prop="compatible",
            message=(
                f"{first.path} is a ramoops region already; the driver uses one and refuses the other "
                '("already initialized"), whose memory is lost'
            ),
            related=(first.path,),
        )


RULE = Rule(
    code="CV504",
    slug="ramoops-twice",
    severity=Severity.WARNING,
    summary="there is more than one ramoops region",
    board=check,
    covers=("SH16",),
    bad=(
        Example("""
            ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x40000>; console-size = <0x40000>; };
            ramoops@51000000 { compatible = "ramoops"; reg = <0x0 0x51000000 0x0 0x40000>; console-size = <0x40000>; };
        """),
    ),
    good=(
        Example("""
            ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x40000>; console-size = <0x40000>;
                status = "disabled"; };
            ramoops@51000000 { compatible = "ramoops"; reg = <0x0 0x51000000 0x0 0x40000>; console-size = <0x40000>; };
        """),
    ),
)
