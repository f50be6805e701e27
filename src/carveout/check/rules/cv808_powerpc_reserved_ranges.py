# SPDX-License-Identifier: Apache-2.0
"""Memory is reserved by `reserved-ranges` of the root, which only powerpc kernels read.

What it checks
--------------
The property `reserved-ranges` of the root.

Why it matters
--------------
It says "hands off" without names or devices. On other architectures nobody looks at it.

Kernel behaviour
----------------
powerpc, all versions: each entry of a size other than 0 is reserved, after `/reserved-memory`, so that a
dynamic region can land in it. 3.11: its presence switched off the reservation of the memory reservation block
and of the initial ram disk. Others: not read.

Example
-------
See `bad`.

Fix
---
On powerpc none is needed: hostboot and skiboot write it. Elsewhere write children of `/reserved-memory`.

Known limits
------------
A warning where the tree is for another architecture.

References
----------
early_reserve_mem_dt(), arch/powerpc/kernel/prom.c; Linux commit 0962e8004e97; kernel-semantics 7.3; binding
S2, S3, rules LG11, LG15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield the problem at the root."""
    prop = context.board.reserved_ranges
    if prop is None or prop.length == 0:
        return
    arch = context.board.arch
    count = prop.length // 16
    if arch is None or arch == "powerpc64":
        yield Problem(
            path="/",
            prop="reserved-ranges",
            message=(
                f"{count} ranges without names; powerpc kernels reserve them after /reserved-memory, others do not read them"
            ),
        )
    else:
        yield Problem(
            path="/",
            prop="reserved-ranges",
            message=f"only powerpc kernels read it; on {arch} these {count} ranges are ordinary RAM",
            severity=Severity.WARNING,
        )


RULE = Rule(
    code="CV808",
    slug="powerpc-reserved-ranges",
    severity=Severity.NOTE,
    summary="memory is reserved by the root property reserved-ranges",
    board=check,
    covers=("LG11", "LG15"),
    bad=(
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
        Example("""
            / { reserved-ranges = <0x0 0x50000000 0x0 0x100000>; };
        """),
    ),
    good=(
        Example(
            """
            / { #address-cells = <2>; #size-cells = <2>;
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
