# SPDX-License-Identifier: Apache-2.0
"""A device has another number of regions than its binding says.

What it checks
--------------
The number of entries of `memory-region` of enabled devices with a fixed list in their binding: TI K3 R5F
cores, MediaTek WED, Apple AGX, Freescale QMan.

Why it matters
--------------
The drivers take the entries by number. With one missing, each behind it is taken for another, or the driver
fails.

Kernel behaviour
----------------
The driver decides; most fail to start.

Example
-------
See `bad`.

Fix
---
List the regions that the binding names, in its order.

Known limits
------------
A small table of bindings with fixed lists (`check/device_layouts.py`). A binding that is newer than the table
may allow other lists.

References
----------
ti,k3-r5f-rproc.yaml, mediatek,mt7622-wed.yaml, apple,agx.yaml, fsl,qman.yaml in
Documentation/devicetree/bindings; binding rule CO13.
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
        layout = layout_of(entries[0]) if entries[0].enabled else None
        if layout is None or any(len(names) == len(entries) for names in layout.names):
            continue
        wanted = " or ".join(f"{len(names)} ({', '.join(names)})" for names in layout.names)
        yield Problem(
            path=path,
            prop="memory-region",
            message=f"{len(entries)} entries; {layout.binding} says {wanted}",
        )


RULE = Rule(
    code="CV417",
    slug="device-region-count",
    severity=Severity.WARNING,
    summary="a device has another number of regions than its binding says",
    board=check,
    covers=("CO13",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };

                };
                r5f@41000000 { compatible = "ti,am654-r5f"; memory-region = <&pool>; };
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
                r5f@41000000 { compatible = "ti,am654-r5f"; memory-region = <&pool>, <&fw>; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };

                };
                video@1000000 { memory-region = <&pool>; };
            };
        """),
    ),
)
