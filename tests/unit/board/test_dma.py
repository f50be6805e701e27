# SPDX-License-Identifier: Apache-2.0
"""dma-ranges as CPU addresses (kernel-semantics 1.2, of_dma_get_max_cpu_address)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.boards import board_of, cells, node, text, wide

if TYPE_CHECKING:
    from carveout.fdt.draft import DraftNode

ONE_ONE = {"#address-cells": cells(1), "#size-cells": cells(1)}


def bus(name: str, ranges: bytes, *children: DraftNode, **more: bytes) -> DraftNode:
    return node(name, {**ONE_ONE, "dma-ranges": ranges, **more}, *children)


def entries(*nodes: DraftNode) -> list[tuple[str, bool, tuple[tuple[int, int], ...]]]:
    return [(found.path, found.enabled, found.entries) for found in board_of(*nodes).dma_ranges]


def test_one_bus() -> None:
    # One cell of its own, two of the root's, one of size: bus 0xc0000000 is CPU 0, 0x3c000000 bytes.
    found = entries(bus("soc", cells(0xC000_0000, 0, 0, 0x3C00_0000)))
    assert found == [("/soc", True, ((0, 0x3C00_0000),))]


def test_several_entries() -> None:
    value = cells(0, 0, 0x8000_0000, 0x1000, 0x1000, 1, 0, 0x2000)
    assert entries(bus("soc", value)) == [("/soc", True, ((0x8000_0000, 0x1000), (0x1_0000_0000, 0x2000)))]


def test_nested_buses_are_translated() -> None:
    # soc: [0x0, 0x80000000) is CPU [0x1_0000_0000, ...). sub: [0, 0x1000) is soc 0x2000: CPU 0x1_0000_2000.
    sub = bus("sub", cells(0, 0x2000, 0x1000))
    assert entries(bus("soc", cells(0, 1, 0, 0x8000_0000), sub)) == [
        ("/soc", True, ((0x1_0000_0000, 0x8000_0000),)),
        ("/soc/sub", True, ((0x1_0000_2000, 0x1000),)),
    ]


def test_the_second_entry_of_the_bus_above_translates() -> None:
    sub = bus("sub", cells(0, 0x9000, 0x1000))
    above = cells(0, 0, 0x4000_0000, 0x1000, 0x8000, 0, 0x6000_0000, 0x8000)
    assert entries(bus("soc", above, sub))[1] == ("/soc/sub", True, ((0x6000_1000, 0x1000),))


@pytest.mark.parametrize(
    "between",
    [
        pytest.param({**ONE_ONE, "dma-ranges": b""}, id="empty"),
        pytest.param(ONE_ONE, id="none"),
    ],
)
def test_a_bus_without_a_translation_passes_addresses_through(between: dict[str, bytes]) -> None:
    sub = bus("sub", cells(0, 0x2000, 0x1000))
    top = bus("top", cells(0, 1, 0, 0x8000_0000), node("between", between, sub))
    assert entries(top)[-1] == ("/top/between/sub", True, ((0x1_0000_2000, 0x1000),))


def test_an_address_that_no_bus_above_knows_is_left_out() -> None:
    sub = bus("sub", cells(0, 0xF000_0000, 0x1000, 0x1000, 0x10, 0x1000))
    assert entries(bus("soc", cells(0, 1, 0, 0x8000_0000), sub))[1][2] == ((0x1_0000_0010, 0x1000),)


def test_the_end_of_a_range_is_not_inside() -> None:
    # soc knows [0, 0x8000); 0x7fff is the last address it translates.
    sub = bus("sub", cells(0, 0x7FFF, 1, 0x1000, 0x8000, 1))
    assert entries(bus("soc", cells(0, 1, 0, 0x8000), sub))[1][2] == ((0x1_0000_7FFF, 1),)


def test_an_empty_property_is_no_limit() -> None:
    # 1.2: "the empty-property case is ignored".
    assert entries(bus("soc", b"")) == []


def test_dma_ranges_of_the_root_mean_nothing() -> None:
    assert board_of(root={"dma-ranges": wide(0, 0, 1)}).dma_ranges == ()


@pytest.mark.parametrize(
    ("outer", "inner", "enabled"),
    [
        pytest.param({}, {}, True, id="plain"),
        pytest.param({}, {"status": text("disabled")}, False, id="the-bus"),
        pytest.param({"status": text("disabled")}, {}, False, id="the-bus-above"),
        pytest.param({"status": text("okay")}, {"status": text("ok")}, True, id="okay"),
    ],
)
def test_disabled_buses(outer: dict[str, bytes], inner: dict[str, bytes], enabled: bool) -> None:
    sub = bus("sub", cells(0, 0, 0x1000), **inner)
    found = entries(node("soc", {**ONE_ONE, **outer}, sub))
    assert [(path, on) for path, on, _ in found] == [("/soc/sub", enabled)]


def test_cells_are_inherited() -> None:
    # of_n_addr_cells() looks at the nodes above: `sub` has the one cell of `soc` for its parent's addresses, and none
    # of its own, so it takes those of soc, too.
    sub = node("sub", {"dma-ranges": cells(0, 0x2000, 0x1000)})
    assert entries(node("soc", ONE_ONE, sub)) == [("/soc/sub", True, ((0x2000, 0x1000),))]


def test_a_partial_entry_is_left_out() -> None:
    assert entries(bus("soc", cells(0, 0, 0x1000, 0x10, 7, 7)))[0][2] == ((0x1000, 0x10),)


def test_pci_addresses_have_three_cells() -> None:
    pcie = node(
        "pcie",
        {
            "#address-cells": cells(3),
            "#size-cells": cells(2),
            "dma-ranges": cells(0x0200_0000, 0, 0, 0, 0x4000_0000, 0, 0x8000_0000),
        },
    )
    assert entries(pcie) == [("/pcie", True, ((0x4000_0000, 0x8000_0000),))]


@pytest.mark.parametrize("count", [pytest.param(5, id="five"), pytest.param(0x0100_0000, id="byte-swapped")])
def test_more_cells_than_linux_knows(count: int) -> None:
    odd = node(
        "soc", {"#address-cells": cells(count), "#size-cells": cells(1), "dma-ranges": cells(1, 2, 3, 4)}
    )
    assert entries(odd) == [("/soc", True, ())]


def test_no_cells_at_all() -> None:
    none = {"#address-cells": cells(0), "#size-cells": cells(0)}
    board = board_of(node("soc", {**none, "dma-ranges": cells(1)}), root=none)
    assert [found.entries for found in board.dma_ranges] == [()]
