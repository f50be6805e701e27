# SPDX-License-Identifier: Apache-2.0
"""Devices of a tree as the kernel makes them: what they are called, and which `iommu-addresses` are theirs.

Source: of_device_make_bus_id(), drivers/of/device.c; of_translate_address(), of_translate_dma_region(),
drivers/of/address.c; of_iommu_get_resv_regions(), drivers/iommu/of_iommu.c (binding 3.5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import cells_of, is_enabled, number
from carveout.board.dma import translate_dma
from carveout.board.model import Target
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from carveout.fdt import Node, Property, Tree

_MAX_CELLS = 4
# Longer chains of buses do not occur; a hostile tree has them.
_MAX_DEPTH = 64
_ROOT_CELLS = 1


def cpu_address(node: Node) -> int | None:
    """Return the first address of `reg` as the CPU sees it; None when a bus above does not pass it on."""
    prop, bus = node.prop("reg"), node.parent
    if prop is None or bus is None:
        return None
    width, size = _cells(bus)
    if not 0 < width <= _MAX_CELLS or size > _MAX_CELLS or prop.length < 4 * width:
        return None
    address = number(prop.value[: 4 * width])
    at: Node | None = bus
    for _ in range(_MAX_DEPTH):
        if at is None or at.parent is None:
            return address
        above = _through(at, address)
        if above is None:
            return None
        address, at = above, at.parent
    return None


def _cells(bus: Node) -> tuple[int, int]:
    # A bus's own properties, else those of the nodes above it.
    return cells_of(bus, "#address-cells", _ROOT_CELLS), cells_of(bus, "#size-cells", _ROOT_CELLS)


def _through(bus: Node, address: int) -> int | None:
    # One step up, through `ranges`. Without the property nothing passes; an empty one changes nothing.
    prop = bus.prop("ranges")
    if prop is None or bus.parent is None:
        return None
    if prop.length == 0:
        return address
    (own, size), (above, _) = _cells(bus), _cells(bus.parent)
    if max(own, size, above) > _MAX_CELLS or (step := 4 * (own + above + size)) == 0:
        return None
    data = prop.value
    for at in range(0, len(data) - step + 1, step):
        child = number(data[at : at + 4 * own])
        length = number(data[at + 4 * (own + above) : at + step])
        if child <= address < child + length:
            return number(data[at + 4 * own : at + 4 * (own + above)]) + (address - child)
    return None


def read_targets(tree: Tree, phandles: Iterable[int]) -> dict[int, Target]:
    """Return the nodes behind phandles, by phandle; one that leads nowhere is left out."""
    found = {}
    for phandle in phandles:
        node = tree.by_phandle(phandle)
        if node is not None:
            compatible = node.prop("compatible")
            texts = compatible.value.rstrip(b"\0").lower().split(b"\0") if compatible is not None else []
            found[phandle] = Target(
                node=node, enabled=is_enabled(node), address=cpu_address(node), compatible=tuple(texts)
            )
    return found


def device_name(node: Node) -> str:
    """Return the name of the platform device of a node: `38300000.video-codec`, or `soc:gpu` without an address."""
    name = ""
    at: Node | None = node
    for _ in range(_MAX_DEPTH):
        if at is None or at.parent is None:
            break
        address = cpu_address(at)
        if address is not None:
            own = f"{address:x}.{at.base_name}"
            return f"{own}:{name}" if name else own
        name = f"{at.name}:{name}" if name else at.name
        at = at.parent
    return name


class IommuAddress(NamedTuple):
    """One entry of `iommu-addresses`, as the kernel reads it for one device."""

    iova: int
    """Address the device uses, after dma-ranges of the buses above."""
    size: int


class IommuAddresses:
    """The property `iommu-addresses` of a region, for any device."""

    def __init__(self, prop: Property) -> None:
        """Note where each value of a cell stands, so that a device's entries are found without reading all."""
        value = prop.value
        self._cells = [int.from_bytes(value[at : at + 4], "big") for at in range(0, len(value) - 3, 4)]
        self._places: dict[int, list[int]] = {}
        for place, cell in enumerate(self._cells):
            self._places.setdefault(cell, []).append(place)

    def of(self, device: Node) -> Iterator[IommuAddress]:
        """Yield the entries that the kernel takes for this device's.

        Every cell that is no entry of this device is stepped over alone, so that an address cell which happens to be
        the device's phandle is taken for one. The reading ends at an entry that is cut off or that no bus translates.
        """
        bus = device.parent
        if bus is None:
            return
        width, length = _cells(bus)
        if max(width, length) > _MAX_CELLS:
            return
        at = 0
        for place in self._own_places(device):
            if place < at:
                continue
            start = place + 1
            at = start + width + length
            iova = (
                translate_dma(bus, _number(self._cells[start : start + width]))
                if at <= len(self._cells)
                else None
            )
            if iova is None:
                return
            yield IommuAddress(iova, _number(self._cells[start + width : at]))

    def _own_places(self, device: Node) -> list[int]:
        # Of several nodes with one phandle, the kernel takes the one that it finds by it.
        found = (device.prop("phandle"), device.prop("linux,phandle"))
        phandles = {number(prop.value) for prop in found if prop is not None and prop.length == 4}
        mine = [phandle for phandle in phandles if device.tree.by_phandle(phandle) == device]
        return sorted(place for phandle in mine for place in self._places.get(phandle, ()))


def _number(cells: list[int]) -> int:
    return number(b"".join(cell.to_bytes(4, "big") for cell in cells))
