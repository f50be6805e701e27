# SPDX-License-Identifier: Apache-2.0
"""The names of the regions of a device are not those of its binding.

What it checks
--------------
`memory-region-names` of enabled devices with a fixed list in their binding (see CV417), where the number of
entries is right.

Why it matters
--------------
A driver that asks for a region by name does not find it; one that goes by number takes the wrong one if the
order differs.

Kernel behaviour
----------------
of_reserved_mem_device_init_by_name() returns -ENODEV for a name that is not there.

Example
-------
See `bad`.

Fix
---
Use the names and the order of the binding.

Known limits
------------
See CV417.

References
----------
ti,k3-r5f-rproc.yaml, mediatek,mt7622-wed.yaml, apple,agx.yaml in Documentation/devicetree/bindings; binding
rule CO14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.device_layouts import layout_of
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such device."""
    for path, entries in context.devices.items():
        layout = layout_of(entries[0]) if entries[0].enabled and entries[0].name is not None else None
        if layout is None or not layout.has_names:
            continue
        found = tuple(entry.name or "" for entry in entries)
        same_length = [names for names in layout.names if len(names) == len(found)]
        if same_length and found not in same_length:
            yield Problem(
                path=path,
                prop="memory-region-names",
                message=f"{', '.join(found)}; {layout.binding} says {', '.join(same_length[0])}, in this order",
            )


RULE = Rule(
    code="CV418",
    slug="device-region-names",
    severity=Severity.NOTE,
    summary="a name in memory-region-names is not in the binding of the device",
    board=check,
    covers=("CO14",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };

                };
                r5f@41000000 { compatible = "ti,am654-r5f"; memory-region = <&pool>, <&fw>; memory-region-names = "dma", "image"; };
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
                r5f@41000000 { compatible = "ti,am654-r5f"; memory-region = <&pool>, <&fw>; memory-region-names = "dma", "firmware"; };
            };
        """),
    ),
)
