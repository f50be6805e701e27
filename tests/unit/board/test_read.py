# SPDX-License-Identifier: Apache-2.0
"""Root, memory nodes, /chosen and reserve map as facts. Nothing is repaired: malformed values stay as they are."""

from __future__ import annotations

import pytest

from carveout.board.model import Cells
from support.boards import (
    board_of,
    cells,
    cpus,
    memory,
    mib,
    node,
    region,
    reserved_memory,
    text,
    usual_board,
    wide,
)


# ---- root --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("root", "expected"),
    [
        pytest.param({"#address-cells": cells(2), "#size-cells": cells(1)}, Cells(2, 1), id="2-1"),
        pytest.param({}, Cells(None, None), id="absent"),
        pytest.param({"#address-cells": cells(2)}, Cells(2, None), id="no-size-cells"),
        pytest.param(
            {"#address-cells": cells(1, 7), "#size-cells": cells(3)}, Cells(1, 3), id="first-cell-counts"
        ),
    ],
)
def test_root_cells(root: dict[str, bytes], expected: Cells) -> None:
    assert board_of(root=root).root_cells == expected


def test_a_short_cell_is_read_on_into_the_blob() -> None:
    # As C does: 2 bytes of value, then 2 bytes of padding.
    assert board_of(root={"#size-cells": b"\0\2"}).root_cells.size == 0x0002_0000


def test_model_and_compatible_of_the_root() -> None:
    board = board_of(root={"model": text("A board"), "compatible": text("vendor,board", "vendor,soc")})
    assert (board.model, board.compatible) == ("A board", ("vendor,board", "vendor,soc"))
    bare = board_of()
    assert (bare.model, bare.compatible, bare.reserved_ranges) == (None, (), None)


def test_bytes_that_are_no_utf_8_survive() -> None:
    board = board_of(root={"model": b"caf\xe9\0"})
    assert board.model is not None
    assert board.model.encode("utf-8", "surrogateescape") == b"caf\xe9"


def test_reserved_ranges_of_powerpc() -> None:
    # binding.md section 1, S2: a property of the root, kept as it is.
    board = board_of(root={"reserved-ranges": wide(0x2FFF_0000, 0x1_0000)})
    assert board.reserved_ranges is not None
    assert board.reserved_ranges.value == wide(0x2FFF_0000, 0x1_0000)
    assert board_of(node("soc", {"reserved-ranges": wide(1, 2)})).reserved_ranges is None


def test_reserve_map_in_its_order() -> None:
    # An entry of size 0 in the middle is a fact, too: what it means is the kernel's business (1.6).
    reserve = [(0x9000_0000, 0x1000), (0x8000_0000, 0), (1, 2)]
    assert [(entry.address, entry.size) for entry in board_of(reserve=reserve).reserve_map] == reserve


# ---- memory nodes ------------------------------------------------------------------------------------------
def test_what_is_kept_of_a_memory_node() -> None:
    extra = {
        "linux,usable-memory": wide(1, 2),
        "status": text("disabled"),
        "hotpluggable": b"",
        "numa-node-id": cells(3),
    }
    (found,) = board_of(memory((0x4000_0000, 0x1000), extra=extra)).memory
    assert (found.path, found.depth, found.numa_node_id, found.hotpluggable) == (
        "/memory@40000000",
        1,
        3,
        True,
    )
    assert [prop.value for prop in (found.reg, found.usable, found.status) if prop is not None] == [
        wide(0x4000_0000, 0x1000),
        wide(1, 2),
        text("disabled"),
    ]


def test_a_bare_memory_node() -> None:
    (found,) = board_of(node("memory", {"device_type": text("memory")})).memory
    assert (found.reg, found.usable, found.status, found.hotpluggable, found.numa_node_id) == (
        None,
        None,
        None,
        False,
        None,
    )


