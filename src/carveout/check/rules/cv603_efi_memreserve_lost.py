# SPDX-License-Identifier: Apache-2.0
"""The memory reservation block counts for nothing in an EFI boot.

What it checks
--------------
In an EFI boot: entries of the block that neither a static region nor the EFI memory map keeps.

Why it matters
--------------
The memory is used as ordinary RAM.

Kernel behaviour
----------------
All versions: the EFI stub deletes all entries from the tree that it hands over.

Example
-------
See `bad`.

Fix
---
Write a region for it, or let the firmware list it as reserved.

Known limits
------------
Without the EFI memory map, what the firmware keeps is not known: a note then.

References
----------
update_fdt(), drivers/firmware/efi/libstub/fdt.c; kernel-semantics 1.0, 8.2; binding rule FW04.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from carveout.check.efi import usable_part
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import one_bank_each
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


_SOURCE = """/memreserve/ 0x50000000 0x100000;
/ { #address-cells = <2>; #size-cells = <2>;
    memory@40000000 { device_type = "memory"; reg = <0x0 0x40000000 0x0 0x40000000>; };
};"""


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each lost entry."""
    scene = view.boot.scene
    if not scene.efi:
        return
    kept = one_bank_each([span for _, span in view.board.static])
    starts = [span.start for span in kept]
    for entry in view.board.board.reserve_map:
        span = Span.sized(entry.address, entry.size)
        at = bisect_right(starts, span.start) - 1
        if not entry.size or (at >= 0 and kept[at].contains(span)):
            continue
        if scene.efi_map is not None and usable_part(scene.efi_map, span) is None:
            continue
        yield Problem(
            path="/",
            message=(
                f"/memreserve/ {format_range(span)} is deleted by the EFI stub, and no region keeps it"
                + ("" if scene.efi_map is not None else "; pass --efi-map to see whether the firmware does")
            ),
            severity=None if scene.efi_map is not None else Severity.NOTE,
            cause=f"0x{entry.address:x}",
        )


RULE = Rule(
    code="CV603",
    slug="efi-memreserve-lost",
    severity=Severity.WARNING,
    summary="the EFI stub deletes the memory reservation block",
    boot=check,
    covers=("FW04",),
    bad=(
        Example(
            _SOURCE,
            whole=True,
            efi=True,
            efi_map=(
                "efi:   0x000040000000-0x00007fffffff [Conventional|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
            ),
        ),
        Example(_SOURCE, whole=True, efi=True),
    ),
    good=(
        Example(_SOURCE, whole=True),
        Example(
            _SOURCE,
            whole=True,
            efi=True,
            efi_map=(
                "efi:   0x000040000000-0x00004fffffff [Conventional|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
                "efi:   0x000050000000-0x0000500fffff [Reserved|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
                "efi:   0x000050100000-0x00007fffffff [Conventional|   |  |  |  |  |  |  |  |  |   |WB|  |  |  ]\n"
            ),
        ),
    ),
)
