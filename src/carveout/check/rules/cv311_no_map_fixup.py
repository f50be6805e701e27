# SPDX-License-Identifier: Apache-2.0
"""A region has `no-map-fixup`, which only kernels of phone vendors know.

What it checks
--------------
Enabled regions with that property. Together with `no-map` it is an error.

Why it matters
--------------
It means: no-map now, and the driver may give parts back later. A kernel that does not know it maps the region.

Kernel behaviour
----------------
Mainline of all versions ignores it: the region is reserved and stays mapped. Qualcomm's kernels take it for their
`removed-dma-pool`, and refuse it beside `no-map`.

Example
-------
See `bad`.

Fix
---
For mainline: `no-map` instead.

Known limits
------------
Right for a kernel that knows it.

References
----------
drivers/base/dma-removed.c of Qualcomm's msm kernels; binding rule SH11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in context.regions:
        if not region.raw.no_map_fixup:
            continue
        if region.raw.no_map:
            yield Problem(
                path=region.path,
                prop="no-map-fixup",
                message="no-map-fixup and no-map exclude each other; mainline Linux only sees no-map, kernels that know "
                "no-map-fixup refuse the region",
                severity=Severity.ERROR,
            )
        else:
            yield Problem(
                path=region.path,
                prop="no-map-fixup",
                message="mainline Linux ignores no-map-fixup: the region is reserved and stays mapped; it needs no-map "
                "there",
            )


RULE = Rule(
    code="CV311",
    slug="no-map-fixup",
    severity=Severity.WARNING,
    summary="a region has `no-map-fixup`, which only kernels of phone vendors know",
    board=check,
    covers=("SH11",),
    bad=(
        Example(
            'fw@50000000 { compatible = "removed-dma-pool"; reg = <0x0 0x50000000 0x0 0x200000>; no-map-fixup; };'
        ),
        Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x200000>; no-map-fixup; no-map; };"),
    ),
    good=(Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x200000>; no-map; };"),),
)
