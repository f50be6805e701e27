# SPDX-License-Identifier: Apache-2.0
"""The kernel refuses a no-map region, since something else has reserved a part of it.

What it checks
--------------
Static no-map regions that the simulated kernel does not take out of the linear map, where no other rule names the cause: other
regions are CV103's, the memory reservation block CV104's, images CV108's.

Why it matters
--------------
The region stays mapped. The processor can read ahead into memory that firmware forbids.

Kernel behaviour
----------------
5.10 refuses a no-map region where anything is reserved, RAM or not; 6.1 and newer where it also is RAM. All print
`failed to reserve memory for node 'NAME'` and go on; from 6.12 on the region driver still gets the region.

Example
-------
See `bad`: the ELF core header of a crashed kernel is in the region, and 6.12 reserves that first.

Fix
---
Move what is in the way; the message names it.

Known limits
------------
As far as the scene tells what else is in memory.

References
----------
early_init_dt_reserve_memory(), drivers/of/of_reserved_mem.c; kernel-semantics 3.3; binding rule PL11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.overlap import reserve_spans
from carveout.check.structure import kernel_line, prints
from carveout.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each region that is refused for another cause."""
    for region in view.boot.regions:
        if region.outcome != "reserve-failed" or not region.nomap or not region.requested_size:
            continue
        base = region.requested_base
        if base is None or _has_rule(view, region.path, Span.sized(base, region.requested_size)):
            continue
        yield Problem(
            path=region.path,
            prop="no-map",
            message=f"0x{base:x}, 0x{region.requested_size:x} bytes: {region.why}"
            + prints(kernel_line(view.boot, region.path, "failed to reserve")),
        )


def _has_rule(view: BootContext, path: str, span: Span) -> bool:
    # Whether one of the other rules names what is in the way.
    scene = view.boot.scene
    if any(
        image is not None and image.overlaps(span) for image in (scene.kernel_image, scene.initrd, scene.dtb)
    ):
        return True
    if any(entry.overlaps(span) for entry in reserve_spans(view.board)):
        return True
    return any(region.path != path and there.overlaps(span) for region, there in view.board.static)


RULE = Rule(
    code="CV109",
    slug="no-map-refused",
    severity=Severity.ERROR,
    summary="the kernel refuses a no-map region, since something else has reserved a part of it",
    boot=check,
    covers=("PL11",),
    bad=(
        Example("""/ { chosen { linux,elfcorehdr = <0x0 0x50000000 0x0 0x10000>; };
            reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                fw@50000000 { reg = <0x0 0x50000000 0x0 0x400000>; no-map; }; }; };"""),
    ),
    good=(
        Example("""/ { chosen { linux,elfcorehdr = <0x0 0x50400000 0x0 0x10000>; };
            reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                fw@50000000 { reg = <0x0 0x50000000 0x0 0x400000>; no-map; }; }; };"""),
    ),
)
