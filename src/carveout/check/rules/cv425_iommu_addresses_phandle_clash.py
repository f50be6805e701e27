# SPDX-License-Identifier: Apache-2.0
"""A number in `iommu-addresses` equals the phandle of another device of the region.

What it checks
--------------
The address and length cells of entries for one device against the phandles of the other devices that refer to
the region.

Why it matters
--------------
Linux looks for the phandle of a device cell by cell. It finds the number and takes what follows for address
and length.

Kernel behaviour
----------------
Linux (6.3 on): of_iommu_get_resv_regions() goes on one cell at a time where an entry is for another device.

Example
-------
See `bad`.

Fix
---
Put the entry of the other device first.

Known limits
------------
None.

References
----------
of_iommu_get_resv_regions(), drivers/iommu/of_iommu.c; reserved-memory.yaml of dt-schema; binding 3.5, rule
CO21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.iommu import iommu_lists
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such number."""
    for listed in iommu_lists(context):
        users = {user.path for user in listed.region.users}
        for entry in listed.entries if len(users) > 1 else ():
            for cell in entry.cells:
                other = context.tree.by_phandle(cell)
                if other is None or other == entry.target or other.path not in users:
                    continue
                yield Problem(
                    path=listed.region.path,
                    prop="iommu-addresses",
                    message=(
                        f"the entry for {entry.target.path} contains 0x{cell:x}, which is the phandle of {other.path}; "
                        "Linux takes it for an entry of that device"
                    ),
                    related=(entry.target.path, other.path),
                    cause=f"{entry.target.path} {other.path}",
                )


RULE = Rule(
    code="CV425",
    slug="iommu-addresses-phandle-clash",
    severity=Severity.WARNING,
    summary="a number in iommu-addresses is taken for a phandle",
    board=check,
    covers=("CO21",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fb: framebuffer@50000000 { reg = <0x0 0x50000000 0x0 0x800000>; iommu-addresses = <&display 0x0 0x50000000 0x0 0x800000>, <&other 0x0 0x50000000 0x0 0x800000>; };
                };
                smmu: iommu@9000000 { reg = <0x0 0x9000000 0x0 0x10000>; };
                display: display@1000000 { reg = <0x0 0x1000000 0x0 0x1000>; iommus = <&smmu>; memory-region = <&fb>; };
                other: other@2000000 { reg = <0x0 0x2000000 0x0 0x1000>; iommus = <&smmu>; memory-region = <&fb>; phandle = <0x800000>; };
            };
        """),
    ),
    good=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fb: framebuffer@50000000 { reg = <0x0 0x50000000 0x0 0x800000>; iommu-addresses = <&display 0x0 0x50000000 0x0 0x800000>, <&other 0x0 0x50000000 0x0 0x800000>; };
                };
                smmu: iommu@9000000 { reg = <0x0 0x9000000 0x0 0x10000>; };
                display: display@1000000 { reg = <0x0 0x1000000 0x0 0x1000>; iommus = <&smmu>; memory-region = <&fb>; };
                other: other@2000000 { reg = <0x0 0x2000000 0x0 0x1000>; iommus = <&smmu>; memory-region = <&fb>; };
            };
        """),
    ),
)
