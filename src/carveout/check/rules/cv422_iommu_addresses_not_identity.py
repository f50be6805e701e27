# SPDX-License-Identifier: Apache-2.0
"""A device is to see a region at another address than its own.

What it checks
--------------
Entries of `iommu-addresses` of a static region whose address and length are not those of `reg`.

Why it matters
--------------
The binding allows it. Linux does not do it.

Kernel behaviour
----------------
Linux (6.3 on) only maps a region one to one. Otherwise it keeps the addresses free and maps nothing: the
device cannot reach the region at them.

Example
-------
See `bad`.

Fix
---
Use the address and the length of `reg`.

Known limits
------------
Entries of length 0 are CV423's.

References
----------
of_iommu_get_resv_regions(), drivers/iommu/of_iommu.c; reserved-memory.yaml of dt-schema; binding 3.5, rule
CO18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.iommu import iommu_lists
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such entry."""
    for listed in iommu_lists(context):
        place = listed.region.span
        for entry in listed.entries if place is not None else ():
            given = Span.sized(entry.base, entry.size)
            if entry.size and place is not None and given != place:
                yield Problem(
                    path=listed.region.path,
                    prop="iommu-addresses",
                    message=(
                        f"{entry.target.path} is to see the region at {format_range(given)}, and it is at "
                        f"{format_range(place)}; Linux maps nothing then and only keeps the addresses free"
                    ),
                    related=(entry.target.path,),
                    cause=f"{entry.target.path} 0x{entry.base:x}",
                )


RULE = Rule(
    code="CV422",
    slug="iommu-addresses-not-identity",
    severity=Severity.WARNING,
    summary="iommu-addresses gives a device another address than the region has",
    board=check,
    covers=("CO18",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fb: framebuffer@50000000 { reg = <0x0 0x50000000 0x0 0x800000>; iommu-addresses = <&display 0x0 0x80000000 0x0 0x800000>; };
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
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fb: framebuffer@50000000 {  iommu-addresses = <&display 0x0 0x80000000 0x0 0x800000>; };
                };
                smmu: iommu@9000000 { reg = <0x0 0x9000000 0x0 0x10000>; };
                display: display@1000000 { reg = <0x0 0x1000000 0x0 0x1000>; iommus = <&smmu>; memory-region = <&fb>; };
                other: other@2000000 { reg = <0x0 0x2000000 0x0 0x1000>; iommus = <&smmu>;  };
            };
        """),
    ),
)
