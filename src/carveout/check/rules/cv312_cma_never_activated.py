# SPDX-License-Identifier: Apache-2.0
"""A contiguous area lies in two zones or nodes, and is never activated.

What it checks
--------------
Each contiguous area of the simulated boot, whether the tree, the command line or the kernel's configuration asked for it.

Why it matters
--------------
It is reserved and its pool is announced in the log, so all looks well; later it is given up, and every allocation of its
devices fails.

Kernel behaviour
----------------
All versions want every page of an area in one zone of one node and print `cma: CMA area NAME could not be activated`. 5.10
loses the memory; since 6.1 the pages become ordinary memory. On 32-bit arm low and high memory are zones; with a DMA
zone its end is a border too; with NUMA every border of two nodes.

Example
-------
See `bad`: 32-bit arm with 1 GiB, where high memory begins 768 MiB into RAM.

Fix
---
Keep the area on one side of the border: by `alloc-ranges` where it has `size`, by `reg` else.

Known limits
------------
None.

References
----------
cma_activate_area(), mm/cma.c; kernel-semantics 5.3, 13; raspberrypi/linux pull request 3536.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import BootOutcome, StepKind
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import prints
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield one problem for each area that is given up."""
    boot = view.boot
    if boot.outcome is not BootOutcome.OK:
        return
    for area in boot.cma:
        if area.activated:
            continue
        why = [s.reason for s in boot.trace if s.subject == area.name and s.kind is StepKind.FAIL]
        line = next(
            (line for line in boot.log if line == f"cma: CMA area {area.name} could not be activated"), None
        )
        yield Problem(
            path=area.from_region or "/",
            prop="reg" if area.from_region and _is_static(view, area.from_region) else None,
            message=(
                f"the contiguous area at {format_range(Span.sized(area.base, area.size))} is never activated, and nobody "
                f"can allocate from it: {why[-1] if why else 'it lies in two zones'}" + prints(line)
            ),
            cause=area.name,
        )


def _is_static(view: BootContext, path: str) -> bool:
    return view.board.by_path[path].node.prop("reg") is not None


RULE = Rule(
    code="CV312",
    slug="cma-never-activated",
    severity=Severity.ERROR,
    summary="a contiguous area lies in two zones or nodes, and is never activated",
    boot=check,
    bad=(
        Example(
            'pool@6f000000 { compatible = "shared-dma-pool"; reg = <0x0 0x6f000000 0x0 0x2000000>; reusable; };',
            arch="arm",
            kernel="6.12",
            kernel_image=None,
        ),
        Example(
            """
            pool { compatible = "shared-dma-pool"; size = <0x0 0x18000000>; reusable;
                   alloc-ranges = <0x0 0x60000000 0x0 0x18000000>; };
            """,
            arch="arm",
            kernel="5.10",
            kernel_image=None,
        ),
    ),
    good=(
        Example(
            'pool@71000000 { compatible = "shared-dma-pool"; reg = <0x0 0x71000000 0x0 0x2000000>; reusable; };',
            arch="arm",
            kernel="6.12",
            kernel_image=None,
        ),
    ),
)