@pytest.mark.parametrize(
    ("device_type", "counts"),
    [
        pytest.param(b"memory\0", True, id="memory"),
        pytest.param(b"memory", True, id="no-NUL"),
        pytest.param(b"memory\0cpu\0", True, id="first-of-a-list"),
        pytest.param(b"Memory\0", False, id="upper-case"),
        pytest.param(b"memory2\0", False, id="longer"),
        pytest.param(b"mem\0", False, id="shorter"),
        pytest.param(b"", False, id="empty"),
    ],
)
def test_device_type_is_compared_exactly(device_type: bytes, counts: bool) -> None:
    board = board_of(node("memory@0", {"device_type": device_type}))
    assert bool(board.memory) is counts


def test_memory_nodes_at_any_depth_in_tree_order() -> None:
    board = board_of(memory(name="b"), node("soc", {}, node("x", {}, memory(name="c"))), memory(name="a"))
    assert [(found.path, found.depth) for found in board.memory] == [("/b", 1), ("/soc/x/c", 3), ("/a", 1)]


# ---- chosen ------------------------------------------------------------------------------------------------
def test_all_candidates_for_chosen_are_kept() -> None:
    # Which one counts differs between kernels (kernel-semantics 1.1).
    board = board_of(node("chosen@0"), node("chosen"), node("Chosen"), node("soc", {}, node("chosen")))
    assert [chosen.path for chosen in board.chosen] == ["/chosen@0", "/chosen"]


def test_what_is_kept_of_chosen() -> None:
    values = {
        "bootargs": text("quiet"),
        "linux,initrd-start": cells(1),
        "linux,initrd-end": cells(2),
        "linux,elfcorehdr": wide(3, 4),
        "linux,usable-memory-range": wide(5, 6),
    }
    (chosen,) = board_of(node("chosen", values)).chosen
    kept = (
        chosen.bootargs,
        chosen.initrd_start,
        chosen.initrd_end,
        chosen.elfcorehdr,
        chosen.usable_memory_range,
    )
    assert [prop.value for prop in kept if prop is not None] == list(values.values())
    (empty,) = board_of(node("chosen")).chosen
    assert (empty.bootargs, empty.initrd_start, empty.elfcorehdr) == (None, None, None)


# ---- architecture ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("compatible", "arch"),
    [
        *(
            pytest.param(name, "arm64", id=name)
            for name in (
                "arm,cortex-a53", "arm,cortex-a35", "arm,cortex-a510", "arm,cortex-a55", "arm,cortex-a57",
                "arm,cortex-a65", "arm,cortex-a72", "arm,cortex-a710", "arm,cortex-a76", "arm,cortex-x1",
                "arm,neoverse-n1", "arm,armv8", "apple,icestorm", "qcom,kryo", "arm,kryo", "nvidia,tegra132-denver",
                "cavium,thunder", "ARM,Cortex-A53", "arm,cortex-a320", "arm,cortex-a520", "arm,rainier",
            )
        ),
        *(
            pytest.param(name, "arm", id=name)
            for name in (
                "arm,cortex-a5", "arm,cortex-a7", "arm,cortex-a8", "arm,cortex-a9", "arm,cortex-a15",
                "arm,cortex-a17", "arm,cortex-a12", "arm,cortex-a32", "arm,arm1176jzf-s", "arm,arm926ej-s",
                "qcom,krait", "marvell,pj4a", "brcm,brahma-b15",
            )
        ),
        *(pytest.param(name, "riscv64", id=name) for name in ("riscv", "riscv,rv64")),
        pytest.param("PowerPC,POWER9", "powerpc64", id="PowerPC,POWER9"),
        pytest.param("loongson,la464", None, id="loongson,la464"),
    ],
)  # fmt: skip
def test_architecture_of_a_processor(compatible: str, arch: str | None) -> None:
    # Names of processors: Documentation/devicetree/bindings/arm/cpus.yaml.
    assert board_of(cpus(compatible)).arch == arch


