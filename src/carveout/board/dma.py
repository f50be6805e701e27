# SPDX-License-Identifier: Apache-2.0
"""dma-ranges: how far the devices below each bus can reach, in addresses of the CPU.

Source: of_dma_get_max_cpu_address() and of_translate_dma_address(), drivers/of/address.c
(kernel-semantics 1.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import cells_of, is_reachable, number
from carveout.board.model import DmaRanges

if TYPE_CHECKING:
    from carveout.fdt import Node, Property, Tree

_MAX_CELLS = 4
_MAX_DEPTH = 64


def read_dma_ranges(tree: Tree) -> tuple[DmaRanges, ...]:
    """Return every non-empty dma-ranges of a tree, in tree order."""
    found = []
    for prop in tree.properties_named("dma-ranges"):
        if prop.length and prop.node.parent is not None:
            read = tuple(_cpu_entries(prop))
            found.append(
                DmaRanges(
                    path=prop.node.path,
                    enabled=is_reachable(prop.node),
                    entries=read,
                    unread=len(read) * _entry_bytes(prop.node) != prop.length,
                )
            )
    return tuple(found)


def _layout(bus: Node) -> tuple[int, int, int] | None:
    # Cells of the bus's own addresses, of its parent's addresses, and of sizes.
    parent = bus.parent
    own = cells_of(bus, "#address-cells", 1)
    above = cells_of(parent, "#address-cells", 1) if parent is not None else 0
    size = cells_of(bus, "#size-cells", 1)
    if own > _MAX_CELLS or above > _MAX_CELLS or size > _MAX_CELLS or own + above + size == 0:
        return None
    return own, above, size


def _entry_bytes(bus: Node) -> int:
    layout = _layout(bus)
    return 0 if layout is None else 4 * sum(layout)


def raw_entries(prop: Property) -> list[tuple[int, int, int]]:
    """Return (address on the bus, address on its parent, size) of each complete entry of a dma-ranges."""
    layout = _layout(prop.node)
    if layout is None:
        return []
    own, above, size = layout
    step = 4 * (own + above + size)
    data = prop.value
    found = []
    for at in range(0, len(data) - step + 1, step):
        parent_at, size_at = at + 4 * own, at + 4 * (own + above)
        found.append(
            (number(data[at:parent_at]), number(data[parent_at:size_at]), number(data[size_at : at + step]))
        )
    return found


def _cpu_entries(prop: Property) -> list[tuple[int, int]]:
    return [
        (cpu, size)
        for _, parent_address, size in raw_entries(prop)
        if (cpu := _translate(prop.node.parent, parent_address)) is not None
    ]


def _translate(bus: Node | None, address: int) -> int | None:
    # A bus without dma-ranges, or with an empty one, passes addresses through unchanged.
    for _ in range(_MAX_DEPTH):
        if bus is None or bus.parent is None:
            return address
        prop = bus.prop("dma-ranges")
        if prop is not None and prop.length:
            for child, parent_address, size in raw_entries(prop):
                if child <= address < child + size:
                    address = parent_address + (address - child)
                    break
            else:
                return None
        bus = bus.parent
    return None
