# SPDX-License-Identifier: Apache-2.0
"""The kernel cannot make its default pool of contiguous memory.

What it checks
--------------
Boots in which the kernel wants a default area, by its configuration or by `cma=`, and ends without one.

Why it matters
--------------
Devices without a pool of their own get contiguous memory from the page allocator only: a few MiB at most, and
that only while memory is fresh.

Kernel behaviour
----------------
All versions print `cma: Failed to reserve N MiB`, and go on. Up to 6.12 some failures are silent.

Example
-------
See `bad`.

Fix
---
Leave room below the limit of DMA: a smaller `cma=`, or regions moved away.

Known limits
------------
Nothing is said when RAM is not known. A note where RAM is smaller than twice the area of the configuration:
the kernel was not built for such a board. Where a region has `linux,cma-default`, a lost region is reported
at the region.

References
----------
dma_contiguous_reserve(), kernel/dma/contiguous.c; cma_declare_contiguous_nid(), mm/cma.c; kernel-semantics
4.2 to 4.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cmdline import parse_cmdline
from carveout.boot.result import BootOutcome, StepKind
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield the problem, told at /chosen when the command line asks for the area."""
    boot = view.boot
    if not boot.ram_known or boot.outcome is not BootOutcome.OK or not view.profile.config.dma_cma:
        return
    if any(area.is_default for area in boot.cma):
        return
    failed = [step for step in boot.trace if step.subject == "default cma" and step.kind is StepKind.FAIL]
    if not failed:
        return
    lines = [line for line in boot.log if line.startswith("cma: ")]
    asked = parse_cmdline(boot.scene.cmdline).cma
    chosen = view.board.board.chosen
    yield Problem(
        path=chosen[0].path if chosen and asked is not None else "/",
        prop="bootargs" if chosen and asked is not None and chosen[0].bootargs is not None else None,
        message=(
            f"no default pool: {failed[0].reason}; devices without a pool of their own get no large contiguous buffers"
            + (f'; the kernel prints "{lines[-1]}"' if lines else "")
        ),
        severity=Severity.NOTE if asked is None and 2 * (failed[0].size or 0) > _ram(view) else None,
    )


def _ram(view: BootContext) -> int:
    return sum(bank.size for bank in view.known_ram)


RULE = Rule(
    code="CV705",
    slug="no-default-pool",
    severity=Severity.WARNING,
    summary="the kernel cannot make its default pool",
    boot=check,
    covers=("corpus-no-cma-area",),
    bad=(
        Example(
            """
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; };
        """,
            cmdline="cma=2G",
        ),
        Example(
            """
            fw@40000000 { reg = <0x0 0x40000000 0x0 0x3e000000>; };
        """,
            dtb_at=None,
            kernel_image=None,
        ),
    ),
    good=(
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; };
        """),
        Example(
            """
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; };
        """,
            cmdline="cma=0",
        ),
    ),
)
