# SPDX-License-Identifier: Apache-2.0
"""EDK II's universal payload cannot read a region.

What it checks
--------------
Trees for a universal payload (`/options/upl-params`): cells of `/reserved-memory` other than 2 and 2, and
regions without `reg`.

Why it matters
--------------
The parser asserts that there is a `reg`, and reads two 64-bit numbers from it.

Kernel behaviour
----------------
Linux takes all of it.

Example
-------
See `bad`.

Fix
---
Use two cells each, and static regions only.

Known limits
------------
None.

References
----------
UefiPayloadPkg/Library/FdtParserLib of EDK II; binding rule FW15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for the cells, and for each region."""
    parent = context.reserved_memory
    if parent is None or context.tree.node("/options/upl-params") is None:
        return
    if parent.cells != (2, 2):
        yield Problem(
            path=parent.path, message="EDK II reads 64-bit numbers: it needs two address and two size cells"
        )
    for region in context.regions:
        if region.raw.reg is None:
            yield Problem(path=region.path, message="there is no reg; EDK II stops here")


RULE = Rule(
    code="CV624",
    slug="edk2-upl-regions",
    severity=Severity.NOTE,
    summary="EDK II stops at a region of a universal payload",
    board=check,
    covers=("FW15",),
    bad=(
        Example("""
            / { options { upl-params { compatible = "upl"; smbios = <0x0 0x1000>; }; };
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; pool { size = <0x0 0x100000>; }; }; };
        """),
    ),
    good=(
        Example("""
            / { options { upl-params { compatible = "upl"; smbios = <0x0 0x1000>; }; };
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; }; }; };
        """),
        Example("""
            pool { size = <0x0 0x100000>; };
        """),
    ),
)
