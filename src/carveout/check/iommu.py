# SPDX-License-Identifier: Apache-2.0
"""What the rules about `iommu-addresses` share: its entries as Linux reads them.

An entry is a phandle, an address and a length. Linux takes the numbers of cells from the bus of the device that the
phandle leads to; the schema's text says the same, its example does not (binding 3.5).
Source: of_iommu_get_resv_regions(), drivers/iommu/of_iommu.c; of_translate_dma_region(), drivers/of/address.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import cells_of, number
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext, Region
    from carveout.fdt import Node

_MAX_CELLS = 4


class IommuEntry(NamedTuple):
    """One entry that could be read."""

    target: Node
    phandle: int
    base: int
    """Address the device uses."""
    size: int
    cells: tuple[int, ...]
    """The cells behind the phandle."""


class IommuList(NamedTuple):
    """The entries of a region."""

    region: Region
    entries: tuple[IommuEntry, ...]
    fault: str | None
    """What stops the reading, as words; None: all of it was read."""


def iommu_lists(context: BoardContext) -> tuple[IommuList, ...]:
    """Return the iommu-addresses of each enabled region that has some."""
    return context.once(_iommu_lists)


def _iommu_lists(context: BoardContext) -> Iterator[IommuList]:
    for region in context.regions:
        prop = region.raw.iommu_addresses
        if prop is not None:
            yield _read(context, region, prop.value)


def _read(context: BoardContext, region: Region, value: bytes) -> IommuList:
    found: list[IommuEntry] = []
    fault = None
    at = 0
    while at < len(value) and fault is None:
        phandle = int.from_bytes(value[at : at + 4], "big")
        target = context.tree.by_phandle(phandle)
        bus = target.parent if target is not None else None
        if target is None or bus is None:
            fault = f"cell {at // 4} is 0x{phandle:x}, and no device has this phandle"
            break
        width = cells_of(bus, "#address-cells", 1)
        step = width + cells_of(bus, "#size-cells", 1)
        rest = value[at + 4 : at + 4 + 4 * step]
        if step > 2 * _MAX_CELLS or len(rest) < 4 * step:
            fault = (
                f"the entry for {target.path} has {len(rest) // 4} cells behind the phandle; its bus has {step} "
                "for address and length"
            )
            break
        cells = tuple(int.from_bytes(rest[i : i + 4], "big") for i in range(0, len(rest), 4))
        found.append(IommuEntry(target, phandle, number(rest[: 4 * width]), number(rest[4 * width :]), cells))
        at += 4 + 4 * step
    return IommuList(region, tuple(found), fault)
