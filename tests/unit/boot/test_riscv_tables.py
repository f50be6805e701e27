# SPDX-License-Identifier: Apache-2.0
"""Page tables of riscv64: how many pages they take, and how wide addresses are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carveout.boot.page_tables import inside, total, touched
from carveout.boot.run import boot
from carveout.boot.scene import Scene
from carveout.span import GIB, MIB, Span
from support.boards import board_of, cells, memory, node, region, reserved_memory, text

if TYPE_CHECKING:
    from carveout.boot.result import Boot

GIGABYTE = Span.sized(0x8000_0000, GIB)
FIRMWARE = region("mmode_resv0@80000000", reg=[(0x8000_0000, 0x8_0000)])


def riscv(
    kernel: str,
    *regions: Any,
    ram: Span = GIGABYTE,
    mmu: str | None = None,
    dtb: int | None = None,
    **scene: Any,
) -> Boot:
    """Boot a board whose cpu node has this mmu-type; without a tree in memory, so that the top of RAM is free."""
    cpu = {"device_type": text("cpu"), "compatible": text("riscv"), "reg": cells(0)}
    if mmu is not None:
        cpu["mmu-type"] = text(mmu)
    board = board_of(
        node("cpus", {"#address-cells": cells(1), "#size-cells": cells(0)}, node("cpu@0", cpu)),
        memory((ram.start, ram.size), name="memory@80000000"),
        reserved_memory(FIRMWARE, *regions),
    )
    values = {"kernel_image": Span.sized(0x8020_0000, 32 * MIB), "cmdline": "", **scene}
    return boot(board, Scene(kernel=kernel, arch="riscv64", dtb_at=dtb, **values))


def pages(result: Boot) -> int:
    """Return how many pages setup_vm_final() took."""
    steps = [step for step in result.trace if step.subject == "page tables" and "linear map" in step.reason]
    return sum(step.size or 0 for step in steps) // 4096


# The pool is the top 2 MiB: one table of pages. The kernel is in the first GiB, so that needs one of 2 MiB blocks.
# Above that one table for 512 GiB with 48 bits and more, and one for 256 TiB with 57; and the kernel's own mapping
# has one table less than there are levels.
@pytest.mark.parametrize(
    ("bits", "ram", "expected"),
    [
        pytest.param(39, GIB, 1 + 1 + 1, id="39-1g"),
        pytest.param(48, GIB, 1 + 1 + 1 + 2, id="48-1g"),
        pytest.param(57, GIB, 1 + 1 + 1 + 1 + 3, id="57-1g"),
        # 39 bits: blocks of 1 GiB are not used, so every GiB costs a table.
        pytest.param(39, 6 * GIB, 1 + 6 + 1, id="39-6g"),
        # 48 and 57 bits: only the first and the last GiB are not one block.
        pytest.param(48, 6 * GIB, 1 + 2 + 1 + 2, id="48-6g"),
        pytest.param(57, 6 * GIB, 1 + 2 + 1 + 1 + 3, id="57-6g"),
    ],
)
def test_pages_for_ram_in_one_piece(bits: int, ram: int, expected: int) -> None:
    assert pages(riscv("6.12.107", ram=Span.sized(0x8000_0000, ram), cpu_va=bits)) == expected


def test_a_pool_that_is_not_aligned_to_2_mib_costs_two_tables() -> None:
    # A region of 1 MiB at the top moves the pool to [0xbfd00000, 0xbff00000).
    assert pages(riscv("6.12.107", region("d", size=MIB))) == 7 + 1


def test_ram_behind_an_unaligned_no_map_region_is_mapped_in_pages() -> None:
    # [0x90001924, 0xbfe00000) touches 383 slots of 2 MiB, the first of them shared with the page before the region;
    # the pool at the top is in the last slot.
    hole = region("a@90000123", "no-map", reg=[(0x9000_0123, 0x1801)])
    assert pages(riscv("6.12.107", hole)) == 383 + 1 + 6


def test_a_no_map_region_on_pages_costs_only_its_borders() -> None:
    hole = region("a@90001000", "no-map", reg=[(0x9000_1000, 0x1000)])
    assert pages(riscv("6.12.107", hole)) == 7 + 1


@pytest.mark.parametrize(
    ("kernel", "mmu", "scene", "levels"),
    [
        pytest.param("6.12.107", None, {}, 4, id="6.12-assumes-57"),
        pytest.param("6.12.107", "riscv,sv48", {}, 4, id="6.12-asks-the-cpu"),
        pytest.param("6.12.107", "riscv,sv39", {}, 2, id="6.12-a-cpu-with-39"),
        pytest.param("6.12.107", "riscv,sv48", {"cpu_va": 48}, 3, id="6.12-told"),
        pytest.param("7.2.13", None, {}, 4, id="7.2-no-mmu-type"),
        pytest.param("7.2.13", "riscv,sv48", {}, 3, id="7.2-believes-the-tree"),
        pytest.param("7.2.13", "riscv,sv39", {}, 2, id="7.2-39"),
        pytest.param("7.2.13", "riscv,none", {}, 4, id="7.2-an-unknown-type"),
        pytest.param("6.12.107", None, {"cmdline": "no4lvl"}, 2, id="no4lvl"),
        pytest.param("6.12.107", None, {"cmdline": "no5lvl"}, 3, id="no5lvl"),
        pytest.param("5.10", None, {}, 2, id="5.10-knows-39-only"),
    ],
)
def test_how_many_levels_there_are(kernel: str, mmu: str | None, scene: dict[str, Any], levels: int) -> None:
    # Of the pages, all but those for 2 MiB slots are one for each level and one less for the kernel.
    expected = {4: 7, 3: 5, 2: 3}[levels] - (0 if kernel != "5.10" else 1)
    if kernel == "7.2.13":
        scene = {**scene, "cmdline": "cma=0"}
    assert pages(riscv(kernel, mmu=mmu, **scene)) == expected


spans = st.builds(lambda start, size: Span(start, start + size), st.integers(0, 60), st.integers(1, 20))


@given(st.lists(spans, max_size=6), st.integers(0, 7), st.sampled_from([1, 2, 4, 8]))
def test_slots_are_those_a_loop_over_bytes_finds(ranges: list[Span], origin: int, width: int) -> None:
    slots = {(byte - origin) // width for span in ranges for byte in range(span.start, span.end)}
    whole = {
        slot
        for slot in slots
        if any(
            span.start <= origin + slot * width and origin + (slot + 1) * width <= span.end for span in ranges
        )
    }
    assert total(touched(ranges, origin, width)) == len(slots)
    assert {slot for first, end in inside(ranges, origin, width) for slot in range(first, end)} == whole
