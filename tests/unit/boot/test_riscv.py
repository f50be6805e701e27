# SPDX-License-Identifier: Apache-2.0
"""The boot sequence of riscv64: what is placed before what, by kernel (kernel-semantics 1.4, 1.6, 1.7, 5.6, 7.2).

The board has 1 GiB at 0x80000000, the kernel 2 MiB above it, the tree 2 MiB below the top of RAM, as QEMU puts it:

    0x80000000  0x80200000                          0xbfe00000  0xc0000000
    | firmware  | kernel, 32 MiB |  ...free...      | tree |    |
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from carveout.boot.result import BootOutcome, Exactness, Outcome
from carveout.boot.run import boot
from carveout.boot.scene import Scene
from carveout.span import GIB, KIB, MIB, Span
from support.boards import (
    bases,
    board_of,
    cpus,
    is_free,
    is_nomap,
    is_reserved,
    memory,
    named,
    region,
    reserved_memory,
    text,
)

RAM = Span.sized(0x8000_0000, GIB)
IMAGE = Span.sized(0x8020_0000, 32 * MIB)
DTB_AT = 0xBFE0_0000
BOOTED = ("6.12.107", "7.2.13")
BEFORE_DTB = ("6.1", *BOOTED)
FIRMWARE = region("mmode_resv0@80000000", reg=[(0x8000_0000, 512 * KIB)])


def riscv(kernel: str, *regions: Any, ram: tuple[Span, ...] = (RAM,), **scene: Any) -> Any:
    """Boot the board with the firmware's region and these."""
    banks = [(bank.start, bank.size) for bank in ram]
    board = board_of(
        cpus("riscv"), memory(*banks, name="memory@80000000"), reserved_memory(FIRMWARE, *regions)
    )
    image = Span.sized(IMAGE.start, 36 * MIB) if kernel.startswith("7.2") else IMAGE
    values = {"kernel_image": image, "dtb_at": DTB_AT, "cmdline": "", **scene}
    return boot(board, Scene(kernel=kernel, arch="riscv64", **values))


@pytest.mark.parametrize("kernel", BEFORE_DTB)
def test_a_dynamic_region_lands_on_the_tree(kernel: str) -> None:
    result = riscv(kernel, region("d", size=16 * MIB))
    assert bases(result)["d"] == 0xC000_0000 - 16 * MIB
    assert DTB_AT in range(0xC000_0000 - 16 * MIB, 0xC000_0000)
    (step,) = [step for step in result.trace if step.subject == "dtb"]
    assert step.reason == "the tree itself, after the regions: it lies in /reserved-memory/d"


def test_in_5_10_the_tree_and_the_page_tables_come_before_the_regions() -> None:
    result = riscv("5.10", region("d", size=16 * MIB))
    subjects = [step.subject for step in result.trace]
    order = [subjects.index(who) for who in ("dtb", "page tables", "unflattened tree", "/reserved-memory/d")]
    assert order == sorted(order)
    assert bases(result)["d"] + 16 * MIB <= DTB_AT


def test_in_5_10_no_map_over_what_was_placed_before_is_refused() -> None:
    # The unflattened tree is at the very top of RAM by then, and a no-map region may not cover it (EBUSY).
    over = region("top@bff00000", "no-map", reg=[(0xBFF0_0000, MIB)])
    assert named(riscv("5.10", over), "top@bff00000").outcome is Outcome.RESERVE_FAILED
    assert named(riscv("6.1", over), "top@bff00000").outcome is Outcome.PLACED


def test_default_area_is_the_highest_place_below_the_tree() -> None:
    # 128 MiB, aligned to 2 MiB, between the regions and the tree; Debian's 6.12 has no contiguous areas.
    result = riscv("7.2.13")
    assert [(area.base, area.size, area.exactness) for area in result.cma] == [
        (DTB_AT - 128 * MIB, 128 * MIB, Exactness.EXACT)
    ]
    assert "cma: Reserved 128 MiB at 0x00000000b7e00000" in result.log
    assert riscv("6.12.107").cma == ()


def test_default_area_is_below_4_gib_while_it_fits_there_only() -> None:
    low, high = Span.sized(0x8000_0000, 2 * GIB), Span.sized(0x1_0000_0000, 4 * GIB)
    result = riscv("7.2.13", ram=(low, high), dtb_at=0xFFE0_0000)
    assert [area.base for area in result.cma] == [0xFFE0_0000 - 128 * MIB]


def test_a_static_default_pool_comes_too_late() -> None:
    pool = region("p@a0000000", "reusable", "linux,cma-default", reg=[(0xA000_0000, 64 * MIB)],
                  compatible="shared-dma-pool")  # fmt: skip
    result = riscv("7.2.13", pool)
    assert [(area.base, area.is_default) for area in result.cma] == [
        (0xB7E0_0000, False),
        (0xA000_0000, True),
    ]


