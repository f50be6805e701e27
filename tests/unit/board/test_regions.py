# SPDX-License-Identifier: Apache-2.0
"""Nodes below /reserved-memory and their consumers, as facts (binding.md 3.1 to 3.3)."""

from __future__ import annotations

import pytest

from carveout.board.model import Cells
from support.boards import board_of, cells, node, region, reserved_memory, text, wide


# ---- 3.1: /reserved-memory itself --------------------------------------------------------------------------
def test_what_is_kept_of_the_parent() -> None:
    (parent,) = board_of(reserved_memory(ranges=wide(1))).reserved_memory
    assert (parent.path, parent.cells, parent.regions) == ("/reserved-memory", Cells(2, 2), ())
    assert parent.ranges is not None
    assert parent.ranges.value == wide(1)


def test_a_bare_parent() -> None:
    (parent,) = board_of(node("reserved-memory")).reserved_memory
    assert (parent.cells, parent.ranges) == (Cells(None, None), None)


def test_all_candidates_for_the_parent_are_kept() -> None:
    # Kernels disagree on which one counts (kernel-semantics 3.1).
    board = board_of(
        reserved_memory(name="reserved-memory@0"),
        node("soc", {}, reserved_memory()),
        reserved_memory(),
        node("reserved-memory-2"),
    )
    assert [parent.path for parent in board.reserved_memory] == ["/reserved-memory@0", "/reserved-memory"]


def test_nested_nodes_are_kept_with_their_depth() -> None:
    # Kernel 5.10 takes grandchildren for regions (kernel-semantics 3.2): tree order, the depth counted from the parent.
    deep = node("a", {}, node("b", {}, node("c")), node("d"))
    (parent,) = board_of(reserved_memory(deep, node("e"))).reserved_memory
    assert [(found.name, found.depth) for found in parent.regions] == [
        ("a", 1),
        ("b", 2),
        ("c", 3),
        ("d", 2),
        ("e", 1),
    ]


# ---- 3.2: the properties of a region -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "field"),
    [
        pytest.param("reg", "reg", id="reg"),
        pytest.param("size", "size", id="size"),
        pytest.param("alignment", "alignment", id="alignment"),
        pytest.param("alloc-ranges", "alloc_ranges", id="alloc-ranges"),
        pytest.param("status", "status", id="status"),
        pytest.param("compatible", "compatible", id="compatible"),
        pytest.param("iommu-addresses", "iommu_addresses", id="iommu-addresses"),
    ],
)
@pytest.mark.parametrize(
    "value",
    [pytest.param(b"", id="empty"), pytest.param(b"\1\2\3", id="odd"), pytest.param(wide(1, 2), id="entry")],
)
def test_values_stay_raw(name: str, field: str, value: bytes) -> None:
    (parent,) = board_of(reserved_memory(node("r", {name: value}))).reserved_memory
    prop = getattr(parent.regions[0], field)
    assert (prop.name, prop.value) == (name, value)
    others = {"reg", "size", "alignment", "alloc_ranges", "status", "compatible", "iommu_addresses"} - {field}
    assert all(getattr(parent.regions[0], other) is None for other in others)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        pytest.param("no-map", "no_map", id="no-map"),
        pytest.param("reusable", "reusable", id="reusable"),
        pytest.param("linux,cma-default", "cma_default", id="linux,cma-default"),
        pytest.param("linux,dma-default", "dma_default", id="linux,dma-default"),
        pytest.param("no-map-fixup", "no_map_fixup", id="no-map-fixup"),
    ],
)
@pytest.mark.parametrize("value", [pytest.param(b"", id="empty"), pytest.param(cells(0), id="with-a-value")])
def test_a_flag_is_set_by_being_there(name: str, field: str, value: bytes) -> None:
    # binding.md ST20: `<0>` still means set.
    flags = ("no_map", "reusable", "cma_default", "dma_default", "no_map_fixup")
    (parent,) = board_of(reserved_memory(node("r", {name: value}))).reserved_memory
    assert {flag for flag in flags if getattr(parent.regions[0], flag)} == {field}


