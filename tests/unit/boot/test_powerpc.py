# SPDX-License-Identifier: Apache-2.0
"""powerpc64: the order of early_init_devtree(), reserved-ranges, and the memory limit.

RAM is [0, 1 GiB) unless a test says otherwise, the kernel lies at 0, the tree at 128 MiB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot.result import BootOutcome, Exactness, Outcome
from carveout.span import GIB, MIB, Span
from support.boards import bases, cells, named, region, wide
from support.powerpc import DTB_AT, IMAGES, INITRD, KERNELS, PAGES, guest, power_boot

if TYPE_CHECKING:
    from carveout.boot.result import Boot


def claims_of(result: Boot, who: str) -> list[tuple[int, int]]:
    return [(claim.base, claim.size) for claim in result.claims if claim.who == who]


def early_reserved(result: Boot) -> list[tuple[int, int]]:
    assert result.early is not None
    return [(entry.base, entry.size) for entry in result.early.reserved]


# ---- kernels and pages -------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_plain_flavour_decides_the_page_size(kernel: str) -> None:
    # 64 KiB until 6.1, 4 KiB from 6.12 on (the recordings' README).
    result = power_boot(guest(), kernel)
    assert result.scene.page_size == PAGES[kernel]
    assert result.exactness is Exactness.EXACT


def test_a_kernel_of_another_page_size_is_a_flavour() -> None:
    result = power_boot(guest(), "7.2", page_size=65536, kernel_image=Span(0, 0x2B90000))
    assert result.scene.page_size == 65536
    assert result.exactness is Exactness.EXACT


def test_a_kernel_that_was_never_booted_on_powerpc_is_modelled() -> None:
    # 5.10 was booted on other architectures only.
    result = power_boot(guest(region("d", size=MIB)), "6.1")
    older = power_boot(guest(region("d", size=MIB)), "6.1", kernel="5.10")
    assert result.exactness is Exactness.EXACT
    assert older.exactness is Exactness.MODELLED
    assert "not booted" in named(older, "d").why


# ---- order -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_tree_and_initrd_are_reserved(kernel: str) -> None:
    #   0                128 MiB   144 MiB
    #   |kernel|         |tree|    |initrd, whole pages|
    blob = guest()
    page = PAGES[kernel]
    result = power_boot(blob, kernel, initrd=INITRD)
    size = (INITRD.size + page - 1) // page * page
    assert early_reserved(result) == [
        (0, IMAGES[kernel].size),
        (DTB_AT, len(blob)),
        (INITRD.start, size),
    ]
    assert claims_of(result, "initrd") == [(INITRD.start, size)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_dynamic_region_lands_on_the_initrd(kernel: str) -> None:
    # The initrd is reserved after the regions (1.5, 8.4).
    #   |...............|--- d: 7 MiB ---|
    #   |...............|--initrd--|      1 GiB
    at_the_top = Span(GIB - 4 * MIB, GIB - 4 * MIB + INITRD.size)
    result = power_boot(guest(region("d", size=7 * MIB)), kernel, initrd=at_the_top)
    assert named(result, "d").base == GIB - 7 * MIB
    assert any("initrd" in step.subject and "/reserved-memory/d" in step.reason for step in result.trace)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_dynamic_region_keeps_off_the_tree(kernel: str) -> None:
    # The tree is reserved before the regions.
    result = power_boot(guest(region("d", size=7 * MIB)), kernel, dtb_at=GIB - 8 * MIB + 0x1000)
    assert named(result, "d").base == GIB - 7 * MIB
    result = power_boot(guest(region("d", size=7 * MIB)), kernel, dtb_at=GIB - 6 * MIB)
    assert named(result, "d").base == GIB - 13 * MIB


@pytest.mark.parametrize(("kernel", "base"), [("6.1", 0x3E000000), ("6.12", 0x3F000000), ("7.2", 0x3F000000)])
def test_the_reservation_block_is_first_or_last(kernel: str, base: int) -> None:
    # 1.6: before the regions up to 6.1, after them from 6.12 on.
    result = power_boot(guest(region("d", size=16 * MIB), reserve=[(0x3F000000, 16 * MIB)]), kernel)
    assert named(result, "d").base == base


# ---- reserved-ranges ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_reserved_ranges_come_after_the_regions(kernel: str) -> None:
    # 7.3: a dynamic region may land in one.
    ranges = {"reserved-ranges": wide(0x20000000, 0x1000000)}
    window = [(0x20000000, 0x1000000)]
    result = power_boot(guest(region("d", size=4 * MIB, alloc_ranges=window), root=ranges), kernel)
    assert named(result, "d").base == 0x20C00000
    assert claims_of(result, "reserved-ranges") == [(0x20000000, 0x1000000)]
    covered = [size for base, size in early_reserved(result) if base in (0x20000000, 0x20C00000)]
    assert sum(covered) == 0x1000000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b"", [], id="empty"),
        pytest.param(wide(0x20000000, 0x200000), [(0x20000000, 0x200000)], id="one"),
        pytest.param(
            wide(0x12C00000, 0, 0x20000000, 0x200000), [(0x20000000, 0x200000)], id="size-zero-first"
        ),
        pytest.param(wide(0x20000000, 0x200000, 0x10000000), [(0x20000000, 0x200000)], id="two-cells-more"),
        pytest.param(
            wide(0x20000000, 0x100000) + b"\0\x11\x22\x33\x44", [(0x20000000, 0x100000)], id="21-bytes"
        ),
        pytest.param(wide(0x20000000), [], id="too-short"),
        pytest.param(wide(0x2_0000_0000, 0x100000), [(0x2_0000_0000, 0x100000)], id="outside-ram"),
    ],
)
def test_reserved_ranges_are_pairs_of_two_cells(value: bytes, expected: list[tuple[int, int]]) -> None:
    result = power_boot(guest(root={"reserved-ranges": value}), "6.12")
    assert claims_of(result, "reserved-ranges") == [claim for claim in expected if claim[0] < GIB]
    # Above RAM nothing stays: the memory limit cuts it off, even if there is none but the end of RAM.
    assert all(base < GIB for base, _ in early_reserved(result))


def test_reserved_ranges_are_not_read_in_the_cells_of_the_root() -> None:
    # Two ranges written with one cell each are one range of 2 + 2 cells (7.3).
    blob = guest(root={"reserved-ranges": cells(0, 0x20000000, 0, 0x100000)})
    assert claims_of(power_boot(blob), "reserved-ranges") == [(0x20000000, 0x100000)]


def test_reserved_ranges_say_what_they_cover() -> None:
    ranges = {"reserved-ranges": wide(DTB_AT - 0x10000, 0x20000)}
    result = power_boot(guest(root=ranges))
    (step,) = [step for step in result.trace if step.subject == "reserved-ranges"]
    assert "on top of dtb" in step.reason


# ---- memory limit ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("kernel", "end"), [("6.1", 0x3FAF0000), ("6.12", 0x3F000000), ("7.2", 0x3F000000)])
def test_ram_that_is_no_multiple_of_16_mib_loses_its_tail(kernel: str, end: int) -> None:
    # 1.5; the region was placed in the tail and keeps its place in the table (13).
    result = power_boot(guest(region("d", size=7 * MIB), ram=[(0, 0x3FAF0000)]), kernel)
    assert [(m.base, m.base + m.size) for m in result.memory] == [(0, end)]
    assert named(result, "d").base == 0x3F3F0000
    assert ("is not reserved" in named(result, "d").why) == (end == 0x3F000000)
    assert all(base + size <= end for base, size in early_reserved(result))


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_dynamic_region_ignores_mem(kernel: str) -> None:
    result = power_boot(guest(region("d", size=7 * MIB)), kernel, "mem=512M")
    assert named(result, "d").base == GIB - 7 * MIB
    assert result.memory[-1].base + result.memory[-1].size == 512 * MIB


@pytest.mark.parametrize(("kernel", "end"), [("6.1", 0x25810000), ("6.12", 0x25000000), ("7.2", 0x25000000)])
def test_mem_is_rounded(kernel: str, end: int) -> None:
    result = power_boot(guest(), kernel, f"mem={0x25808000:#x}")
    assert result.memory[-1].base + result.memory[-1].size == end


def test_mem_above_all_ram_does_nothing() -> None:
    for kernel in KERNELS:
        assert power_boot(guest(), kernel, "mem=2G").memory[-1].size == GIB


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_limit_in_the_tree_is_little_endian_and_at_the_root(kernel: str) -> None:
    limit = (512 * MIB).to_bytes(8, "little")
    at_root = power_boot(guest(root={"linux,memory-limit": limit}), kernel)
    in_chosen = power_boot(guest(chosen={"linux,memory-limit": wide(512 * MIB)}), kernel)
    assert at_root.memory[-1].size == 512 * MIB
    assert in_chosen.memory[-1].size == GIB


def test_mem_counts_more_than_the_tree() -> None:
    root = {"linux,memory-limit": (512 * MIB).to_bytes(8, "little")}
    assert power_boot(guest(root=root), "7.2", "mem=256M").memory[-1].size == 256 * MIB


def test_without_an_iommu_ram_ends_at_2_gib() -> None:
    ram = [(0, GIB), (GIB, 2 * GIB), (4 * GIB, GIB)]
    result = power_boot(guest(ram=ram, root={"linux,iommu-off": b""}))
    assert result.memory[-1].base + result.memory[-1].size == 2 * GIB


# ---- contiguous pools, elfcorehdr --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kernel", "outcome", "align"),
    [("6.1", Outcome.RELEASED, 64 << 10), ("6.12", Outcome.RELEASED, 4096), ("7.2", Outcome.PLACED, 128)],
)
def test_without_dma_cma_a_reusable_pool_is_no_area(kernel: str, outcome: Outcome, align: int) -> None:
    # 13: DMA_CMA=n; the size of a block is not known yet, so a page is the alignment.
    pool = region("p", "reusable", size=3 * MIB, compatible="shared-dma-pool")
    result = power_boot(guest(pool), kernel)
    assert (named(result, "p").outcome, named(result, "p").align) == (outcome, align)
    assert result.cma == ()
    if outcome is Outcome.RELEASED:
        assert named(result, "p").why.startswith("this kernel is built without contiguous memory for devices")


def test_there_is_no_default_area() -> None:
    assert power_boot(guest(), "7.2", "cma=64M").cma == ()
    assert not any(line.startswith("cma:") for line in power_boot(guest(), "6.1", "cma=64M").log)


@pytest.mark.parametrize(("kernel", "reserved"), [("6.1", False), ("6.12", True), ("7.2", True)])
def test_elfcorehdr_needs_the_cells_of_the_root(kernel: str, reserved: bool) -> None:
    # 13: on 6.1 /chosen is read first.
    result = power_boot(guest(chosen={"linux,elfcorehdr": wide(0x20000000, 0x10000)}), kernel)
    assert bool(claims_of(result, "elfcorehdr")) == reserved
    assert ("OF: fdt: Reserving 64 KiB of memory at 0x20000000 for elfcorehdr" in result.log) == reserved


# ---- boots that die ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_no_map_over_the_end_of_the_initrd_panics(kernel: str) -> None:
    # 13; text as printed by 6.1 and 7.2 in QEMU.
    over = region("a@9100000", "no-map", reg=[(0x9100000, 0x100000)])
    result = power_boot(guest(over), kernel, initrd=INITRD)
    assert (result.outcome, result.failure) == (BootOutcome.PANIC, "Attempted to kill the idle task!")
    assert named(result, "a@9100000").outcome is Outcome.PLACED


@pytest.mark.parametrize("kernel", KERNELS)
def test_no_map_over_the_start_of_the_initrd_does_not(kernel: str) -> None:
    over = region("a@9000000", "no-map", reg=[(0x9000000, 0x10000)])
    assert power_boot(guest(over), kernel, initrd=INITRD).outcome is BootOutcome.OK


def test_an_initrd_above_the_memory_limit_panics() -> None:
    assert power_boot(guest(), "7.2", "mem=128M", initrd=INITRD).outcome is BootOutcome.PANIC


def test_no_map_over_the_kernel_is_refused() -> None:
    over = region("a@1000000", "no-map", reg=[(0x1000000, 0x100000)])
    result = power_boot(guest(over))
    assert named(result, "a@1000000").outcome is Outcome.RESERVE_FAILED


# ---- what is not certain -----------------------------------------------------------------------------------
def test_a_kernel_elsewhere_is_modelled_and_reserves_the_vectors() -> None:
    result = power_boot(guest(region("d", size=MIB)), "6.12", kernel_image=Span.sized(64 * MIB, 0x287F000))
    assert (0, 0x8000) in claims_of(result, "kernel")
    assert named(result, "d").exactness is Exactness.MODELLED


def test_another_build_is_modelled() -> None:
    result = power_boot(guest(region("d", size=MIB)), "6.12", kernel_image=Span(0, 0x3000000))
    assert "another build" in named(result, "d").why


def test_all_of_the_regions_are_known_without_the_kernel() -> None:
    result = power_boot(guest(region("a@20000000", reg=[(0x20000000, MIB)])), kernel_image=None)
    assert bases(result) == {"a@20000000": 0x20000000}
    assert named(result, "a@20000000").exactness is Exactness.EXACT
    assert result.exactness is Exactness.MODELLED
