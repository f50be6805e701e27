# SPDX-License-Identifier: Apache-2.0
"""A device cannot reach the window its region is allocated from.

What it checks
--------------
Each window of `alloc-ranges` of a dynamic region against the `dma-ranges` of the bus of each enabled device that refers to
it.

Why it matters
--------------
The buffers that the device gets are at addresses it cannot put on its bus.

Kernel behaviour
----------------
All versions place the region by `alloc-ranges` alone. The DMA layer then refuses buffers from it, or the driver falls back
to another pool.

Example
-------
See `bad`: a bus that reaches 1 GiB, and a window behind it.

Fix
---
Move the window into what the bus reaches.

Known limits
------------
The narrower mask a driver may set is not in the tree. Devices behind an IOMMU (with `iommus`) are left out.

References
----------
rmem_dma_device_init(), kernel/dma/coherent.c; of_dma_get_range(), drivers/of/address.c; kernel-semantics 5.1; binding
rule AD14.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import ranges, readable_regions
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.board import DmaRanges
    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each window and device."""
    buses = context.board.dma_ranges
    if not buses:
        return
    for region in readable_regions(context):
        if not region.is_dynamic or not region.windows:
            continue
        windows = [Span.sized(*window) for window in region.windows]
        for user in region.users:
            bus = _bus(buses, user.path) if user.enabled else None
            if bus is None or bus.unread or not bus.entries:
                continue
            node = context.tree.node(user.path)
            if node is None or "iommus" in node:
                continue
            reach = [Span.sized(*entry) for entry in bus.entries]
            for window in windows:
                if not any(window.overlaps(span) for span in reach):
                    yield Problem(
                        path=region.path,
                        prop="alloc-ranges",
                        message=(
                            f"{user.path} refers to this region and cannot reach {format_range(window)}: the dma-ranges "
                            f"of {bus.path} end it at {ranges(sorted(reach))}"
                        ),
                        related=(user.path, bus.path),
                    )


def _bus(buses: tuple[DmaRanges, ...], path: str) -> DmaRanges | None:
    # The nearest bus above a device that limits it.
    above = [bus for bus in buses if path.startswith(bus.path.rstrip("/") + "/")]
    return max(above, key=lambda bus: len(bus.path), default=None)


RULE = Rule(
    code="CV211",
    slug="alloc-range-beyond-dma",
    severity=Severity.WARNING,
    summary="a device cannot reach the window its region is allocated from",
    board=check,
    covers=("AD14",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool { size = <0x0 0x100000>; alloc-ranges = <0x1 0x0 0x1 0x0>; };
                };
                soc { #address-cells = <1>; #size-cells = <1>; ranges = <0x0 0x0 0x0 0x40000000>;
                    dma-ranges = <0x0 0x0 0x40000000 0x40000000>;
                    video@1000000 { reg = <0x1000000 0x1000>; memory-region = <&pool>; };
                };
            };
        """),
    ),
    good=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool { size = <0x0 0x100000>; alloc-ranges = <0x0 0x40000000 0x0 0x20000000>; };
                };
                soc { #address-cells = <1>; #size-cells = <1>; ranges = <0x0 0x0 0x0 0x40000000>;
                    dma-ranges = <0x0 0x0 0x40000000 0x40000000>;
                    video@1000000 { reg = <0x1000000 0x1000>; memory-region = <&pool>; };
                };
            };
        """),
    ),
)
