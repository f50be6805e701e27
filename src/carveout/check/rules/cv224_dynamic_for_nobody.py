# SPDX-License-Identifier: Apache-2.0
"""A dynamic region has no compatible, and no device refers to it.

What it checks
--------------
Enabled dynamic regions without `compatible` which no `memory-region` leads to.

Why it matters
--------------
The kernel picks an address that nobody is told. The memory is lost. Mostly a pool lost its `compatible` and `reusable`.

Kernel behaviour
----------------
All versions reserve it and print its address, 6.12 and newer in a line such as `0x…..0x… (4096 KiB) map non-reusable NAME`.

Example
-------
See `bad`. meson-axg-jethome-jethub-j100 (Linux 6.1 to 7.2) has `linux,cma { size = <0x0 0x400000>; };` and nothing else in it.

Fix
---
For a contiguous pool add `compatible = "shared-dma-pool"; reusable;`, else refer to it, or delete the node.

Known limits
------------
A driver that looks for the node by its name is not seen.

References
----------
__reserved_mem_alloc_size(), drivers/of/of_reserved_mem.c; binding rules CO11, PL15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.units import format_size_about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in context.regions:
        if not region.is_dynamic or region.raw.compatible is not None or region.users or not region.size:
            continue
        yield Problem(
            path=region.path,
            prop="size",
            message=(
                f"Linux picks a place for 0x{region.size:x} bytes ({format_size_about(region.size)}) and nobody can find "
                "it: the region has no compatible, and no memory-region leads to it"
            ),
        )


RULE = Rule(
    code="CV224",
    slug="dynamic-for-nobody",
    severity=Severity.WARNING,
    summary="a dynamic region has no compatible, and no device refers to it",
    board=check,
    covers=("PL15", "CO11"),
    bad=(Example("linux,cma { size = <0x0 0x400000>; };"),),
    good=(
        Example('linux,cma { compatible = "shared-dma-pool"; size = <0x0 0x400000>; reusable; };'),
        Example("""/ { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                buffer: buffer { size = <0x0 0x400000>; }; };
            camera { compatible = "example,camera"; memory-region = <&buffer>; }; };"""),
    ),
)
