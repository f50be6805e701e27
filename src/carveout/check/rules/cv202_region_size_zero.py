# SPDX-License-Identifier: Apache-2.0
"""`size` of a dynamic region is 0.

What it checks
--------------
The value of `size` of enabled regions without `reg`.

Why it matters
--------------
There is no memory to get: a device that refers to the region has an empty one, or an error.

Kernel behaviour
----------------
No version checks it; the search for 0 bytes succeeds or fails by chance.

Example
-------
See `bad`.

Fix
---
Write the size. If the boot loader fills it in, mark the node `status = "disabled"` until then.

Known limits
------------
None.

References
----------
__reserved_mem_alloc_size(), drivers/of/of_reserved_mem.c; kernel-semantics 2.5, 3.4; binding rule AD06.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import readable_regions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in readable_regions(context):
        if region.is_dynamic and region.size == 0:
            yield Problem(
                path=region.path,
                prop="size",
                message="size is 0; Linux does not refuse it, and whoever uses the region gets no memory",
            )


RULE = Rule(
    code="CV202",
    slug="region-size-zero",
    severity=Severity.ERROR,
    summary="`size` of a dynamic region is 0",
    board=check,
    covers=("AD06",),
    bad=(Example("pool { size = <0x0 0x0>; no-map; };"),),
    good=(
        Example("pool { size = <0x0 0x1000>; no-map; };"),
        Example('pool { size = <0x0 0x0>; no-map; status = "disabled"; };'),
    ),
)
