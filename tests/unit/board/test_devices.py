# SPDX-License-Identifier: Apache-2.0
"""Names of devices and iommu-addresses, as drivers/of and of_iommu.c read them."""

from __future__ import annotations

import pytest

from carveout.board.devices import IommuAddresses, cpu_address, device_name
from carveout.fdt import parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.writer import build
from support.boards import cells, node


def tree_of(*children: DraftNode, address: int = 2, size: int = 2):  # noqa: ANN201
    root = DraftNode("", {"#address-cells": cells(address), "#size-cells": cells(size)}, children)
    return parse(build(root))


def bus(name: str, *children: DraftNode, ranges: bytes | None = b"", **more: bytes) -> DraftNode:
    properties = {"#address-cells": cells(1), "#size-cells": cells(1), **more}
    if ranges is not None:
        properties["ranges"] = ranges
    return node(name, properties, *children)


DEVICE = node("gpu@1000", {"reg": cells(0x1000, 0x100)})


@pytest.mark.parametrize(
    ("tree", "path", "address", "name"),
    [
        pytest.param(tree_of(bus("soc", DEVICE)), "/soc/gpu@1000", 0x1000, "1000.gpu", id="empty-ranges"),
        pytest.param(
            tree_of(bus("soc", DEVICE, ranges=cells(0, 0x1, 0x8000_0000, 0x10_0000))),
            "/soc/gpu@1000", 0x1_8000_1000, "180001000.gpu", id="translated",
        ),
        pytest.param(
            tree_of(bus("soc", bus("sub@0", DEVICE, ranges=cells(0, 0x2000, 0x10000)),
                        ranges=cells(0, 0, 0x4000_0000, 0x10_0000))),
            "/soc/sub@0/gpu@1000", 0x4000_3000, "40003000.gpu", id="two-buses",
        ),
        # of_translate_address() fails: the name is made of the nodes above, up to one with an address.
        pytest.param(tree_of(bus("soc", DEVICE, ranges=None)), "/soc/gpu@1000", None, "soc:gpu@1000", id="no-ranges"),
        pytest.param(
            tree_of(bus("soc", DEVICE, ranges=cells(0x8000, 0, 0x4000_0000, 0x1000))),
            "/soc/gpu@1000", None, "soc:gpu@1000", id="outside-ranges",
        ),
        pytest.param(tree_of(bus("soc", node("gpu"))), "/soc/gpu", None, "soc:gpu", id="no-reg"),
        pytest.param(
            tree_of(bus("soc", node("host@2000", {"reg": cells(0x2000, 1)}, node("mba")))),
            "/soc/host@2000/mba", None, "2000.host:mba", id="below-a-device",
        ),
        pytest.param(tree_of(node("gpu@1000", {"reg": cells(0, 0x1000)}), size=0), "/gpu@1000", 0x1000, "1000.gpu", id="size-0"),
        pytest.param(tree_of(bus("soc", node("short@0", {"reg": b"\0\0"}))), "/soc/short@0", None, "soc:short@0", id="short-reg"),
        pytest.param(
            tree_of(bus("soc", DEVICE, ranges=cells(0, 0, 0x4000_0000))), "/soc/gpu@1000", None, "soc:gpu@1000",
            id="ranges-cut-off",
        ),
    ],
)  # fmt: skip
def test_address_and_name(tree: object, path: str, address: int | None, name: str) -> None:
    found = tree.node(path)  # type: ignore[attr-defined]
    assert (cpu_address(found), device_name(found)) == (address, name)


def test_a_hostile_chain_of_buses_ends() -> None:
    at = node("x")
    for _ in range(120):
        at = node("b", {}, at)
    found = tree_of(at).node("/" + "/".join(["b"] * 120) + "/x")
    assert found is not None
    assert len(device_name(found)) <= 64 * 2


def iommu(value: bytes, *, dma_ranges: bytes | None = None, width: int = 2) -> list[tuple[int, int]]:
    more = {} if dma_ranges is None else {"dma-ranges": dma_ranges}
    device = node("dev", {"phandle": cells(7)})
    soc = node("soc", {"#address-cells": cells(width), "#size-cells": cells(width), **more}, device)
    tree = tree_of(soc, node("region", {"iommu-addresses": value}))
    region, dev = tree.node("/region"), tree.node("/soc/dev")
    assert region is not None
    assert dev is not None
    prop = region.prop("iommu-addresses")
    assert prop is not None
    return [(entry.iova, entry.size) for entry in IommuAddresses(prop).of(dev)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(cells(7, 0, 0x1000, 0, 0x200), [(0x1000, 0x200)], id="one"),
        pytest.param(cells(7, 0, 1, 0, 2, 7, 0, 3, 0, 4), [(1, 2), (3, 4)], id="two"),
        # Entries of other devices are stepped over a cell at a time.
        pytest.param(cells(9, 0, 1, 0, 2, 7, 0, 3, 0, 4), [(3, 4)], id="another-device-first"),
        # binding 3.5: an address cell that happens to be the phandle is taken for one.
        pytest.param(cells(9, 0, 7, 0, 2, 7, 0, 3, 0, 4), [(2, 7 << 32)], id="clash"),
        pytest.param(cells(7, 0, 1, 0), [], id="cut-off"),
        pytest.param(cells(9, 0, 1, 0, 2), [], id="not-for-it"),
        pytest.param(b"", [], id="empty"),
        pytest.param(cells(7, 0, 1, 0, 2) + b"\0", [(1, 2)], id="odd-length"),
    ],
)
def test_iommu_addresses(value: bytes, expected: list[tuple[int, int]]) -> None:
    assert iommu(value) == expected


def test_iommu_addresses_count_in_cells_of_the_bus() -> None:
    # binding 3.5, reading 3: neither the region's cells nor the device's own.
    assert iommu(cells(7, 0x1000, 0x200), width=1) == [(0x1000, 0x200)]


def test_iommu_addresses_pass_dma_ranges() -> None:
    moved = cells(0, 0x1000, 0, 0x8000_1000, 0, 0x1000)
    assert iommu(cells(7, 0, 0x1000, 0, 0x200), dma_ranges=moved) == [(0x8000_1000, 0x200)]
    assert iommu(cells(7, 0, 0x9000, 0, 0x200), dma_ranges=moved) == []


def test_iommu_addresses_of_two_devices_with_one_phandle() -> None:
    # of_find_node_by_phandle() finds one of them.
    first, second = (node(name, {"phandle": cells(7)}) for name in ("first", "second"))
    tree = tree_of(first, second, node("region", {"iommu-addresses": cells(7, 0, 1, 0, 2)}))
    region = tree.node("/region")
    prop = region.prop("iommu-addresses")
    found = {path: list(IommuAddresses(prop).of(tree.node(path))) for path in ("/first", "/second")}
    assert {path: len(entries) for path, entries in found.items()} == {
        tree.by_phandle(7).path: 1,
        **{path: 0 for path in found if path != tree.by_phandle(7).path},
    }


def test_a_hostile_list_costs_no_more_than_its_length() -> None:
    devices = [node(f"d{n}", {"phandle": cells(n + 1)}) for n in range(3000)]
    value = cells(*range(1, 3001)) * 20
    tree = tree_of(*devices, node("region", {"iommu-addresses": value}))
    region = tree.node("/region")
    table = IommuAddresses(region.prop("iommu-addresses"))
    assert sum(len(list(table.of(tree.node(f"/d{n}")))) for n in range(3000)) > 3000
