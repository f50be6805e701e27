# SPDX-License-Identifier: Apache-2.0
"""A boot loader looks for this node by its path.

What it checks
--------------
Regions that boot loaders are known to patch or delete by their full path, on the boards in question:
`linux,cma` of Raspberry Pi, `trustzone@…` of Tegra.

Why it matters
--------------
To rename the node switches the patch off, without a word.

Kernel behaviour
----------------
Linux does not mind names.

Example
-------
See `bad`.

Fix
---
Keep the name.

Known limits
------------
A short list of what was read in U-Boot's boards.

References
----------
board/raspberrypi/rpi/rpi.c and the Tegra boards of U-Boot; binding section 6 and rule FW16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_SOURCE = """/ { #address-cells = <2>; #size-cells = <2>; compatible = "raspberrypi,4-model-b", "brcm,bcm2711";
    reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
        linux,cma { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; linux,cma-default; };
    };
};"""
_KNOWN = (
    ("brcm,bcm2", "linux,cma", "U-Boot on Raspberry Pi copies its size from the firmware's tree"),
    ("nvidia,tegra", "trustzone", "U-Boot on several Tegra boards deletes it"),
)


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such region."""
    for start, name, what in _KNOWN:
        if not any(compatible.startswith(start) for compatible in context.board.compatible):
            continue
        for region in context.regions:
            if region.base_name == name:
                yield Problem(
                    path=region.path, message=f"{what}, by its path: to rename the node switches that off"
                )


RULE = Rule(
    code="CV625",
    slug="name-used-by-firmware",
    severity=Severity.NOTE,
    summary="a boot loader changes this node by its path",
    board=check,
    covers=("FW16",),
    bad=(Example(_SOURCE, whole=True),),
    good=(
        Example("""
            linux,cma { size = <0x0 0x4000000>; };
        """),
    ),
)
