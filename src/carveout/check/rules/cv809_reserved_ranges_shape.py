# SPDX-License-Identifier: Apache-2.0
"""`reserved-ranges` is not a list of pairs of 64-bit numbers.

What it checks
--------------
The length of `reserved-ranges`, entries of size 0, and the cells of the root.

Why it matters
--------------
An entry that is cut off, or read with other cells, protects nothing or something else.

Kernel behaviour
----------------
powerpc: prom.c and fadump read pairs of two cells each, whatever the cells of the root; kexec reads the cells
of the root. What is left over at the end is ignored, and entries of size 0 are passed over.

Example
-------
See `bad`.

Fix
---
Write address and size with two cells each, on a root with two cells each.

Known limits
------------
Cells of the root other than 2 and 2 are a warning, entries of size 0 a note. Trees for other architectures
are left to CV808.

References
----------
early_reserve_mem_dt(), arch/powerpc/kernel/prom.c; arch/powerpc/kexec/ranges.c; kernel-semantics 7.3; binding
rules LG12, LG13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import entries
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_ENTRY = 16


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield up to three problems at the root."""
    prop = context.board.reserved_ranges
    if prop is None or prop.length == 0 or context.board.arch not in (None, "powerpc64"):
        return
    if prop.length % _ENTRY:
        yield Problem(
            path="/",
            prop="reserved-ranges",
            message=(
                f"it has {prop.length} bytes, no multiple of {_ENTRY}; powerpc kernels read pairs of 64-bit numbers and "
                "ignore the rest"
            ),
            cause="length",
        )
    if (context.address_cells, context.size_cells) != (2, 2):
        yield Problem(
            path="/",
            prop="reserved-ranges",
            message=(
                f"the root has {context.address_cells} and {context.size_cells} cells; the kernel reads pairs of two cells "
                "at boot, and the cells of the root for kexec"
            ),
            severity=Severity.WARNING,
            cause="cells",
        )
    empty = sum(size == 0 for _, size in entries(prop.value, 2, 2))
    if empty:
        yield Problem(
            path="/",
            prop="reserved-ranges",
            message=f"{empty} of its entries have size 0 and are passed over",
            severity=Severity.NOTE,
            cause="empty",
        )


RULE = Rule(
    code="CV809",
    slug="reserved-ranges-shape",
    severity=Severity.ERROR,
    summary="reserved-ranges is not a list of entries of 16 bytes",
    board=check,
    covers=("LG12", "LG13"),
    bad=(
        Example(
            """
            / { #address-cells = <2>; #size-cells = <2>; reserved-ranges = <0x0 0x1000000 0x0>;
                memory@0 { device_type = "memory"; reg = <0x0 0x0 0x0 0x40000000>; };
                cpus { #address-cells = <1>; #size-cells = <0>;
                    PowerPC,POWER8@0 { device_type = "cpu"; compatible = "PowerPC,POWER8"; ibm,pa-features = <0>; reg = <0>; }; };
            };
        """,
            arch="powerpc64",
            whole=True,
        ),
        Example(
            """
            / { #address-cells = <2>; #size-cells = <1>; reserved-ranges = <0x0 0x1000000 0x0 0x100000>;
                memory@0 { device_type = "memory"; reg = <0x0 0x0 0x40000000>; };
                cpus { #address-cells = <1>; #size-cells = <0>;
                    PowerPC,POWER8@0 { device_type = "cpu"; compatible = "PowerPC,POWER8"; ibm,pa-features = <0>; reg = <0>; }; };
            };
        """,
            arch="powerpc64",
            whole=True,
        ),
        Example(
            """
            / { #address-cells = <2>; #size-cells = <2>; reserved-ranges = <0x0 0x1000000 0x0 0x0>;
                memory@0 { device_type = "memory"; reg = <0x0 0x0 0x0 0x40000000>; };
                cpus { #address-cells = <1>; #size-cells = <0>;
                    PowerPC,POWER8@0 { device_type = "cpu"; compatible = "PowerPC,POWER8"; ibm,pa-features = <0>; reg = <0>; }; };
            };
        """,
            arch="powerpc64",
            whole=True,
        ),
    ),
    good=(
        Example(
            """
            / { #address-cells = <2>; #size-cells = <2>; reserved-ranges = <0x0 0x1000000 0x0 0x100000>;
                memory@0 { device_type = "memory"; reg = <0x0 0x0 0x0 0x40000000>; };
                cpus { #address-cells = <1>; #size-cells = <0>;
                    PowerPC,POWER8@0 { device_type = "cpu"; compatible = "PowerPC,POWER8"; ibm,pa-features = <0>; reg = <0>; }; };
            };
        """,
            arch="powerpc64",
            whole=True,
        ),
    ),
)
