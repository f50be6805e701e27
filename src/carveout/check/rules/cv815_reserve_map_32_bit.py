# SPDX-License-Identifier: Apache-2.0
"""The memory reservation block looks like one written with 32-bit numbers.

What it checks
--------------
Entries whose address, on a root with one address cell, is 4 GiB or more, and whose two halves both are
multiples of 4 KiB: an address and a size, taken together.

Why it matters
--------------
The ranges that are meant are not reserved.

Kernel behaviour
----------------
The format has 64-bit pairs. Very old kexec tools on 32-bit powerpc wrote 32-bit ones; powerpc kernels
recognise them by an address of 4 GiB or more, all others do not.

Example
-------
See `bad`.

Fix
---
Write 64-bit pairs.

Known limits
------------
None.

References
----------
early_reserve_mem(), arch/powerpc/kernel/prom.c; Devicetree Specification 5.3; binding rule LG20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_LOW = 0xFFFFFFFF


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield one note at the root."""
    if context.address_cells != 1:
        return
    for entry in context.board.reserve_map:
        high, low = entry.address >> 32, entry.address & _LOW
        if high and low and not (high | low) & 0xFFF:
            yield Problem(
                path="/",
                message=(
                    f"an entry of the memory reservation block has address 0x{entry.address:x}: this looks like the pair "
                    f"0x{high:x}, 0x{low:x} of 32-bit numbers, and is read as one 64-bit number"
                ),
            )
            return


RULE = Rule(
    code="CV815",
    slug="reserve-map-32-bit",
    severity=Severity.NOTE,
    summary="the memory reservation block looks like one with 32-bit numbers",
    board=check,
    covers=("LG20",),
    bad=(
        Example(
            """
            /memreserve/ 0x5000000000100000 0x0000000060001000;
            / { #address-cells = <1>; #size-cells = <1>; chosen { }; };
        """,
            whole=True,
        ),
    ),
    good=(
        Example(
            """
            /memreserve/ 0x50000000 0x100000;
            / { #address-cells = <1>; #size-cells = <1>; chosen { }; };
        """,
            whole=True,
        ),
    ),
)
