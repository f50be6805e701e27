# SPDX-License-Identifier: Apache-2.0
"""32-bit arm: boots that die because of what was placed (kernel-semantics 5.6, rules 2 to 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot.result import BootOutcome, Exactness
from carveout.span import MIB, Span
from support.arm_boards import KERNELS, PHYS_OFFSET, boot_arm
from support.boards import region

if TYPE_CHECKING:
    from carveout.fdt.draft import DraftNode

POOL = "shared-dma-pool"
INIT_KILLED = "Attempted to kill init! exitcode=0x0000000b"
IDLE_KILLED = "Attempted to kill the idle task!"
HALF = Span.sized(PHYS_OFFSET, 512 * MIB)


def pool(base: int, size: int, *flags: str) -> DraftNode:
    return region(f"p@{base:x}", "reusable", *flags, reg=[(base, size)], compatible=POOL)


@pytest.mark.parametrize("kernel", ["6.12", "7.2"])
@pytest.mark.parametrize(
    ("base", "size", "hangs"),
    [
        # (base mod 2 MiB) + ((size - 1) mod 2 MiB) + 1 > 2 MiB
        (0x6001_0000, 0x200_0000, True),
        (0x6010_0000, 0x10_0000, False),
        (0x6010_0000, 0x10_1000, True),
        (0x6000_0000, 0x201_0000, False),
        (0x6000_1000, 0x1F_F000, False),
        (0x6000_1000, 0x20_0000, True),
        (0x6020_0000, 0x20_0000, False),
        # In highmem nothing is remapped; across the border only what is in lowmem, which ends with a whole 2 MiB.
        (0x7001_0000, 0x200_0000, False),
        (0x6FF1_0000, 0x80_0000, False),
        (0x6FD1_0000, 0x80_0000, False),
        # Outside RAM.
        (0x9001_0000, 0x200_0000, False),
    ],
)
def test_unaligned_static_pool_hangs_before_the_console(
    kernel: str, base: int, size: int, hangs: bool
) -> None:
    result = boot_arm(kernel, pool(base, size))
    assert result.outcome is (BootOutcome.HANG if hangs else BootOutcome.OK)
    # A hang is before the late pass: nothing of the region is in the log.
    assert any("p@" in line for line in result.log) is not hangs


@pytest.mark.parametrize("kernel", ["5.10", "6.1"])
def test_unaligned_static_pool_is_refused_in_time(kernel: str) -> None:
    assert boot_arm(kernel, pool(0x6001_0000, 0x200_0000)).outcome is BootOutcome.OK


def test_only_what_was_reserved_is_noted() -> None:
    # 7.2 does not reserve a default pool when cma= is given, so there is nothing to remap.
    result = boot_arm("7.2", pool(0x6001_0000, 0x200_0000, "linux,cma-default"), cmdline="cma=16M")
    assert result.outcome is BootOutcome.OK
    before = boot_arm("6.12", pool(0x6001_0000, 0x200_0000, "linux,cma-default"), cmdline="cma=16M")
    assert before.outcome is BootOutcome.HANG


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("end", "panics"), [(0x7000_0000, False), (0x7000_0001, True), (0x8000_0000, True), (0x6000_0000, False)]
)
def test_initrd_above_lowmem(kernel: str, end: int, panics: bool) -> None:
    result = boot_arm(kernel, initrd=Span(end - MIB, end))
    expected = (BootOutcome.PANIC, IDLE_KILLED) if panics else (BootOutcome.OK, None)
    assert (result.outcome, result.failure) == expected


@pytest.mark.parametrize("kernel", KERNELS)
def test_dropped_initrd_does_no_harm(kernel: str) -> None:
    assert boot_arm(kernel, initrd=Span.sized(0x9000_0000, MIB)).outcome is BootOutcome.OK


@pytest.mark.parametrize("kernel", KERNELS)
def test_area_outside_ram_without_struct_pages(kernel: str) -> None:
    result = boot_arm(kernel, pool(0x8800_0000, 32 * MIB))
    assert (result.outcome, result.failure) == (BootOutcome.PANIC, INIT_KILLED)


@pytest.mark.parametrize(
    ("kernel", "outcome", "exactness"),
    [
        # mem_map lies at the very top of lowmem, so the struct pages would be above it.
        ("5.10", BootOutcome.PANIC, Exactness.EXACT),
        ("6.1", BootOutcome.PANIC, Exactness.EXACT),
        # The default area above mem_map is taken for struct pages.
        ("6.12", BootOutcome.OK, Exactness.MODELLED),
        ("7.2", BootOutcome.OK, Exactness.MODELLED),
    ],
)
def test_area_outside_ram_hidden_by_the_default_area(
    kernel: str, outcome: BootOutcome, exactness: Exactness
) -> None:
    result = boot_arm(kernel, pool(0x7000_0000, 32 * MIB, "linux,cma-default"), ram=[HALF])
    assert (result.outcome, result.exactness) == (outcome, exactness)


@pytest.mark.parametrize("kernel", KERNELS)
def test_area_in_a_hole_is_doubtful(kernel: str) -> None:
    banks = [HALF, Span(0x7000_0000, 0x8000_0000)]
    result = boot_arm(kernel, pool(0x6800_0000, 32 * MIB), ram=banks)
    assert (result.outcome, result.exactness) == (BootOutcome.OK, Exactness.MODELLED)


@pytest.mark.parametrize(
    ("kernel", "failure", "exactness"),
    [
        # Reservations fail one by one, and so does the first page that has to be allocated (2.2).
        ("5.10", "early_alloc: Failed to allocate 4096 bytes align=0x1000", Exactness.MODELLED),
        ("6.1", "early_alloc: Failed to allocate 4096 bytes align=0x1000", Exactness.MODELLED),
        ("6.12", "memblock: cannot resize reserved array", Exactness.EXACT),
        ("7.2", "memblock: cannot resize reserved array", Exactness.EXACT),
    ],
)
def test_list_of_128_reserved_regions_is_full(kernel: str, failure: str, exactness: Exactness) -> None:
    regions = [region(f"r@{base:x}", reg=[(base, 4096)]) for base in range(0x5000_0000, 0x5010_0000, 8192)]
    result = boot_arm(kernel, *regions)
    assert (result.outcome, result.failure) == (BootOutcome.PANIC, failure)
    assert result.exactness is exactness


@pytest.mark.parametrize("kernel", KERNELS)
def test_no_room_for_struct_pages(kernel: str) -> None:
    # All of lowmem but 4 MiB behind the tree is taken: struct pages need 9 MiB.
    rest = region("r@48400000", reg=[(0x4840_0000, 0x27C0_0000)])
    low = region("l@42000000", reg=[(0x4200_0000, 0x600_0000)])
    gap = region("g@40000000", reg=[(0x4000_0000, 0x200_0000)])
    result = boot_arm(kernel, rest, low, gap)
    assert (result.outcome, result.exactness) == (BootOutcome.PANIC, Exactness.MODELLED)
    assert result.failure == "Failed to allocate 9437184 bytes for node 0 memory map"


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_free_piece_in_the_last_page_below_4_gib(kernel: str) -> None:
    """Booted: 5.10.0-32 and 7.2.13+deb14 with 3 GiB from 1 GiB on. A region that fills whole pages leaves no such piece."""
    ram = [Span.sized(PHYS_OFFSET, 3072 * MIB)]
    result = boot_arm(kernel, region("placed", size=5 * MIB), ram=ram)
    assert (result.outcome, result.failure) == (BootOutcome.PANIC, IDLE_KILLED)
    assert result.exactness is Exactness.MODELLED
    aligned = boot_arm(kernel, region("placed", size=5 * MIB, alignment=0x1000), ram=ram)
    assert aligned.outcome is BootOutcome.OK


@pytest.mark.parametrize("kernel", KERNELS)
def test_ram_that_only_the_command_line_knows(kernel: str) -> None:
    """mem=8G with 1 GiB: 5.10.0-32 and 7.2.13+deb14 died in it; nobody can tell from the tree whether it is there."""
    result = boot_arm(kernel, cmdline="mem=8G")
    assert result.exactness is Exactness.MODELLED
    assert any("RAM that the tree does not have" in note for note in result.notes)
    assert boot_arm(kernel, cmdline="mem=512M").exactness is Exactness.EXACT
