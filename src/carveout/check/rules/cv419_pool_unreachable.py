# SPDX-License-Identifier: Apache-2.0
"""The pool of a device lies where its bus cannot reach.

What it checks
--------------
Each pool that the simulated kernel attaches to an enabled device, against the `dma-ranges` of the nearest bus
above the device.

Why it matters
--------------
The device is given addresses that it cannot put on its bus.

Kernel behaviour
----------------
All versions attach the pool. 7.2 warns `reserved memory is beyond device's set DMA address range` for a
coherent pool. Allocations from it fail, or the device reads and writes other memory.

Example
-------
See `bad`.

Fix
---
Move the pool into what the bus reaches: `reg`, or `alloc-ranges` for a dynamic one.

Known limits
------------
The narrower mask that a driver may set is not in the tree. Devices behind an IOMMU (`iommus`) are left out. A
window that lies outside altogether is CV211's.

References
----------
rmem_dma_device_init(), kernel/dma/coherent.c; of_dma_get_range(), drivers/of/address.c; kernel-semantics 5.1,
8.13; binding rule CO15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.consumers import bus_above
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import one_bank_each
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such entry."""
    buses = {bus.path: bus for bus in view.board.board.dma_ranges}
    bound = [entry for entry in view.boot.consumers if entry.bound_by and entry.enabled] if buses else []
    if not bound:
        return
    places = {r.path: Span.sized(r.base, r.size) for r in view.boot.regions if r.base is not None and r.size}
    for entry in bound:
        place = places.get(entry.region or "")
        bus = bus_above(buses, entry.path)
        node = view.board.tree.node(entry.path)
        if place is None or bus is None or bus.unread or not bus.entries or node is None or "iommus" in node:
            continue
        reach = one_bank_each([Span.sized(*given) for given in bus.entries])
        if not any(span.contains(place) for span in reach):
            yield Problem(
                path=entry.path,
                prop="memory-region",
                message=(
                    f"its pool {entry.region} is at {format_range(place)}, and dma-ranges of {bus.path} reaches "
                    f"{' and '.join(format_range(span) for span in reach)} only"
                ),
                related=(entry.region or "", bus.path),
                cause=f"entry {entry.index}",
            )


RULE = Rule(
    code="CV419",
    slug="pool-unreachable",
    severity=Severity.ERROR,
    summary="a device cannot reach its pool",
    boot=check,
    covers=("CO15", "corpus-dma-unreachable"),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };

                };
                soc { #address-cells = <1>; #size-cells = <1>; ranges = <0x0 0x0 0x0 0x40000000>;
                    dma-ranges = <0x0 0x0 0x40000000 0x10000000>;
                    video@1000000 { reg = <0x1000000 0x1000>; memory-region = <&pool>; };
                };
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
                soc { #address-cells = <1>; #size-cells = <1>; ranges = <0x0 0x0 0x0 0x40000000>;
                    dma-ranges = <0x0 0x0 0x40000000 0x40000000>;
                    video@1000000 { reg = <0x1000000 0x1000>; memory-region = <&pool>; };
                };
            };
        """),
    ),
)
