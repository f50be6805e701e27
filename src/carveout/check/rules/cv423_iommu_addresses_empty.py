# SPDX-License-Identifier: Apache-2.0
"""An entry of `iommu-addresses` has length 0.

What it checks
--------------
The length in each entry.

Why it matters
--------------
Nothing is kept free and nothing is mapped for the device.

Kernel behaviour
----------------
Linux (6.3 on) makes no reservation of it.

Example
-------
See `bad`.

Fix
---
Write the length of the region, in the cells of the bus of the device.

Known limits
------------
None.

References
----------
of_iommu_get_resv_regions(), drivers/iommu/of_iommu.c; reserved-memory.yaml of dt-schema; binding 3.5, rule
CO19.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.iommu import iommu_lists
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such entry."""
    for listed in iommu_lists(context):
        for entry in listed.entries:
            if entry.size == 0:
                yield Problem(
                    path=listed.region.path,
                    prop="iommu-addresses",
                    message=f"the entry for {entry.target.path} has length 0: nothing is mapped or kept free for it",
                    related=(entry.target.path,),
                    cause=f"{entry.target.path} 0x{entry.base:x}",
                )


RULE = Rule(
    code="CV423",
    slug="iommu-addresses-empty",
    severity=Severity.ERROR,
    summary="an entry of iommu-addresses has length 0",
    board=check,
    covers=("CO19",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fb: framebuffer@50000000 { reg = <0x0 0x50000000 0x0 0x800000>; iommu-addresses = <&display 0x0 0x50000000 0x0 0x0>; };
                };
                smmu: iommu@9000000 { reg = <0x0 0x9000000 0x0 0x10000>; };
                display: display@1000000 { reg = <0x0 0x1000000 0x0 0x1000>; iommus = <&smmu>; memory-region = <&fb>; };
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