def test_a_dynamic_default_pool_comes_in_time() -> None:
    pool = region("p", "reusable", "linux,cma-default", size=64 * MIB, compatible="shared-dma-pool")
    assert [(area.base, area.is_default) for area in riscv("7.2.13", pool).cma] == [(0xBC00_0000, True)]


@pytest.mark.parametrize(
    ("kernel", "end"),
    [
        pytest.param("5.10", 0x81C6_B000, id="5.10-exact"),
        pytest.param("6.1", 0x81E0_0000, id="6.1-section"),
        pytest.param("6.12.107", 0x81E0_0000, id="6.12-section"),
        pytest.param("7.2.13", 0x81E0_0000, id="7.2-section"),
    ],
)
def test_how_far_the_kernel_reserves_itself(kernel: str, end: int) -> None:
    result = riscv(kernel, kernel_image=Span(0x8020_0000, 0x81C6_B000))
    assert is_reserved(result, 0x8020_0000, end - 0x8020_0000)
    assert is_free(result, end, MIB)


@pytest.mark.parametrize("kernel", ["5.10", "6.1"])
def test_ram_below_the_kernel_is_ignored_by_old_kernels(kernel: str) -> None:
    result = riscv(kernel)
    assert result.memory[0].base == 0x8020_0000
    assert [text for text in result.messages if "Ignoring" in text] == [
        "OF: fdt: Ignoring memory range 0x80000000 - 0x80200000"
    ]


def test_a_bank_wholly_below_the_kernel_is_ignored() -> None:
    result = riscv("6.1", ram=(Span.sized(0x1000_0000, MIB), RAM))
    assert "OF: fdt: Ignoring memory block 0x10000000 - 0x10100000" in result.messages
    assert result.memory[0].base == 0x8020_0000


@pytest.mark.parametrize("kernel", BOOTED)
def test_ram_below_the_kernel_is_kept_by_newer_kernels(kernel: str) -> None:
    assert riscv(kernel).memory[0].base == 0x8000_0000


@pytest.mark.parametrize("kernel", BOOTED)
def test_mem_cuts_ram_and_the_tree_stays_reserved_above(kernel: str) -> None:
    result = riscv(kernel, region("d", size=16 * MIB), cmdline="mem=512M")
    assert [(entry.base, entry.size) for entry in result.memory] == [(0x8000_0000, 512 * MIB)]
    assert bases(result)["d"] == 0xA000_0000 - 16 * MIB
    assert is_reserved(result, DTB_AT, 64)
    assert "Memory limited to 512MB" in result.messages


@pytest.mark.parametrize("kernel", BOOTED)
def test_the_smallest_mem_counts(kernel: str) -> None:
    result = riscv(kernel, cmdline="mem=256M mem=1G mem=512M")
    assert result.memory[-1].base + result.memory[-1].size == 0x8000_0000 + 256 * MIB


def test_ram_wider_than_the_linear_map_is_cut() -> None:
    # 39 bits of virtual addresses map 128 GiB; --cpu-va says that the processor has no more.
    wide = (Span.sized(0x8000_0000, GIB), Span.sized(0x8000_0000 + 127 * GIB, 4 * GIB))
    result = riscv("6.12.107", ram=wide, cpu_va=39)
    assert result.memory[-1].base + result.memory[-1].size == 0x8000_0000 + 128 * GIB
    assert result.exactness is Exactness.MODELLED
    assert riscv("6.12.107", ram=wide, cpu_va=48).memory[-1].size == 4 * GIB


@pytest.mark.parametrize(
    ("initrd", "message"),
    [
        pytest.param(
            Span.sized(0x8100_0800, MIB),
            "INITRD: 0x81000000+0x00101000 overlaps in-use memory region\n - disabling initrd",
            id="over-the-kernel",
        ),
        pytest.param(
            Span.sized(0xBFFF_0000, MIB),
            "INITRD: 0xbfff0000+0x00100000 is not a memory region - disabling initrd",
            id="over-the-end-of-ram",
        ),
    ],
)
def test_an_initrd_that_cannot_be_kept_is_dropped(initrd: Span, message: str) -> None:
    result = riscv("6.12.107", initrd=initrd)
    assert [text for text in result.messages if text.startswith("INITRD")] == [message]
    assert not any(claim.who == "initrd" for claim in result.claims)


