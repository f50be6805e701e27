# SPDX-License-Identifier: Apache-2.0
"""Contiguous areas for each node, areas across a border of zones, and hugetlb_cma=.

Two nodes of 1 GiB, from 0x40000000 and 0x80000000. Bases in node 0 are those of the recorded boots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot.cma_per_node import numa_cma_sizes
from carveout.span import GIB, MIB, Span
from support.boards import KERNELS, boot_regions, region, reserved_memory
from support.numa_boards import LOW, TWO, bank, boot_nodes, distances, processors, two_nodes

if TYPE_CHECKING:
    from carveout.boot.result import Boot

OLD = ("5.10", "6.1")


def areas(result: Boot) -> list[str]:
    return [area.name for area in result.cma]


def said(result: Boot) -> list[str]:
    return [line for line in result.messages if line.startswith(("cma: ", "hugetlb_cma: "))]


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        pytest.param("0:32M,1:64M", {0: 32 * MIB, 1: 64 * MIB}, id="two"),
        pytest.param("1:64M", {1: 64 * MIB}, id="one"),
        pytest.param("0:32M,16:64M,1:8M", {0: 32 * MIB}, id="no-such-node-ends-it"),
        pytest.param("0:32M;1:8M", {0: 32 * MIB}, id="no-comma"),
        pytest.param("0:32M,x:8M", {0: 32 * MIB}, id="no-number"),
        pytest.param("64M", {}, id="no-colon"),
        pytest.param("0:0x1000", {0: 4096}, id="hexadecimal"),
        pytest.param("0:1M,0:2M", {0: 2 * MIB}, id="the-last-counts"),
        pytest.param("0:8M,", {0: 8 * MIB}, id="ends-in-comma"),
        pytest.param("", {}, id="empty"),
        pytest.param("²:8M", {}, id="not-ascii"),
        pytest.param("9" * 5000 + ":8M", {}, id="very-long"),
    ],
)
def test_numa_cma_sizes(text: str, sizes: dict[int, int]) -> None:
    assert numa_cma_sizes(text, 16) == sizes


@pytest.mark.parametrize(
    ("kernel", "names", "base"),
    [
        pytest.param("5.10", ["pernuma0", "pernuma1", "reserved"], 0x7DC0_0000, id="5.10"),
        pytest.param("6.1", ["pernuma0", "pernuma1", "reserved"], 0x7DE0_0000, id="6.1"),
        pytest.param("6.12", ["reserved"], None, id="6.12-not-configured"),
        pytest.param("7.2", ["reserved", "numa0", "numa1"], 0x7DE0_0000, id="7.2"),
    ],
)
def test_cma_pernuma(kernel: str, names: list[str], base: int | None) -> None:
    result = two_nodes(kernel, cmdline="cma_pernuma=32M")
    assert areas(result) == names
    assert [area.base for area in result.cma if area.name.endswith("0")] == ([base] if base else [])
    assert {area.size for area in result.cma if area.name != "reserved"} <= {32 * MIB}
    assert str(result.exactness) == "exact"


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_areas_come_by_themselves_on_the_newest_kernel(kernel: str) -> None:
    result = two_nodes(kernel)
    assert areas(result) == (["reserved", "numa0", "numa1"] if kernel == "7.2" else ["reserved"])
    assert {area.size for area in result.cma} == {64 * MIB}
    if kernel == "7.2":
        assert result.cma[1].base == 0x7BE0_0000


@pytest.mark.parametrize(
    ("cmdline", "names"),
    [
        pytest.param("cma_pernuma=0", ["reserved"], id="switched-off"),
        pytest.param("numa_cma=1:64M", ["reserved", "numa1"], id="one-node"),
        pytest.param("numa_cma=1:64M cma_pernuma=32M cma=16M", ["reserved", "numa0", "numa1"], id="both"),
        pytest.param("cma=0", [], id="no-default-none-by-themselves"),
        pytest.param("cma=0 cma_pernuma=32M", ["numa0", "numa1"], id="no-default-but-asked-for"),
        pytest.param("cma=4G cma_pernuma=32M", [], id="default-failed"),
        pytest.param("numa_cma=7:64M", ["reserved"], id="node-that-is-not-there"),
    ],
)
def test_parameters_of_the_newest_kernel(cmdline: str, names: list[str]) -> None:
    assert areas(two_nodes("7.2", cmdline=cmdline)) == names


def test_one_node_gets_no_area_of_its_own() -> None:
    assert areas(boot_regions("7.2")) == ["reserved"]


def test_the_default_of_the_tree_counts_too() -> None:
    pool = region("pool", "reusable", "linux,cma-default", size=32 * MIB, compatible="shared-dma-pool")
    result = two_nodes("7.2", reserved_memory(pool))
    assert [(area.name, area.size) for area in result.cma] == [
        ("pool", 32 * MIB), ("numa0", 32 * MIB), ("numa1", 32 * MIB)
    ]  # fmt: skip


def test_configured_before_the_default() -> None:
    # What 6.12 would do with CONFIG_DMA_NUMA_CMA, which no kernel of Debian has.
    result = two_nodes(
        "7.2", cmdline="cma_pernuma=32M numa_cma=1:16M", behaviour={"pernuma_cma": "config-before"}
    )
    assert areas(result) == ["pernuma0", "pernuma1", "numa1", "reserved"]
    assert str(result.exactness) == "modelled"


@pytest.mark.parametrize("kernel", [*OLD, "7.2"])
def test_a_node_without_memory_fails(kernel: str) -> None:
    whole = bank((0x4000_0000, 2 * GIB), 0)
    result = boot_nodes(kernel, processors(1), whole, distances(*TWO), cmdline="cma_pernuma=64M")
    function = "dma_pernuma_cma_reserve" if kernel in OLD else "dma_numa_cma_reserve"
    failure = ["cma: Failed to reserve 64 MiB", f"cma: {function}: reservation failed: err -12, node 1"]
    lines = said(result)
    at = lines.index(failure[0])
    assert lines[at : at + 2] == failure


@pytest.mark.parametrize("kernel", [*OLD, "7.2"])
def test_more_than_there_is(kernel: str) -> None:
    lines = said(two_nodes(kernel, cmdline="cma_pernuma=4G"))
    limit = 0xC000_0000
    first = next(at for at, line in enumerate(lines) if "exceeds" in line)
    assert lines[first : first + 2] == [
        f"cma: Size (0x{4 * GIB:016x}) of region at 0x{0:016x} exceeds limit (0x{limit:016x})",
        "cma: Failed to reserve 4096 MiB",
    ]
    assert lines[first + 2].endswith("_cma_reserve: reservation failed: err -22, node 0")


@pytest.mark.parametrize(
    ("kernel", "base"), [("5.10", 0x1_3DC0_0000), ("6.1", 0x1_0000_0000), ("7.2", 0x1_0000_0000)]
)
def test_above_4_gib_from_the_bottom_since_6_1(kernel: str, base: int) -> None:
    high = bank((0x1_0000_0000, GIB), 1)
    result = boot_nodes(kernel, processors(0), bank(LOW, 0), high, distances(*TWO), cmdline="cma_pernuma=32M")
    (found,) = [area.base for area in result.cma if area.name.endswith("1")]
    if kernel == "5.10":
        assert found > base - 64 * MIB  # top-down, below what lies at the top
    else:
        assert found == base


# ---------------------------------------------------------------- activation


POOL = "shared-dma-pool"


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_area_across_two_nodes_is_never_activated(kernel: str) -> None:
    across = region("pool@7e000000", "reusable", reg=[(0x7E00_0000, 64 * MIB)], compatible=POOL)
    result = two_nodes(kernel, reserved_memory(across))
    assert [area.activated for area in result.cma if area.name == "pool@7e000000"] == [False]
    assert all(area.activated for area in result.cma if area.name != "pool@7e000000")
    assert result.log[-1] == "cma: CMA area pool@7e000000 could not be activated"
    assert str(result.outcome) == "ok"
    assert "crosses the border of two zones at 0x80000000" in result.regions[0].why


def test_an_area_of_the_command_line_can_cross_too() -> None:
    ram = (Span.sized(0x4000_0000, 4 * GIB),)
    result = boot_regions("7.2", ram=ram, cmdline="cma=64M@0xfe000000")
    assert [area.activated for area in result.cma] == [False]
    assert any("contiguous area reserved crosses" in note for note in result.notes)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("base", "activated"),
    [
        pytest.param(0xFE00_0000, True, id="below-4-gib"),
        pytest.param(0xFF00_0000, False, id="across-4-gib"),
        pytest.param(0x1_0000_0000, True, id="above-4-gib"),
    ],
)
def test_the_border_of_zones_at_4_gib(kernel: str, base: int, activated: bool) -> None:
    pool = region("pool", "reusable", reg=[(base, 32 * MIB)], compatible=POOL)
    result = boot_regions(kernel, pool, ram=(Span.sized(0x4000_0000, 4 * GIB),))
    assert [area.activated for area in result.cma if area.name == "pool"] == [activated]


# ---------------------------------------------------------------- hugetlb_cma=


@pytest.mark.parametrize("kernel", KERNELS)
def test_less_than_one_gigantic_page_has_no_effect(kernel: str) -> None:
    result = two_nodes(kernel, cmdline="hugetlb_cma=128M")
    wanted = "must be a multiple of" if kernel == "7.2" else "should be at least"
    assert f"hugetlb_cma: cma area {wanted} 1024 MiB" in said(result)
    assert not any(name.startswith("hugetlb") for name in areas(result))


@pytest.mark.parametrize(
    ("kernel", "argument", "lines", "found"),
    [
        # Booted with 3 GiB from 1 GiB on in node 0, and 3 GiB above in node 1, on 21 November's kernels of Debian.
        pytest.param("5.10", "2G", ["reserve 2048 MiB, up to 1024 MiB per node", *(
            f"reserved 1024 MiB on node {nid}" for nid in (0, 1))], {0: 0x8000_0000, 1: 0x1_4000_0000}, id="5.10"),
        pytest.param("6.1", "2G", ["reserve 2048 MiB, up to 1024 MiB per node", *(
            f"reserved 1024 MiB on node {nid}" for nid in (0, 1))], {0: 0xBFE0_0000}, id="6.1-smaller-alignment"),
        pytest.param("7.2", "2G", ["reserve 2048 MiB, up to 1024 MiB per node", *(
            f"reserved 1024 MiB on node {nid}" for nid in (0, 1))], {0: 0x8000_0000, 1: 0x1_4000_0000}, id="7.2"),
        pytest.param("6.1", "1:512M,0:1G", ["cma area of node 1 should be at least 1024 MiB",
                     "reserved 1024 MiB on node 0"], {0: 0xBFE0_0000}, id="6.1-by-node"),
        pytest.param("7.2", "1:512M,0:1G", ["cma area of node 1 must be a multiple of 1024 MiB",
                     "reserved 1024 MiB on node 0"], {0: 0x8000_0000}, id="7.2-by-node"),
        pytest.param("5.10", "0:1G", [], {}, id="5.10-knows-no-nodes"),
        pytest.param("7.2", "1536M", ["cma area must be a multiple of 1024 MiB"], {}, id="7.2-no-multiple"),
        pytest.param("6.1", "1536M", ["reserve 1536 MiB, up to 1024 MiB per node", *(
            f"reserved 1024 MiB on node {nid}" for nid in (0, 1))], {0: 0xBFE0_0000}, id="6.1-whole-pages"),
        pytest.param("6.1", "3G", ["reserve 3072 MiB, up to 2048 MiB per node",
                     "reserved 2048 MiB on node 0", "reserved 1024 MiB on node 1"], {0: 0x7FE0_0000}, id="6.1-uneven"),
        pytest.param("7.2", "3G", ["reserve 3072 MiB, up to 2048 MiB per node", *(
            f"reservation failed: err -12, node {nid}" for nid in (0, 1))], {}, id="7.2-no-room"),
        pytest.param("5.10", "1536M", ["reserve 1536 MiB, up to 768 MiB per node", *(
            f"reserved 1024 MiB on node {nid}" for nid in (0, 1))], {0: 0x8000_0000}, id="5.10-rounded-up"),
    ],
)  # fmt: skip
def test_areas_for_gigantic_pages(
    kernel: str, argument: str, lines: list[str], found: dict[int, int]
) -> None:
    ram = bank((0x4000_0000, 3 * GIB), 0), bank((0x1_0000_0000, 3 * GIB), 1)
    result = boot_nodes(kernel, processors(0), *ram, cmdline=f"hugetlb_cma={argument}")
    assert [line for line in said(result) if line.startswith("hugetlb")] == [
        f"hugetlb_cma: {x}" for x in lines
    ]
    made = {area.name: area.base for area in result.cma}
    assert {nid: made.get(f"hugetlb{nid}") for nid in found} == found
    if found:
        assert result.exactness == "exact"
