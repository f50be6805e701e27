# SPDX-License-Identifier: Apache-2.0
"""The kernel panics or hangs while it sets up memory.

What it checks
--------------
Whether the simulated boot survives what was placed.

Why it matters
--------------
The board does not start, mostly before a console works.

Kernel behaviour
----------------
arm64, riscv: a contiguous area outside RAM panics when it is activated (`Attempted to kill init! exitcode=0x0000000b`); one
partly outside RAM hangs 6.1 and newer. arm: the same where the area has no struct pages; from 6.12 on a contiguous pool in
lowmem that is not aligned to 2 MiB can hang before the console comes up; an initrd above lowmem panics. All: no free page for
page tables, and lists of memblock that cannot grow (6.12, 7.2).

Example
-------
See `bad`: a pool in a gap of the address map.

Fix
---
The message names what the boot stumbles over; move it, or give the board the RAM it expects.

Known limits
------------
Only what early memory set-up meets. RAM must be known, and the place of the kernel where it is a question of room.

References
----------
cma_init_reserved_areas(), mm/cma.c; paging_init(), arch/arm/mm/mmu.c; kernel-semantics 5.6, 2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot.result import Step
    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield one problem for a boot that dies."""
    boot = view.boot
    if boot.outcome == "ok" or not boot.ram_known:
        return
    last = next((step for step in reversed(boot.trace) if step.kind == "panic"), None)
    if (
        last is not None
        and boot.scene.kernel_image is None
        and last.base is None
        and last.subject != "memblock"
    ):
        # No room, with the kernel itself missing from the picture: what it would keep free is not known.
        return
    cause = "" if last is None else f"{last.subject}: {last.reason}{_at(last)}"
    if boot.outcome == "hang":
        ends = "the kernel hangs without a message"
    elif boot.failure:
        ends = f'the kernel panics, "{boot.failure}"'
    else:
        ends = "the kernel panics"
    yield Problem(path=_path(view, last), message=f"{cause}; {ends}" if cause else ends)


def _at(step: Step) -> str:
    if step.base is None or step.size is None:
        return ""
    return f" (0x{step.base:x}, 0x{step.size:x} bytes)"


def _path(view: BootContext, step: Step | None) -> str:
    # The region it is about: by its path, by the area made from it, or by its addresses.
    if step is not None:
        if step.subject in view.board.by_path:
            return step.subject
        for area in view.boot.cma:
            if area.from_region is not None and (area.name == step.subject or area.base == step.base):
                return area.from_region
        for region in view.boot.regions if step.base is not None and step.size else ():
            base = region.requested_base if region.base is None else region.base
            if base is None or not region.requested_size or region.outcome == "ignored":
                continue
            if Span.sized(base, region.requested_size).overlaps(Span.sized(step.base or 0, step.size or 0)):
                return region.path
    parent = view.board.reserved_memory
    return "/" if parent is None else parent.path


RULE = Rule(
    code="CV220",
    slug="boot-dies",
    severity=Severity.ERROR,
    summary="the kernel panics or hangs while it sets up memory",
    boot=check,
    covers=("PL14", "AD16"),
    bad=(
        Example(
            'pool@20000000 { compatible = "shared-dma-pool"; reg = <0x0 0x20000000 0x0 0x4000000>; reusable; };'
        ),
        Example(
            'pool@7e000000 { compatible = "shared-dma-pool"; reg = <0x0 0x7e000000 0x0 0x4000000>; reusable; };'
        ),
    ),
    good=(
        Example(
            'pool@7c000000 { compatible = "shared-dma-pool"; reg = <0x0 0x7c000000 0x0 0x4000000>; reusable; };'
        ),
        Example("buffer@20000000 { reg = <0x0 0x20000000 0x0 0x4000000>; };"),
    ),
)