@pytest.mark.parametrize(
    ("properties", "arch"),
    [
        pytest.param({"riscv,isa": text("rv64imafdc")}, "riscv64", id="riscv,isa"),
        pytest.param({"riscv,isa-base": text("rv64i")}, "riscv64", id="riscv,isa-base"),
        pytest.param({"ibm,pa-features": cells(1)}, "powerpc64", id="ibm,pa-features"),
        pytest.param(
            {"ibm,processor-segment-sizes": cells(28)}, "powerpc64", id="ibm,processor-segment-sizes"
        ),
        pytest.param({}, None, id="nothing"),
        pytest.param({"compatible": text("vendor,own", "arm,armv8")}, "arm64", id="second-compatible"),
        pytest.param({"compatible": b"arm,cortex-a53"}, None, id="no-NUL"),
    ],
)
def test_architecture_from_other_properties(properties: dict[str, bytes], arch: str | None) -> None:
    assert board_of(node("cpus", {}, node("cpu@0", properties))).arch == arch


def test_architecture_needs_cpus() -> None:
    assert board_of().arch is None
    assert board_of(node("cpus")).arch is None
    # cpu-map is no processor, and comes first.
    board = board_of(node("cpus", {}, node("cpu-map"), node("cpu@0", {"compatible": text("arm,cortex-a53")})))
    assert board.arch == "arm64"


# ---- the names of 2013 -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("names", "properties"),
    [
        # binding.md section 1: S1 and S13 (Marek's names), S13 (Grant's earlier one), S16 to S19 (Grant's proposal);
        # section 2: what v7 had.
        pytest.param(("reserved-memory-region",), {}, id="S1"),
        pytest.param(("linux,contiguous-memory-region",), {}, id="S13-Marek"),
        pytest.param(("shareable-memory-region",), {}, id="S13-Grant"),
        pytest.param(("reserved-memory",), {}, id="S16"),
        pytest.param(("contiguous-memory", "reserved-memory"), {}, id="S17"),
        pytest.param(
            ("contiguous-memory", "reserved-memory"),
            {"linux,default-contiguous-region": b""},
            id="S18-default",
        ),
        pytest.param(("fsl,qman-backing-store", "reserved-memory"), {}, id="S7"),
        pytest.param(("contiguous-memory",), {"linux,default-cma": b""}, id="LG06"),
    ],
)
def test_names_of_2013(names: tuple[str, ...], properties: dict[str, bytes]) -> None:
    old = node("pool@50000000", {"compatible": text(*names), "reg": wide(0x5000_0000, 0x1000), **properties})
    (found,) = board_of(reserved_memory(old)).legacy
    assert found.path == "/reserved-memory/pool@50000000"
    assert found.names == (*names, *properties)


def test_hardware_region_of_2013() -> None:
    # S19: the second string is the dialect, the first is today's.
    old = node("smem", {"compatible": text("qcom,smem", "reserved-memory")})
    assert [found.names for found in board_of(reserved_memory(old)).legacy] == [("reserved-memory",)]


def test_regions_below_the_memory_node_as_v7_had_them() -> None:
    # Section 2: v7 kept the regions in /memory/reserved-memory.
    regions = node("reserved-memory", {}, node("a"), node("b"))
    board = board_of(node("memory", {"device_type": text("memory")}, regions))
    assert [(found.path, found.names) for found in board.legacy] == [
        ("/memory/reserved-memory/a", ("/memory/reserved-memory",)),
        ("/memory/reserved-memory/b", ("/memory/reserved-memory",)),
    ]
    assert board.reserved_memory == ()


def test_no_dialect_in_an_ordinary_tree() -> None:
    pool = region("pool", size=mib(16), compatible="shared-dma-pool")
    assert usual_board(pool).legacy == ()
    # The words in a model or a name are not the dialect.
    other = node("contiguous-memory", {"model": text("reserved-memory"), "compatible": text("memory-bus")})
    assert usual_board(pool, others=[other]).legacy == ()
