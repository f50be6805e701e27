# SPDX-License-Identifier: Apache-2.0
"""`linux,elfcorehdr` is not one entry in the cells of the root.

What it checks
--------------
The length of `linux,elfcorehdr` in `/chosen`.

Why it matters
--------------
The header of the crashed kernel is not reserved, or something else is in its place.

Kernel behaviour
----------------
Up to 6.12: a longer property is read as its first entry, a shorter one is completed from what follows in the
blob. 7.2: ignored.

Example
-------
See `bad`.

Fix
---
Write one (address, size) in the cells of the root.

Known limits
------------
None.

References
----------
early_init_dt_check_for_elfcorehdr(), drivers/of/fdt.c; kernel-semantics 1.1, 1.6; binding rule LX13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such property."""
    for chosen in context.board.chosen:
        prop = chosen.elfcorehdr
        if prop is not None and prop.length != context.entry_bytes:
            yield Problem(
                path=chosen.path,
                prop="linux,elfcorehdr",
                message=(
                    f"it has {prop.length} bytes, one entry has {context.entry_bytes}; 7.2 ignores it, older kernels read "
                    "beyond its end or take the first entry"
                ),
            )


RULE = Rule(
    code="CV714",
    slug="elfcorehdr-shape",
    severity=Severity.ERROR,
    summary="linux,elfcorehdr is not one entry",
    board=check,
    covers=("LX13",),
    bad=(
        Example("""
            / { chosen { linux,elfcorehdr = <0x0 0x50000000 0x1000>; }; };
        """),
    ),
    good=(
        Example("""
            / { chosen { linux,elfcorehdr = <0x0 0x50000000 0x0 0x1000>; }; };
        """),
    ),
)