def test_the_initrd_is_kept_in_whole_pages_before_the_regions() -> None:
    result = riscv("6.12.107", region("d", size=16 * MIB), initrd=Span(0xBFF0_0001, 0xC000_0000))
    assert is_reserved(result, 0xBFF0_0000, MIB)
    assert bases(result)["d"] == 0xBFF0_0000 - 16 * MIB


@pytest.mark.parametrize(
    ("kernel", "lines"),
    [
        pytest.param("5.10", [], id="5.10-unknown"),
        pytest.param(
            "6.1", ["crashkernel: reserved 0x00000000a0000000 - 0x00000000a4000000 (64 MB)"], id="6.1"
        ),
        pytest.param(
            "6.12.107",
            ["crashkernel reserved: 0x00000000a0000000 - 0x00000000a4000000 (64 MB)"],
            id="6.12-generic",
        ),
    ],
)
def test_crash_kernel_at_a_place(kernel: str, lines: list[str]) -> None:
    result = riscv(kernel, cmdline="crashkernel=64M@0xa0000000")
    assert [text for text in result.messages if "crashkernel" in text] == lines
    assert is_reserved(result, 0xA000_0000, 64 * MIB) == bool(lines)


def test_old_crash_kernel_goes_above_4_gib_only_if_it_must() -> None:
    low, high = Span.sized(0x8000_0000, 256 * MIB), Span.sized(0x1_0000_0000, GIB)
    result = riscv("6.1", ram=(low, high), dtb_at=0x8F00_0000, cmdline="crashkernel=64M")
    (claim,) = [claim for claim in result.claims if claim.who == "crashkernel"]
    assert claim.base < low.end
    result = riscv("6.1", ram=(low, high), dtb_at=0x8F00_0000, cmdline="crashkernel=512M")
    (claim,) = [claim for claim in result.claims if claim.who == "crashkernel"]
    assert claim.base >= high.start
    result = riscv("6.1", ram=(low, high), dtb_at=0x8F00_0000, cmdline="crashkernel=2G")
    assert "crashkernel: couldn't allocate 2097152KB" in result.messages


@pytest.mark.parametrize("kernel", BOOTED)
def test_the_129th_piece_of_reserved_memory_kills_the_kernel(kernel: str) -> None:
    # 128 entries: the kernel, the firmware and 126 regions. r126 is the 129th, and does not fit.
    regions = [region(f"r{i}@{a:x}", reg=[(a, 64 * KIB)]) for i in range(128)
               for a in (0x9000_0000 + i * 4 * MIB,)]  # fmt: skip
    result = riscv(kernel, *regions)
    assert (result.outcome, result.failure) == (BootOutcome.PANIC, "memblock: cannot resize reserved array")
    fatal = named(result, "r126@af800000")
    assert (fatal.outcome, fatal.base) == (Outcome.RESERVE_FAILED, 0xAF80_0000)
    assert "panics" in fatal.why
    assert named(result, "r127@afc00000").base is None


@pytest.mark.parametrize("kernel", BOOTED)
def test_no_map_regions_take_no_entry_of_reserved_memory(kernel: str) -> None:
    regions = [region(f"n@{a:x}", "no-map", reg=[(a, 64 * KIB)]) for i in range(50)
               for a in (0x9000_0000 + i * 4 * MIB,)]  # fmt: skip
    result = riscv(kernel, *regions)
    assert result.outcome is BootOutcome.OK
    assert is_nomap(result, 0x9000_0000, 64 * KIB)


def test_an_area_outside_ram_kills_the_kernel() -> None:
    pool = region("p@c8000000", "reusable", reg=[(0xC800_0000, 32 * MIB)], compatible="shared-dma-pool")
    result = riscv("7.2.13", pool)
    assert (result.outcome, result.failure) == (
        BootOutcome.PANIC,
        "Attempted to kill init! exitcode=0x0000000b",
    )
    assert riscv("6.12.107", pool).outcome is BootOutcome.OK


@pytest.mark.parametrize(
    ("kernel", "image_mib", "panic"),
    [
        pytest.param("6.12.107", 32, "Attempted to kill the idle task!", id="6.12"),
        pytest.param(
            "7.2.13", 36, "memblocks_present: Failed to allocate 0x0000000002000000 bytes", id="7.2"
        ),
    ],
)
def test_too_little_is_left_for_the_memory_map(kernel: str, image_mib: int, panic: str) -> None:
    # What `dyn-size-exact` of the recorded boots leaves: all but the first 71 MiB of RAM are taken.
    result = riscv(
        kernel,
        region("d", size=0x3B60_0000),
        region("e", size=0x30_0000),
        kernel_image=Span.sized(0x8020_0000, image_mib * MIB),
    )
    assert (result.outcome, result.failure) == (BootOutcome.PANIC, panic)


