# SPDX-License-Identifier: Apache-2.0
"""NUMA nodes: which memory belongs to which node, what each costs, and when the kernel gives up on it.

    0x40000000          0x80000000          0xc0000000
        |------ node 0 ------|------ node 1 ------|

Addresses in node 0 are those of the recorded boots numa-2: nothing else is at its top.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.span import GIB, MIB, Span
from support.boards import KERNELS, region, reserved_memory
from support.numa_boards import HIGH, LOW, TWO, bank, boot_nodes, distances, processors, two_nodes

if TYPE_CHECKING:
    from carveout.boot.result import Boot
    from carveout.fdt.draft import DraftNode

NODE_DATA_0 = {"5.10": 0x7FFF_DB00, "6.1": 0x7FFF_D380, "6.12": 0x7FFF_C8C0, "7.2": 0x7FFF_C800}


def ram(result: Boot) -> list[tuple[int, int, int | None]]:
    return [(entry.base, entry.size, entry.nid) for entry in result.memory]


def taken(result: Boot, reason: str) -> list[tuple[int | None, int | None]]:
    return [(step.base, step.size) for step in result.trace if step.reason.startswith(reason)]


def node_data(result: Boot) -> dict[str, int | None]:
    return {
        step.reason.removeprefix("NODE_DATA of "): step.base
        for step in result.trace
        if step.reason.startswith("NODE_DATA of ")
    }


WHOLE = [(0x4000_0000, 2 * GIB, 0)]
SPLIT = [(*LOW, 0), (*HIGH, 1)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_two_nodes(kernel: str) -> None:
    result = two_nodes(kernel)
    assert ram(result) == SPLIT
    found = node_data(result)
    assert found["node 0"] == NODE_DATA_0[kernel]
    assert 0x8000_0000 < (found["node 1"] or 0) < 0xC000_0000
    # n * n bytes on a page of their own with a distance map; 16 * 16 on the older kernels, with or without.
    assert [size for _, size in taken(result, "distance table")] == [
        0x100 if kernel in ("5.10", "6.1") else 4
    ]
    masks = 2 if kernel in ("6.12", "7.2") else 0
    assert [size for _, size in taken(result, "cpumask")] == [64] * masks
    assert str(result.exactness) == "exact"


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12"])
def test_each_node_holds_its_own_struct_pages(kernel: str) -> None:
    maps = taken(two_nodes(kernel), "memory map of")
    assert [size for _, size in maps] == [16 * MIB, 16 * MIB]
    first, second = (base or 0 for base, _ in maps)
    assert first < 0x8000_0000 <= second


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12"])
def test_struct_pages_come_in_runs_of_one_node(kernel: str) -> None:
    banks = [bank(((at + 1) * GIB, GIB), nid) for at, nid in enumerate((0, 1, 0))]
    maps = taken(boot_nodes(kernel, processors(0), *banks, distances(*TWO)), "memory map of")
    assert [size for _, size in maps] == [16 * MIB] * 3
    owners = [(base or 0) // GIB for base, _ in maps]
    assert (owners[1], {owners[0], owners[2]} <= {1, 3}) == (2, True)


@pytest.mark.parametrize("kernel", ["6.12", "7.2"])
def test_reserved_memory_is_split_at_the_border(kernel: str) -> None:
    across = region("a@7ff00000", reg=[(0x7FF0_0000, 2 * MIB)])
    result = two_nodes(kernel, reserved_memory(across))
    pieces = [(r.base, r.nid) for r in result.reserved if r.base in (0x7FF0_0000, 0x8000_0000)]
    assert pieces == [(0x7FF0_0000, 0), (0x8000_0000, 1)]


@pytest.mark.parametrize("kernel", ["5.10", "6.1"])
def test_older_kernels_leave_reserved_memory_whole(kernel: str) -> None:
    across = region("a@7ff00000", reg=[(0x7FF0_0000, 2 * MIB)])
    result = two_nodes(kernel, reserved_memory(across))
    assert any(r.base <= 0x7FF0_0000 and r.base + r.size >= 0x8010_0000 for r in result.reserved)


@pytest.mark.parametrize("kernel", KERNELS)
def test_swapped_nodes(kernel: str) -> None:
    result = boot_nodes(kernel, processors(0), bank(LOW, 1), bank(HIGH, 0), distances(*TWO))
    assert ram(result) == [(*LOW, 1), (*HIGH, 0)]
    # Ascending by node, so that of node 0 is the first.
    assert list(node_data(result)) == ["node 0", "node 1"]
    assert node_data(result)["node 1"] == NODE_DATA_0[kernel]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_node_without_memory_is_served_by_another(kernel: str) -> None:
    result = boot_nodes(kernel, processors(1), bank((0x4000_0000, 2 * GIB), 0), distances(*TWO))
    assert ram(result) == WHOLE
    assert list(node_data(result)) == ["node 0", "node 1"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_mem_can_empty_a_node(kernel: str) -> None:
    result = two_nodes(kernel, cmdline="mem=1G")
    assert ram(result) == [(*LOW, 0)]
    assert list(node_data(result)) == ["node 0", "node 1"]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param([bank((0x4000_0000, 2 * GIB), None)], id="no-node-named"),
        pytest.param([bank(LOW, 0), bank(HIGH, None)], id="one-bank-without"),
        pytest.param([bank(LOW, None), bank(HIGH, 1)], id="the-first-without"),
        pytest.param([bank(LOW, 0), bank(HIGH, 16)], id="number-too-large"),
        pytest.param([bank(LOW, 0), bank(HIGH, 1), distances()], id="empty-map"),
        pytest.param([bank(LOW, 0), bank(HIGH, 1), distances((0, 0, 10), (0, 1, 10))], id="far-as-near"),
        pytest.param([bank(LOW, 0), bank(HIGH, 1), distances((0, 0, 20))], id="near-as-far"),
    ],
)
def test_everything_is_node_0_when_it_does_not_hold_together(kernel: str, nodes: list[DraftNode]) -> None:
    result = boot_nodes(kernel, processors(0), *nodes)
    assert ram(result) == WHOLE
    assert list(node_data(result)) == ["node 0"]
    always = kernel in ("5.10", "6.1")
    assert [size for _, size in taken(result, "distance table")] == ([0x100] if always else [])


@pytest.mark.parametrize("kernel", KERNELS)
def test_numa_off(kernel: str) -> None:
    assert ram(two_nodes(kernel, cmdline="numa=off")) == WHOLE


def test_ram_given_by_hand_that_no_node_covers() -> None:
    result = two_nodes("6.12", memory=(Span(0x4000_0000, 0x1_0000_0000),))
    assert ram(result) == [(0x4000_0000, 3 * GIB, 0)]


@pytest.mark.parametrize(
    ("nodes", "doubt"),
    [
        pytest.param(
            [bank((0x4000_0000, GIB + MIB), 0), bank(HIGH, 1), distances(*TWO)], "overlap", id="overlap"
        ),
        pytest.param(
            [bank(LOW, 0), bank(HIGH, 1), distances((0, 0, 10))],
            "neither a processor nor a line",
            id="memory-alone",
        ),
    ],
)
def test_what_was_never_booted_is_modelled(nodes: list[DraftNode], doubt: str) -> None:
    result = boot_nodes("6.12", processors(0), *nodes)
    assert str(result.exactness) == "modelled"
    assert any(doubt in note for note in result.notes)


# ---------------------------------------------------------------- hotpluggable memory


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_hotplug_flag_is_cleared_on_newer_kernels(kernel: str) -> None:
    result = boot_nodes(kernel, processors(0), bank(LOW, 0), bank(HIGH, 1, hotpluggable=b""), distances(*TWO))
    assert [entry.flags for entry in result.memory] == [0, 1 if kernel in ("5.10", "6.1") else 0]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("movable", [True, False])
def test_movable_node_keeps_the_kernel_out_of_hotpluggable_memory(kernel: str, movable: bool) -> None:
    result = boot_nodes(
        kernel, processors(0), bank(LOW, 0), bank(HIGH, 1, hotpluggable=b""), distances(*TWO),
        reserved_memory(region("a", size=MIB)), cmdline="movable_node" if movable else "",
    )  # fmt: skip
    assert result.regions[0].base == (0x8000_0000 if movable else 0xC000_0000) - MIB
    (default,) = [area for area in result.cma if area.is_default]
    # NUMA set-up has cleared the flag by then, on newer kernels.
    assert (default.base < 0x8000_0000) == (movable and kernel in ("5.10", "6.1"))
