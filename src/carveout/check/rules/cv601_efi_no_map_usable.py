# SPDX-License-Identifier: Apache-2.0
"""The EFI memory map describes a no-map region as memory that can be used.

What it checks
--------------
In an EFI boot with a given map: each static region with `no-map` against the descriptors of usable types. It
has to be EfiReservedMemoryType.

Why it matters
--------------
Boot loader, EFI stub and kernel image may be put there before Linux reads the tree; and firmware protects the
memory, so that the access faults.

Kernel behaviour
----------------
Linux applies `no-map` when it reads the tree, after the EFI stub has run. If something lies there by then:
`failed to reserve memory for node`.

Example
-------
See `bad`.

Fix
---
Let the firmware list the region as reserved. U-Boot does, from the tree it gives to the kernel.

Known limits
------------
Addresses that the map does not describe are not reported.

References
----------
Devicetree Specification 3.5.4; efi_carve_out_dt_rsv(), lib/efi_loader of U-Boot; binding rule FW01.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.efi import usable_part
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    efi_map = view.boot.scene.efi_map
    for region, span in view.board.static if efi_map is not None else ():
        entry = usable_part(efi_map, span) if efi_map is not None and region.raw.no_map else None
        if entry is not None:
            yield Problem(
                path=region.path,
                prop="no-map",
                message=(
                    f"the EFI memory map has {entry.type} at {format_range(Span.sized(entry.base, entry.size))}; a no-map region "
                    "has to be Reserved there, or boot loader and EFI stub may use it before Linux reads the tree"
                ),
            )


RULE = Rule(
    code="CV601",
    slug="efi-no-map-usable",
    severity=Severity.ERROR,
    summary="the EFI memory map gives away a no-map region",
    boot=check,
    covers=("FW01",),
    bad=(
        Example(
            """
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
        """,
            efi=True,
            efi_map=(
                "efi:   0x000040000000-0x00007fffffff [Conventional|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
            ),
        ),
    ),
    good=(
        Example(
            """
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
        """,
            efi=True,
            efi_map=(
                "efi:   0x000040000000-0x00004fffffff [Conventional|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
                "efi:   0x000050000000-0x0000500fffff [Reserved|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
                "efi:   0x000050100000-0x00007fffffff [Conventional|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
            ),
        ),
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
        """),
    ),
)
