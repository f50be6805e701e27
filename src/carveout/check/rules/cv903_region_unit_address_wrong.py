# SPDX-License-Identifier: Apache-2.0
"""The unit address of a region is not its base.

What it checks
--------------
The unit address of static regions against the base in the first entry of `reg`. The form with two numbers that
U-Boot and OpenSBI write, `@1,80000000`, is read as one number.

Why it matters
--------------
One of the two is a slip. If it is `reg`, firmware's memory is not protected.

Kernel behaviour
----------------
Linux goes by `reg`. Messages and drivers' look-ups use the name.

Example
-------
See `bad`. Linux has `ramoops@b3e00000` with a base of 0xbb000000 (clemente), `dsp@92400000` at 0x6f000000 (imx8mp),
`npu-flag@84b0000` at 0x84b00000 (en7581).

Fix
---
Correct the name, once it is certain that `reg` is right.

Known limits
------------
None.

References
----------
Devicetree specification, section 2.2.1; binding rule ST15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import children, has_root_cells, unit_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in children(context):
        if not region.entries or "@" not in region.name:
            continue
        said, base = unit_number(region.name.partition("@")[2]), region.entries[0][0]
        if said is not None and said != base and has_root_cells(context):
            yield Problem(
                path=region.path,
                prop="reg",
                message=(
                    f"the name says 0x{said:x}, reg says 0x{base:x}; Linux goes by reg, and if the name is right the "
                    "memory that is meant is not reserved"
                ),
                fix=f"call it {region.base_name}@{base:x} if reg is right",
            )


RULE = Rule(
    code="CV903",
    slug="region-unit-address-wrong",
    severity=Severity.WARNING,
    summary="the unit address of a region is not its base",
    board=check,
    covers=("ST15", "corpus-unit-address-wrong"),
    bad=(
        Example("ramoops@53e00000 { reg = <0x0 0x5b000000 0x0 0x100000>; };"),
        Example("npu-flag@5b0000 { reg = <0x0 0x5b00000 0x0 0x1000>; };"),
    ),
    good=(
        Example("ramoops@5b000000 { reg = <0x0 0x5b000000 0x0 0x100000>; };"),
        Example("mmode_resv0@1,80000000 { reg = <0x1 0x80000000 0x0 0x40000>; no-map; };"),
        Example("optee@0x50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),
    ),
)
