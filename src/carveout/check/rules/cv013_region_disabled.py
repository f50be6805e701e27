# SPDX-License-Identifier: Apache-2.0
"""A region is disabled, so its memory is not reserved.

What it checks
--------------
Children of `/reserved-memory` with a `status` that says disabled, reserved or failed. Other values are CV014's.

Why it matters
--------------
Often it is meant so: a template that the boot loader enables, or a region of hardware that this board does not use. If
firmware uses the memory all the same, nothing protects it.

Kernel behaviour
----------------
All versions skip the node without a message. A device that refers to it: binding a pool succeeds without memory,
asking for the address fails with ENODEV.

Example
-------
See `bad`.

Fix
---
None needed if it is meant so; else remove `status`.

Known limits
------------
What the boot loader changes before it starts the kernel is not known here.

References
----------
of_fdt_device_is_available(), drivers/of/fdt.c; kernel-semantics 3.2; binding rule ST21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import STATUS_OFF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in context.all_regions:
        status = region.raw.status
        if status is None or region.is_enabled or region.depth > 1:
            continue
        text = status.value.rstrip(b"\0").decode("utf-8", "surrogateescape")
        if text in STATUS_OFF or text.startswith("fail-"):
            yield Problem(
                path=region.path,
                prop="status",
                message=f'status is "{text}": Linux does not reserve this memory, nor does it say so',
                related=tuple(user.path for user in region.users),
            )


RULE = Rule(
    code="CV013",
    slug="region-disabled",
    severity=Severity.NOTE,
    summary="a region is disabled, so its memory is not reserved",
    board=check,
    covers=("ST21",),
    bad=(Example('fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; status = "disabled"; };'),),
    good=(Example('fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; status = "okay"; };'),),
)
