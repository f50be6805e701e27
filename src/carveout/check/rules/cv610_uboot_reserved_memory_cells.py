# SPDX-License-Identifier: Apache-2.0
"""U-Boot only knows one or two cells below /reserved-memory.

What it checks
--------------
`#address-cells` and `#size-cells` of `/reserved-memory`: 1 or 2.

Why it matters
--------------
U-Boot cannot add the regions that it wants to hand over: framebuffer, OP-TEE, ramoops.

Kernel behaviour
----------------
Linux does not mind, as long as they are those of the root.

Example
-------
See `bad`.

Fix
---
Use one or two cells, in the root as well.

Known limits
------------
None.

References
----------
fdtdec_add_reserved_memory(), lib/fdtdec.c of U-Boot; binding rule FW05.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield the note."""
    parent = context.reserved_memory
    if parent is None:
        return
    for name, count in (("#address-cells", parent.cells.address), ("#size-cells", parent.cells.size)):
        if count is not None and count not in (1, 2):
            yield Problem(
                path=parent.path,
                prop=name,
                message=f"{name} is {count}; U-Boot adds regions only where it is 1 or 2",
                cause=name,
            )


RULE = Rule(
    code="CV610",
    slug="uboot-reserved-memory-cells",
    severity=Severity.NOTE,
    summary="U-Boot cannot read these cell counts of /reserved-memory",
    board=check,
    covers=("FW05",),
    bad=(
        Example(
            """
            / { #address-cells = <3>; #size-cells = <2>; reserved-memory { #address-cells = <3>; #size-cells = <2>; ranges; }; };
        """,
            whole=True,
        ),
    ),
    good=(
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
        """),
    ),
)
