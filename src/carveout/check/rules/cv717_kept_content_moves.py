# SPDX-License-Identifier: Apache-2.0
"""A region whose content has to survive a reboot is placed by the kernel.

What it checks
--------------
Enabled dynamic regions that are a `ramoops`, `qcom,smem`, `phram`, `google,open-dice` or `nvmem-rmem`.

Why it matters
--------------
Each kernel chooses the place anew. After a kexec, with another kernel, or with another RAM size, the region
is elsewhere and the content is lost.

Kernel behaviour
----------------
All versions run the placement again in each boot. kexec passes the tree on as it is, without the place.

Example
-------
See `bad`.

Fix
---
Give the region a `reg`.

Known limits
------------
None.

References
----------
__reserved_mem_alloc_size(), drivers/of/of_reserved_mem.c; drivers/of/kexec.c; ramoops.yaml; binding rule
LX15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_KEPT = ("ramoops", "qcom,smem", "phram", "google,open-dice", "nvmem-rmem")


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in context.regions:
        if not region.is_dynamic or not region.compatible:
            continue
        kept = next((name for name in _KEPT if region.has(name)), None)
        if kept is not None:
            yield Problem(
                path=region.path,
                prop="size",
                message=f"a {kept} region without reg: each kernel chooses its place anew, and what was kept in it is not found again",
            )


RULE = Rule(
    code="CV717",
    slug="kept-content-moves",
    severity=Severity.WARNING,
    summary="a region whose content has to survive is placed by the kernel",
    board=check,
    covers=("LX15",),
    bad=(
        Example("""
            ramoops { compatible = "ramoops"; size = <0x0 0x100000>; record-size = <0x20000>; };
        """),
    ),
    good=(
        Example("""
            ramoops@50000000 { compatible = "ramoops"; reg = <0x0 0x50000000 0x0 0x100000>; record-size = <0x20000>; };
        """),
    ),
)
