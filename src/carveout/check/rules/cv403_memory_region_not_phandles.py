# SPDX-License-Identifier: Apache-2.0
"""`memory-region` is not a plain list of phandles.

What it checks
--------------
Whether the length of `memory-region` is a multiple of 4, and whether each cell is a phandle: a list in which
every second cell is a number is one with specifiers, which do not exist.

Why it matters
--------------
Drafts of 2014 had `#memory-region-cells`, and the specification still says "phandle, specifier pairs".
Nothing reads it that way: a number behind a phandle is taken for a phandle, and the entries behind it have
other numbers than meant.

Kernel behaviour
----------------
All versions read one phandle per cell. The number leads to no node (-ENODEV), or to a node that has nothing
to do with it (-EINVAL). Bytes after the last whole cell are ignored.

Example
-------
See `bad`.

Fix
---
Remove the numbers.

Known limits
------------
Found only when it is clear: a name for each pair, `#memory-region-cells` in the region, or very small
numbers. Otherwise CV401 or CV402 report the entry.

References
----------
of_parse_phandle(), drivers/of/base.c; Linux commit f08ad1deaaf8; dtschema/dtb.py; binding rule CO04.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.consumers import has_specifiers
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such list."""
    for prop in context.tree.properties_named("memory-region"):
        if prop.length % 4:
            yield Problem(
                path=prop.node.path,
                prop="memory-region",
                message=f"it has {prop.length} bytes, which is no whole number of phandles; the rest is ignored",
            )
    for path, entries in context.devices.items():
        if len(entries) > 1 and has_specifiers(context, entries):
            extra = ", ".join(f"0x{entry.phandle:x}" for entry in entries[1::2])
            yield Problem(
                path=path,
                prop="memory-region",
                message=(
                    f"a number follows each phandle ({extra}); memory-region has no such cells, and Linux takes each "
                    "number for a phandle: the driver gets -ENODEV or -EINVAL for it"
                ),
                fix="remove the numbers behind the phandles",
                edits=(
                    Edit(
                        EditKind.SET,
                        path,
                        "memory-region",
                        b"".join(entry.phandle.to_bytes(4, "big") for entry in entries[::2]),
                    ),
                ),
            )


RULE = Rule(
    code="CV403",
    slug="memory-region-not-phandles",
    severity=Severity.ERROR,
    summary="memory-region is not a plain list of phandles",
    board=check,
    covers=("CO04", "corpus-memory-region-length"),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = <&fw 4>; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = <&pool 0x30>, <&fw 0x31>; memory-region-names = "dma", "firmware"; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = [00 00 00 01 00]; };
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
                video@1000000 { memory-region = <&pool>, <&fw>; memory-region-names = "dma", "firmware"; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = <&pool 0x99>; };
            };
        """),
    ),
)
