# SPDX-License-Identifier: Apache-2.0
"""`iommu-addresses` names a device that does not refer to the region.

What it checks
--------------
Whether each device in `iommu-addresses` lists this region in its `memory-region`.

Why it matters
--------------
Linux looks at the regions that a device lists. The entry is never read.

Kernel behaviour
----------------
Linux (6.3 on) walks the `memory-region` of the device and looks for the device in `iommu-addresses` of each
region there.

Example
-------
See `bad`.

Fix
---
Add the region to `memory-region` of the device.

Known limits
------------
None.

References
----------
of_iommu_get_resv_regions(), drivers/iommu/of_iommu.c; reserved-memory.yaml of dt-schema; binding 3.5, rule
CO17.
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
        users = {user.path for user in listed.region.users}
        for path in dict.fromkeys(entry.target.path for entry in listed.entries):
            if path not in users:
                yield Problem(
                    path=listed.region.path,
                    prop="iommu-addresses",
                    message=f"it names {path}, whose memory-region does not list this region; Linux never reads the entry",
                    related=(path,),
                    cause=path,
                )


RULE = Rule(
    code="CV421",
    slug="iommu-addresses-not-consumer",
    severity=Severity.ERROR,
    summary="iommu-addresses names a device that does not refer to the region",
    board=check,
    covers=("CO17",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fb: framebuffer@50000000 { reg = <0x0 0x50000000 0x0 0x800000>; iommu-addresses = <&display 0x0 0x50000000 0x0 0x800000>; };
                };
                smmu: iommu@9000000 { reg = <0x0 0x9000000 0x0 0x10000>; };
                display: display@1000000 { reg = <0x0 0x1000000 0x0 0x1000>; iommus = <&smmu>; };
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
