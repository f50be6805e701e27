# SPDX-License-Identifier: Apache-2.0
"""The EFI memory map describes a static region as something else than Boot Services Data.

What it checks
--------------
In an EFI boot with a given map: each static region without `no-map` against the descriptors. The
specification wants EfiBootServicesData.

Why it matters
--------------
As Conventional or Loader memory, it can be overwritten before Linux reads the tree. As Reserved, Linux does
not map it at all.

Kernel behaviour
----------------
Linux reserves the region either way. What the map calls Reserved is in `memory` as NOMAP: a contiguous pool
there kills the boot or floods the log.

Example
-------
See `bad`.

Fix
---
Let the firmware list the region as Boot Services Data.

Known limits
------------
Addresses that the map does not describe are not reported. Reserved is a note.

References
----------
Devicetree Specification 3.5.4; reserve_regions(), drivers/firmware/efi/efi-init.c; kernel-semantics 6.5;
binding rule FW02.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.efi import part_of
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


_FREE = ("Conventional", "Loader Code", "Loader Data")


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    efi_map = view.boot.scene.efi_map
    if efi_map is None:
        return
    for region, span in view.board.static:
        if region.raw.no_map:
            continue
        free = part_of(efi_map, span, _FREE)
        kept = part_of(efi_map, span, ("Reserved",))
        if free is not None:
            yield Problem(
                path=region.path,
                message=(
                    f"the EFI memory map has {free.type} at {format_range(Span.sized(free.base, free.size))}, where the "
                    "specification wants Boot Services Data; the region can be overwritten before Linux reads the tree"
                ),
            )
        elif kept is not None:
            yield Problem(
                path=region.path,
                message="the EFI memory map has it as Reserved: Linux treats it as no-map, which the tree does not say",
                severity=Severity.NOTE,
            )


RULE = Rule(
    code="CV602",
    slug="efi-region-usable",
    severity=Severity.WARNING,
    summary="the EFI memory map does not keep a static region",
    boot=check,
    covers=("FW02",),
    bad=(
        Example(
            """
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; };
        """,
            efi=True,
            efi_map=(
                "efi:   0x000040000000-0x00007fffffff [Conventional|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
            ),
        ),
        Example(
            """
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; };
        """,
            efi=True,
            efi_map=(
                "efi:   0x000040000000-0x00004fffffff [Conventional|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
                "efi:   0x000050000000-0x0000500fffff [Reserved|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
                "efi:   0x000050100000-0x00007fffffff [Conventional|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
            ),
        ),
    ),
    good=(
        Example(
            """
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; };
        """,
            efi=True,
            efi_map=(
                "efi:   0x000040000000-0x00004fffffff [Conventional|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
                "efi:   0x000050000000-0x0000500fffff [Boot Data|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
                "efi:   0x000050100000-0x00007fffffff [Conventional|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
            ),
        ),
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; };
        """),
    ),
)
