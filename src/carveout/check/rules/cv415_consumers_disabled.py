# SPDX-License-Identifier: Apache-2.0
"""All devices that refer to a region are disabled.

What it checks
--------------
Enabled regions that at least one `memory-region` leads to, and only from disabled devices.

Why it matters
--------------
The memory is reserved on a board that does not use it.

Kernel behaviour
----------------
All versions reserve the region; whether its device is enabled plays no part.

Example
-------
See `bad`.

Fix
---
Disable the region as well, where the device is disabled for good.

Known limits
------------
Common and mostly deliberate (159 arm64 boards of 7.2): a note. A boot loader may enable the device.

References
----------
fdt_scan_reserved_mem(), drivers/of/of_reserved_mem.c; corpus-and-peers section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.units import format_size_about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such region."""
    for region in context.regions:
        if not region.users or any(user.enabled for user in region.users):
            continue
        size = region.entries[0][1] if region.entries else region.size
        about = f" {format_size_about(size)}" if size else ""
        paths = tuple(dict.fromkeys(user.path for user in region.users))
        yield Problem(
            path=region.path,
            message=f"reserved{about}, and all devices that refer to it are disabled: {', '.join(paths)}",
            related=paths,
        )


RULE = Rule(
    code="CV415",
    slug="consumers-disabled",
    severity=Severity.NOTE,
    summary="all devices of a region are disabled",
    board=check,
    covers=("corpus-consumers-disabled",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };

                };
                video@1000000 { memory-region = <&fw>; status = "disabled"; };
            };
        """),
    ),
    good=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };

                };
                video@1000000 { memory-region = <&pool>, <&fw>; };
            };
        """),
    ),
)
