# SPDX-License-Identifier: Apache-2.0
"""A framebuffer is larger than its region.

What it checks
--------------
`stride` times `height` of enabled `simple-framebuffer` nodes with `memory-region`, against the size of the
region.

Why it matters
--------------
The picture goes on behind the region, into memory of others.

Kernel behaviour
----------------
The simplefb and simpledrm drivers map the region; drawing beyond its end faults, or overwrites what is there.

Example
-------
See `bad`.

Fix
---
Enlarge the region, or correct `stride` and `height`.

Known limits
------------
None.

References
----------
simple-framebuffer.yaml; framebuffer.yaml of dt-schema; drivers/gpu/drm/sysfb/simpledrm.c; binding rule CO23.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.consumers import region_of
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.units import format_size_about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext
    from carveout.fdt import Node


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such framebuffer."""
    for entry in context.board.consumers:
        if "simple-framebuffer" not in entry.compatible or not entry.enabled or entry.index:
            continue
        region = region_of(context, entry)
        node = context.tree.node(entry.path)
        if region is None or node is None:
            continue
        size = region.entries[0][1] if region.entries else region.size
        stride, height = _cell(node, "stride"), _cell(node, "height")
        if size and stride and height and stride * height > size:
            need = stride * height
            yield Problem(
                path=entry.path,
                prop="memory-region",
                message=(
                    f"{height} lines of {stride} bytes take 0x{need:x} bytes ({format_size_about(need)}); {region.path} has "
                    f"0x{size:x} ({format_size_about(size)})"
                ),
                related=(region.path,),
            )


def _cell(node: Node, name: str) -> int | None:
    prop = node.prop(name)
    return int.from_bytes(prop.value, "big") if prop is not None and prop.length == 4 else None


RULE = Rule(
    code="CV431",
    slug="framebuffer-too-small",
    severity=Severity.ERROR,
    summary="a framebuffer does not fit into its region",
    board=check,
    covers=("CO23",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fb: framebuffer@50000000 { reg = <0x0 0x50000000 0x0 0x700000>; no-map; };
                };
                chosen { framebuffer { compatible = "simple-framebuffer"; memory-region = <&fb>;
                    width = <1080>; height = <1920>; stride = <4320>; format = "a8r8g8b8"; }; };
            };
        """),
    ),
    good=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fb: framebuffer@50000000 { reg = <0x0 0x50000000 0x0 0x7e9000>; no-map; };
                };
                chosen { framebuffer { compatible = "simple-framebuffer"; memory-region = <&fb>;
                    width = <1080>; height = <1920>; stride = <4320>; format = "a8r8g8b8"; }; };
            };
        """),
    ),
)
