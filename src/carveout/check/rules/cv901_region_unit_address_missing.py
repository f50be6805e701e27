# SPDX-License-Identifier: Apache-2.0
"""A static region has no unit address.

What it checks
--------------
The names of the children of `/reserved-memory` with a `reg`.

Why it matters
--------------
The place of the region cannot be seen from its name, and from 6.12 on the name is what drivers find it by.

Kernel behaviour
----------------
None.

Example
-------
See `bad`. sm8650-ayaneo-pocket-s2 has `splash-region` and `lost-reg-mem`.

Fix
---
Put `@` and the base of `reg`, in lower case without 0x, behind the name.

Known limits
------------
Remote processor drivers take the part before `@`; a boot loader may look for the node by its full path.

References
----------
Devicetree specification, section 3.5.2; dtc's unit_address_vs_reg; binding rule ST13.
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
        span = region.span
        if span is not None and "@" not in region.name:
            yield Problem(
                path=region.path,
                prop="reg",
                message=f"{region.name} has a reg and no unit address, expected {region.name}@{span.start:x}",
                fix=f"call it {region.name}@{span.start:x}",
            )


RULE = Rule(
    code="CV901",
    slug="region-unit-address-missing",
    severity=Severity.WARNING,
    summary="a static region has no unit address",
    board=check,
    covers=("ST13", "corpus-unit-address-missing"),
    bad=(Example("splash { reg = <0x0 0x50000000 0x0 0x800000>; };"),),
    good=(
        Example("splash@50000000 { reg = <0x0 0x50000000 0x0 0x800000>; };"),
        Example("splash { size = <0x0 0x800000>; };"),
    ),
)
