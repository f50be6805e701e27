# SPDX-License-Identifier: Apache-2.0
"""A dynamic region has a unit address.

What it checks
--------------
The names of the children of `/reserved-memory` without a `reg`.

Why it matters
--------------
The name promises a place that the region does not have.

Kernel behaviour
----------------
None.

Example
-------
See `bad`.

Fix
---
Drop the `@` and what follows.

Known limits
------------
None.

References
----------
Devicetree specification, section 3.5.2; dtc's unit_address_vs_reg; binding rule ST14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import children

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in children(context):
        if region.is_dynamic and "@" in region.name:
            yield Problem(
                path=region.path,
                prop="size",
                message=(
                    f"{region.name} has a unit address and no reg; the kernel chooses the place, expected "
                    f"{region.base_name}"
                ),
                fix=f"call it {region.base_name}",
            )


RULE = Rule(
    code="CV902",
    slug="region-unit-address-surplus",
    severity=Severity.WARNING,
    summary="a dynamic region has a unit address",
    board=check,
    covers=("ST14",),
    bad=(Example("linux,cma@0 { size = <0x0 0x4000000>; };"),),
    good=(
        Example("linux,cma { size = <0x0 0x4000000>; };"),
        Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; };"),
    ),
)