@pytest.mark.parametrize(
    ("properties", "phandle"),
    [
        pytest.param({"phandle": cells(5)}, 5, id="phandle"),
        pytest.param({"linux,phandle": cells(6)}, 6, id="linux,phandle"),
        pytest.param({"linux,phandle": cells(6), "phandle": cells(5)}, 5, id="both"),
        pytest.param({"phandle": wide(5)}, None, id="too-long"),
        pytest.param({"phandle": b"\5"}, None, id="too-short"),
        pytest.param({}, None, id="none"),
    ],
)
def test_phandle(properties: dict[str, bytes], phandle: int | None) -> None:
    (parent,) = board_of(reserved_memory(node("r", properties))).reserved_memory
    assert parent.regions[0].phandle == phandle


def test_path_and_name_include_the_unit_address() -> None:
    (parent,) = board_of(reserved_memory(region("fw@50000000"))).reserved_memory
    assert (parent.regions[0].path, parent.regions[0].name) == ("/reserved-memory/fw@50000000", "fw@50000000")


# ---- 3.3: consumers ----------------------------------------------------------------------------------------
REGIONS = reserved_memory(node("a", {"phandle": cells(1)}), node("b", {"phandle": cells(2)}))


def test_several_entries_with_names() -> None:
    device = node(
        "dsp",
        {
            "compatible": text("vendor,dsp", "vendor,any"),
            "memory-region": cells(2, 1, 2),
            "memory-region-names": text("code", "data"),
        },
    )
    found = board_of(REGIONS, node("soc", {}, device)).consumers
    assert [(entry.path, entry.index, entry.name, entry.region, entry.phandle) for entry in found] == [
        ("/soc/dsp", 0, "code", "/reserved-memory/b", 2),
        ("/soc/dsp", 1, "data", "/reserved-memory/a", 1),
        # one name less than entries
        ("/soc/dsp", 2, None, "/reserved-memory/b", 2),
    ]
    assert {entry.compatible for entry in found} == {("vendor,dsp", "vendor,any")}
    assert all(entry.enabled for entry in found)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(cells(9), [(9, None)], id="dangling"),
        pytest.param(cells(0), [(0, None)], id="zero"),
        pytest.param(cells(0xFFFF_FFFF), [(0xFFFF_FFFF, None)], id="minus-one"),
        pytest.param(cells(9, 1), [(9, None), (1, "/reserved-memory/a")], id="dangling-first"),
        pytest.param(cells(1) + b"\0\0\0", [(1, "/reserved-memory/a")], id="partial-last"),
        pytest.param(b"", [], id="empty"),
    ],
)
def test_phandles_as_they_are(value: bytes, expected: list[tuple[int, str | None]]) -> None:
    found = board_of(REGIONS, node("dev", {"memory-region": value})).consumers
    assert [(entry.phandle, entry.region) for entry in found] == expected


@pytest.mark.parametrize(
    ("bus", "device", "enabled"),
    [
        pytest.param(None, None, True, id="no-status"),
        pytest.param("okay", "ok", True, id="okay"),
        pytest.param(None, "disabled", False, id="device"),
        pytest.param("disabled", None, False, id="bus"),
        pytest.param("disabled", "okay", False, id="bus-although-device-okay"),
        pytest.param("fail-needs-probe", None, False, id="fail"),
    ],
)
def test_enabled_with_all_parents(bus: str | None, device: str | None, enabled: bool) -> None:
    def status(value: str | None) -> dict[str, bytes]:
        return {} if value is None else {"status": text(value)}

    inner = node("dev", {"memory-region": cells(1), **status(device)})
    (found,) = board_of(REGIONS, node("bus", status(bus), node("sub", {}, inner))).consumers
    assert found.enabled is enabled


def test_a_region_can_be_a_consumer_itself() -> None:
    # qcom,smem may use memory-region (binding.md 3.6).
    own = node("smem", {"memory-region": cells(1)})
    assert [entry.path for entry in board_of(REGIONS, own).consumers] == ["/smem"]


def test_phandle_of_a_node_elsewhere() -> None:
    device = node("dev", {"memory-region": cells(7)})
    (found,) = board_of(REGIONS, node("clock", {"phandle": cells(7)}), device).consumers
    assert found.region == "/clock"
