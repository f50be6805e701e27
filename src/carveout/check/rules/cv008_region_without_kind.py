# SPDX-License-Identifier: Apache-2.0
"""A region says neither where it is nor how large it has to be.

What it checks
--------------
Each enabled child of `/reserved-memory` has `reg`, `size` or `iommu-addresses`. A child which only holds other nodes is
CV010's.

Why it matters
--------------
Nothing is reserved, and a device that refers to the node does not get memory.

Kernel behaviour
----------------
All versions skip the node without a message. Devices that ask for it get an error when they bind.

Example
-------
See `bad`: only the flag was written.

Fix
---
Give it `reg = <base size>` or `size = <...>`; if the boot loader fills it in, mark it `status = "disabled"` until then.

Known limits
------------
None.

References
----------
fdt_scan_reserved_mem(), drivers/of/of_reserved_mem.c; kernel-semantics 3.3, 3.4; binding rule ST09.
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
        raw = region.raw
        if raw.reg is None and raw.size is None and raw.iommu_addresses is None:
            if any("reg" in child or "size" in child for child in region.node.children):
                continue
            yield Problem(
                path=region.path,
                message=(
                    "has neither reg nor size; Linux skips it without a message, reserves nothing, and a device "
                    "that refers to it gets no memory"
                ),
                related=tuple(user.path for user in region.users),
            )


RULE = Rule(
    code="CV008",
    slug="region-without-kind",
    severity=Severity.ERROR,
    summary="a region has neither reg nor size",
    board=check,
    covers=("ST09", "corpus-neither-reg-nor-size"),
    bad=(Example("buffer { no-map; };"),),
    good=(
        Example("buffer { size = <0x0 0x100000>; no-map; };"),
        Example("buffer@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; };"),
        Example('buffer { no-map; status = "disabled"; };'),
    ),
)
