# SPDX-License-Identifier: Apache-2.0
"""`linux,elfcorehdr` lies on something that is reserved already.

What it checks
--------------
Whether the simulated kernel prints that the header is overlapped.

Why it matters
--------------
It is not reserved in its own right, and its owner may overwrite it: there is no /proc/vmcore then.

Kernel behaviour
----------------
5.10 and 6.1 reserve it after the regions, 6.12 and 7.2 before them. All print `elfcorehdr is overlapped` and
reserve nothing.

Example
-------
See `bad`.

Fix
---
Let kexec place it outside of all regions.

Known limits
------------
None.

References
----------
fdt_reserve_elfcorehdr(), drivers/of/fdt.c; kernel-semantics 1.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield the problem."""
    for line in view.boot.log_lines:
        if line.text.endswith("elfcorehdr is overlapped"):
            chosen = next((c for c in view.board.board.chosen if c.elfcorehdr is not None), None)
            yield Problem(
                path=chosen.path if chosen is not None else "/chosen",
                prop="linux,elfcorehdr",
                message=f'it lies on something that is reserved already and is not protected; the kernel prints "{line.text}"',
            )


RULE = Rule(
    code="CV715",
    slug="elfcorehdr-overlapped",
    severity=Severity.WARNING,
    summary="linux,elfcorehdr lies on something reserved",
    boot=check,
    covers=("corpus-elfcorehdr-overlap",),
    bad=(
        Example(
            """
            / { chosen { linux,elfcorehdr = <0x0 0x50000000 0x0 0x1000>; };
            reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; }; }; };
        """,
            kernel="6.1",
        ),
        Example("""
            / { chosen { linux,elfcorehdr = <0x0 0x40200000 0x0 0x1000>; }; };
        """),
    ),
    good=(
        Example("""
            / { chosen { linux,elfcorehdr = <0x0 0x50000000 0x0 0x1000>; }; };
        """),
    ),
)
