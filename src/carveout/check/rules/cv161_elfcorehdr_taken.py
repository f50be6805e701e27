# SPDX-License-Identifier: Apache-2.0
"""The ELF core header of the crashed kernel is where something is reserved already.

What it checks
--------------
Whether the simulated kernel can reserve `linux,elfcorehdr` of `/chosen`.

Why it matters
--------------
The header says where the crashed kernel's memory is. Unprotected it can be overwritten, and /proc/vmcore is lost or wrong.

Kernel behaviour
----------------
5.10, 6.1: reserved after the regions; if any part of it is reserved by then it is skipped (`elfcorehdr is overlapped`). 6.12,
7.2: reserved before the regions, so it wins, and a no-map region over it is refused (CV109).

Example
-------
See `bad`.

Fix
---
Regions must not lie in the memory of the crash kernel: move `crashkernel=`, or the region.

Known limits
------------
Only trees made for a crash kernel have the property.

References
----------
fdt_reserve_elfcorehdr(), drivers/of/fdt.c; reserve_elfcorehdr(), arch/arm64/mm/init.c; kernel-semantics 1.6; binding rule PL11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import kernel_line, prints
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem when it was not reserved."""
    chosen = next((node for node in view.board.board.chosen if node.elfcorehdr is not None), None)
    if chosen is None:
        return
    for step in view.boot.trace:
        if step.kind != "fail" or step.subject != "elfcorehdr" or step.base is None or step.size is None:
            continue
        span = Span.sized(step.base, step.size)
        owners = tuple(region.path for region, there in view.board.static if there.overlaps(span))
        yield Problem(
            path=chosen.path,
            prop="linux,elfcorehdr",
            message=(
                f"the ELF core header {format_range(span)} overlaps "
                f"{', '.join(owners) or 'memory that is reserved already'}, so this kernel does not reserve it"
                + prints(kernel_line(view.boot, "elfcorehdr", "overlapped"))
            ),
            related=owners,
        )


RULE = Rule(
    code="CV161",
    slug="elfcorehdr-taken",
    severity=Severity.WARNING,
    summary="the ELF core header of the crashed kernel is where something is reserved already",
    boot=check,
    covers=("PL11",),
    bad=(
        Example(
            """/ { chosen { linux,elfcorehdr = <0x0 0x50000000 0x0 0x10000>; };
            reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                log@50000000 { reg = <0x0 0x50000000 0x0 0x400000>; }; }; };""",
            kernel="6.1",
        ),
    ),
    good=(
        Example("""/ { chosen { linux,elfcorehdr = <0x0 0x50000000 0x0 0x10000>; };
            reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                log@50000000 { reg = <0x0 0x50000000 0x0 0x400000>; }; }; };"""),
        Example(
            "/ { chosen { linux,elfcorehdr = <0x0 0x50000000 0x0 0x10000>; }; };",
            kernel="6.1",
        ),
    ),
)