def test_what_comes_after_the_dump_is_not_in_the_result() -> None:
    # 7.2 allocates the memory map later: it is only tried whether it fits.
    assert not any("struct pages" in claim.who for claim in riscv("7.2.13").claims)
    assert any("struct pages" in claim.who for claim in riscv("6.12.107").claims)


def test_without_the_place_of_the_tree_only_what_follows_is_modelled() -> None:
    result = riscv("7.2.13", region("d", size=16 * MIB), dtb_at=None)
    assert named(result, "d").exactness is Exactness.EXACT
    assert result.cma[0].exactness is Exactness.MODELLED
    assert "--dtb-at" in result.cma[0].why
    result = riscv("7.2.13", region("d", size=16 * MIB), kernel_image=None)
    assert named(result, "d").exactness is Exactness.MODELLED


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.6", "6.15"])
def test_kernels_that_were_not_booted_are_modelled(kernel: str) -> None:
    result = riscv(kernel, region("d", size=16 * MIB))
    assert result.exactness is Exactness.MODELLED
    assert named(result, "d").exactness is Exactness.MODELLED
    assert any("was not booted" in note for note in result.notes)


@pytest.mark.parametrize("kernel", BOOTED)
def test_a_full_scene_on_a_booted_kernel_is_exact(kernel: str) -> None:
    assert riscv(kernel, region("d", size=16 * MIB)).exactness is Exactness.EXACT


@pytest.mark.parametrize("kernel", BOOTED)
def test_an_image_of_another_size_is_another_build(kernel: str) -> None:
    # All 188 recorded boots have 32 and 36 MiB; the sizes inside another build were not measured.
    result = riscv(kernel, region("d", size=16 * MIB), kernel_image=Span.sized(IMAGE.start, 33 * MIB))
    assert named(result, "d").exactness is Exactness.MODELLED
    assert any(note.endswith("another build") for note in result.notes)


@pytest.mark.parametrize(
    ("cmdline", "failed", "invalid"),
    [
        pytest.param("cma_pernuma=16M", [0], [1, 2, 3], id="every-node"),
        pytest.param("numa_cma=0:16M,1:32M", [0], [1], id="some"),
        pytest.param("numa_cma=0:16M", [0], [], id="the-one-there-is"),
        pytest.param("cma_pernuma=0", [], [], id="none"),
    ],
)
def test_per_node_areas_come_before_ram_has_nodes(
    cmdline: str, failed: list[int], invalid: list[int]
) -> None:
    """No memory belongs to node 0 yet, and only node 0 is online. Booted: 7.2.13+deb14, 1 GiB."""
    result = riscv("7.2.13", cmdline=cmdline)
    assert [area.name for area in result.cma] == ["reserved"]
    assert [line for line in result.log if "node" in line and line.startswith("cma: ")] == [
        *(f"cma: dma_numa_cma_reserve: reservation failed: err -12, node {nid}" for nid in failed),
        *(f"cma: invalid node {nid} specified" for nid in invalid),
    ]
    assert result.exactness is Exactness.EXACT


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        pytest.param("64M,high", "cannot allocate crashkernel (size:0x4000000)", id="high"),
        pytest.param(
            "64M,high crashkernel=32M,low", "cannot allocate crashkernel (size:0x4000000)", id="high-low"
        ),
    ],
)
def test_a_high_crash_kernel_without_ram_above_the_limit(argument: str, line: str) -> None:
    """Nothing is tried below it. Booted: 7.2.13+deb14, 1 GiB."""
    result = riscv("7.2.13", cmdline=f"crashkernel={argument}")
    assert [text for text in result.messages if "crashkernel" in text] == [line]
    assert result.exactness is Exactness.EXACT


def test_the_search_for_a_crash_kernel_that_never_ends() -> None:
    """Booted: 7.2.13+deb14 with crashkernel=512M and 1 GiB, which repeats one search until it is switched off."""
    half = region("full@90000000", reg=[(0x9000_0000, 512 * MIB)])
    result = riscv("7.2.13", half, cmdline="crashkernel=512M")
    assert result.outcome is BootOutcome.HANG
    assert not [text for text in result.messages if "crashkernel" in text]


def test_a_scene_is_not_changed_by_booting_it() -> None:
    scene = Scene(kernel="7.2.13", arch="riscv64", kernel_image=IMAGE, dtb_at=DTB_AT)
    board = board_of(
        cpus("riscv"), memory((RAM.start, RAM.size), name="memory@80000000"), root={
            "#address-cells": b"\0\0\0\2", "#size-cells": b"\0\0\0\2", "compatible": text("riscv-virtio"),
        },
    )  # fmt: skip
    before = replace(scene)
    assert boot(board, scene) == boot(board, scene)
    assert scene == before
