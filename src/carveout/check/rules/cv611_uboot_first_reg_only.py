# SPDX-License-Identifier: Apache-2.0
"""U-Boot keeps only the first entry of `reg`.

What it checks
--------------
Enabled regions with more than one entry in `reg`.

Why it matters
--------------
U-Boot may load a kernel, a tree or a ram disk into the other parts, and leaves them out of the EFI memory
map.

Kernel behaviour
----------------
See CV111: 7.2 reserves only the first entry too.

Example
-------
See `bad`.

Fix
---
Write one region for each entry.

Known limits
------------
None.

References
----------
boot_fdt_add_mem_rsv_regions(), boot/image-fdt.c, and efi_carve_out_dt_rsv(), lib/efi_loader of U-Boot;
binding rule FW06.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such region."""
    for region in context.regions:
        if region.entries is not None and len(region.entries) > 1:
            yield Problem(
                path=region.path,
                prop="reg",
                message=f"U-Boot keeps itself from the first of {len(region.entries)} entries only",
            )


RULE = Rule(
    code="CV611",
    slug="uboot-first-reg-only",
    severity=Severity.NOTE,
    summary="U-Boot keeps only the first entry of reg",
    board=check,
    covers=("FW06",),
    bad=(
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000 0x0 0x60000000 0x0 0x100000>; };
        """),
    ),
    good=(
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
        """),
    ),
)
