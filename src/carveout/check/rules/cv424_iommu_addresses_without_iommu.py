# SPDX-License-Identifier: Apache-2.0
"""`iommu-addresses` names a device that is behind no IOMMU.

What it checks
--------------
Whether each device in `iommu-addresses`, or a node above it, has `iommus` or `iommu-map`.

Why it matters
--------------
Without an IOMMU there is nothing to map. The entry has no effect.

Kernel behaviour
----------------
Linux (6.3 on) only looks at the property for devices behind an IOMMU.

Example
-------
See `bad`.

Fix
---
Add `iommus` to the device, or remove the entry.

Known limits
------------
None.

References
----------
of_iommu_get_resv_regions(), drivers/iommu/of_iommu.c; reserved-memory.yaml of dt-schema; binding 3.5, rule
CO20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.iommu import iommu_lists
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext
    from carveout.fdt import Node


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such device."""
    for listed in iommu_lists(context):
        for entry in {entry.target.path: entry for entry in listed.entries}.values():
            node: Node | None = entry.target
            while node is not None and "iommus" not in node and "iommu-map" not in node:
                node = node.parent
            if node is None:
                yield Problem(
                    path=listed.region.path,
                    prop="iommu-addresses",
                    message=f"{entry.target.path} has no iommus and no bus above it an iommu-map: the entry has no effect",
                    related=(entry.target.path,),
                    cause=entry.target.path,
                )


RULE = Rule(
    code="CV424",
    slug="iommu-addresses-without-iommu",
    severity=Severity.WARNING,
    summary="iommu-addresses names a device without an IOMMU",
    board=check,
    covers=("CO20",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fb: framebuffer@50000000 { reg = <0x0 0x50000000 0x0 0x800000>; iommu-addresses = <&display 0x0 0x50000000 0x0 0x800000>; };
                };
                smmu: iommu@9000000 { reg = <0x0 0x9000000 0x0 0x10000>; };
                display: display@1000000 { reg = <0x0 0x1000000 0x0 0x1000>; memory-region = <&fb>; };
                other: other@2000000 { reg = <0x0 0x2000000 0x0 0x1000>; iommus = <&smmu>;  };
            };
        """),
    ),
    good=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fb: framebuffer@50000000 { reg = <0x0 0x50000000 0x0 0x800000>; iommu-addresses = <&display 0x0 0x50000000 0x0 0x800000>; };
                };
                smmu: iommu@9000000 { reg = <0x0 0x9000000 0x0 0x10000>; };
                display: display@1000000 { reg = <0x0 0x1000000 0x0 0x1000>; iommus = <&smmu>; memory-region = <&fb>; };
                other: other@2000000 { reg = <0x0 0x2000000 0x0 0x1000>; iommus = <&smmu>;  };
            };
        """),
    ),
)
