# SPDX-License-Identifier: Apache-2.0
"""The kernel has no slot for another contiguous area.

What it checks
--------------
Whether the simulated kernel prints that it has not enough slots.

Why it matters
--------------
The region, or the default pool, is not made. The memory of the region is given back, and its device gets an
error.

Kernel behaviour
----------------
CONFIG_CMA_AREAS counts: 8, or 20 with NUMA, by default; one more up to 5.10. All versions print `cma: Not
enough slots for CMA reserved regions!`.

Example
-------
See `bad`.

Fix
---
Use fewer contiguous pools, or raise CONFIG_CMA_AREAS.

Known limits
------------
None.

References
----------
cma_init_reserved_mem(), mm/cma.c; mm/Kconfig; kernel-semantics 4.3; binding rule LX06.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


_LINE = "Not enough slots for CMA"


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each region without a slot, and for the default area."""
    boot = view.boot
    if not any(_LINE in line for line in boot.log):
        return
    slots = len(boot.cma)
    for line in boot.log_lines:
        if _LINE not in line.text:
            continue
        subject = boot.trace[line.step].subject if line.step < len(boot.trace) else ""
        known = subject.startswith("/")
        yield Problem(
            path=subject if known else "/",
            message=(
                f"{'the region' if known else 'the default pool'} is not made a contiguous area: this kernel has {slots} "
                f'slots and all are taken; it prints "{line.text}"'
            ),
            cause=subject if known else "default",
        )


RULE = Rule(
    code="CV708",
    slug="cma-areas-exhausted",
    severity=Severity.ERROR,
    summary="the kernel has no slot for another contiguous area",
    boot=check,
    covers=("LX06", "corpus-area-slots"),
    bad=(
        Example(
            "".join(
                f'p{n} {{ compatible = "shared-dma-pool"; size = <0x0 0x400000>; reusable; }};\n'
                for n in range(21)
            )
        ),
    ),
    good=(
        Example(
            "".join(
                f'p{n} {{ compatible = "shared-dma-pool"; size = <0x0 0x400000>; reusable; }};\n'
                for n in range(19)
            )
        ),
    ),
)
