# SPDX-License-Identifier: Apache-2.0
"""`cma=` on the command line takes the place of the default pool of the tree.

What it checks
--------------
Regions with `linux,cma-default` in a boot with `cma=` on the command line, whether from `/chosen` or given.

Why it matters
--------------
The region is not the default pool, and its place and window mean nothing. A device that refers to it gets an
error.

Kernel behaviour
----------------
Up to 6.12: `bypass NAME node, using cmdline CMA params instead`; the memory is given back. 7.2: `Skipping dt
linux,cma-default node in favor for "cma=" kernel param.`; the region is not reserved. `cma=0` means no
default pool at all.

Example
-------
See `bad`. Raspberry Pi: a `cma=` left in the configuration file silently replaced the pool below 1 GiB.

Fix
---
Remove `cma=`, or the region.

Known limits
------------
None.

References
----------
rmem_cma_setup(), rmem_cma_validate(), kernel/dma/contiguous.c; kernel-semantics 4.2, 8.12; raspberrypi/linux
issue 3861; binding rule LX03.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cmdline import parse_cmdline
from carveout.check.default_pool import asks_for_default
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.units import format_size_about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


_LINES = ("Skipping dt linux,cma-default node", "using cmdline CMA params instead")


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each region that is passed over."""
    boot = view.boot
    if "cma=" not in boot.scene.cmdline or parse_cmdline(boot.scene.cmdline).cma is None:
        return
    if not view.profile.config.dma_cma:
        return
    for region in view.board.regions:
        if not asks_for_default(region):
            continue
        lines = [line for line in boot.log if any(part in line for part in _LINES)]
        line = next((line for line in lines if region.name in line), lines[0] if lines else None)
        given = next((area for area in boot.cma if area.is_default), None)
        if given is not None:
            instead = f"the default pool has {format_size_about(given.size)} at 0x{given.base:x}"
        else:
            instead = "there is no default pool" if boot.ram_known else "the default pool is what cma= says"
        yield Problem(
            path=region.path,
            prop="linux,cma-default",
            message=(
                f"cma= on the command line takes its place: {instead}, and devices that refer to this region get -EINVAL"
                + (f'; the kernel prints "{line}"' if line else "")
            ),
            related=tuple(chosen.path for chosen in view.board.board.chosen if chosen.bootargs is not None),
        )


RULE = Rule(
    code="CV703",
    slug="cma-default-overridden",
    severity=Severity.WARNING,
    summary="cma= on the command line replaces the default pool of the tree",
    boot=check,
    covers=("LX03", "corpus-cma-on-command-line", "corpus-default-pool-lost"),
    bad=(
        Example(
            """
            a { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; linux,cma-default; };
        """,
            cmdline="cma=128M",
        ),
        Example(
            """
            a { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; linux,cma-default; };
        """,
            cmdline="quiet cma=0",
            kernel="6.1",
        ),
        Example("""
            / { chosen { bootargs = "cma=64M"; };
            reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; a { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; linux,cma-default; }; }; };
        """),
    ),
    good=(
        Example("""
            a { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; linux,cma-default; };
        """),
        Example(
            """
            pool { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; };
        """,
            cmdline="cma=128M",
        ),
    ),
)
