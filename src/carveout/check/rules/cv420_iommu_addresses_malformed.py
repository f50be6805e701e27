# SPDX-License-Identifier: Apache-2.0
"""`iommu-addresses` is no list of devices, addresses and lengths.

What it checks
--------------
Each entry: a phandle that leads to a device, then address and length in the cells of the bus of that device.

Why it matters
--------------
The range is not kept free, or not mapped, for the device. The entries behind a wrong one are not read as
meant.

Kernel behaviour
----------------
Linux (6.3 on) reads the cells of the bus of the device. Older versions do not know the property.

Example
-------
See `bad`. The example in the schema has two cells each on a bus with one: Linux reads it wrong.

Fix
---
Write address and length with the #address-cells and #size-cells of the bus of the device.

Known limits
------------
None.

References
----------
of_iommu_get_resv_regions(), drivers/iommu/of_iommu.c; reserved-memory.yaml of dt-schema; binding 3.5, rule
CO16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.iommu import iommu_lists
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each list that cannot be read to its end."""
    for listed in iommu_lists(context):
        if listed.fault is not None:
            yield Problem(
                path=listed.region.path,
                prop="iommu-addresses",
                message=f"{listed.fault}; Linux does not apply this entry nor what follows",
            )


RULE = Rule(
    code="CV420",
    slug="iommu-addresses-malformed",
    severity=Severity.ERROR,
    summary="iommu-addresses cannot be read",
    board=check,
    covers=("CO16",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fb: framebuffer@50000000 { reg = <0x0 0x50000000 0x0 0x800000>; iommu-addresses = <&display 0x50000000 0x800000>; };
                };
                smmu: iommu@9000000 { reg = <0x0 0x9000000 0x0 0x10000>; };
                display: display@1000000 { reg = <0x0 0x1000000 0x0 0x1000>; iommus = <&smmu>; memory-region = <&fb>; };
                other: other@2000000 { reg = <0x0 0x2000000 0x0 0x1000>; iommus = <&smmu>;  };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fb: framebuffer@50000000 { reg = <0x0 0x50000000 0x0 0x800000>; iommu-addresses = <0x99 0x0 0x50000000 0x0 0x800000>; };
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
