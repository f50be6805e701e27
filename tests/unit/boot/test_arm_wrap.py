# SPDX-License-Identifier: Apache-2.0
"""32-bit arm: a physical address has 32 bits; what does not fit is cut off (kernel-semantics 1, 6.2, 7.1, 11)."""

from __future__ import annotations

import pytest

from carveout.boot.result import Outcome
from carveout.span import GIB, MIB, Span
from support.arm_boards import DTB_AT, KERNELS, PHYS_OFFSET, RAM, boot_arm
from support.boards import named, region

M16 = 16 * MIB
FOUR_GIB = 4 * GIB
NEW = ("6.12", "7.2")


@pytest.mark.parametrize("kernel", KERNELS)
def test_reg_above_4_gib_wraps(kernel: str) -> None:
    result = boot_arm(kernel, region("a@5000", reg=[(FOUR_GIB + 0x5000_0000, FOUR_GIB + M16)]))
    found = named(result, "a@5000")
    assert (found.base, found.size, found.outcome) == (0x5000_0000, M16, Outcome.PLACED)


@pytest.mark.parametrize("kernel", NEW)
def test_summary_has_eight_digits(kernel: str) -> None:
    result = boot_arm(kernel, region("a@50000000", "no-map", reg=[(0x5000_0000, M16)]))
    assert "OF: reserved mem: 0x50000000..0x50ffffff (16384 KiB) nomap non-reusable a@50000000" in result.log


@pytest.mark.parametrize("kernel", NEW)
def test_region_up_to_the_last_byte(kernel: str) -> None:
    # Its end is 0; base + size - 1 is printed.
    result = boot_arm(kernel, region("a@ff000000", reg=[(0xFF00_0000, M16)]))
    assert "OF: reserved mem: 0xff000000..0xffffffff (16384 KiB) map non-reusable a@ff000000" in result.log
    # No list can hold the very last byte.
    assert result.reserved[-1].base + result.reserved[-1].size == 0xFFFF_FFFF


@pytest.mark.parametrize("kernel", KERNELS)
def test_alloc_ranges_that_end_at_4_gib_mean_anywhere_above_their_start(kernel: str) -> None:
    """Nasty test 12: the end wraps to 0, which stands for the end of the address space; the start is kept."""
    ram = [Span.sized(PHYS_OFFSET, 2 * GIB)]
    result = boot_arm(kernel, region("a", size=M16, alloc_ranges=[(0x4000_0000, 0xC000_0000)]), ram=ram)
    assert named(result, "a").base == 0xC000_0000 - M16
    above = boot_arm(kernel, region("a", size=M16, alloc_ranges=[(0xC000_0000, 0x4000_0000)]), ram=ram)
    assert named(above, "a").outcome is Outcome.ALLOC_FAILED


@pytest.mark.parametrize("kernel", KERNELS)
def test_alloc_ranges_beyond_4_gib_wrap(kernel: str) -> None:
    result = boot_arm(kernel, region("a", size=M16, alloc_ranges=[(FOUR_GIB + 0x5000_0000, 0x1000_0000)]))
    assert named(result, "a").base == 0x6000_0000 - M16


@pytest.mark.parametrize("kernel", KERNELS)
def test_without_alloc_ranges_highmem_is_preferred(kernel: str) -> None:
    result = boot_arm(kernel, region("a", size=M16), ram=[Span.sized(PHYS_OFFSET, 2 * GIB)])
    assert named(result, "a").base == 0xC000_0000 - M16


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("bank", "memory", "line"),
    [
        pytest.param(
            Span.sized(0x1_0000_0000, GIB),
            [],
            "OF: fdt: Ignoring memory block 0x100000000 - 0x140000000",
            id="above",
        ),
        pytest.param(
            Span(0xF000_0000, 0x1_4000_0000),
            [(0xF000_0000, 0x0FFF_FFFF)],
            "OF: fdt: Ignoring memory range 0x100000000 - 0x140000000",
            id="across-4-gib",
        ),
        pytest.param(
            Span(0x1000_0000, 0x2000_0000),
            [],
            "OF: fdt: Ignoring memory block 0x10000000 - 0x20000000",
            id="below-phys-offset",
        ),
        pytest.param(
            Span(0x3000_0000, 0x4000_0000),
            [],
            "OF: fdt: Ignoring memory range 0x30000000 - 0x40000000",
            id="up-to-phys-offset",
        ),
    ],
)
def test_ram_that_does_not_fit(kernel: str, bank: Span, memory: list[tuple[int, int]], line: str) -> None:
    result = boot_arm(kernel, ram=[RAM, bank])
    assert [(m.base, m.size) for m in result.memory] == [(RAM.start, RAM.size), *memory]
    assert line in result.messages


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("cmdline", "base", "size"),
    [
        # Size, base and limit are phys_addr_t: 4 GiB more make no difference.
        ("cma=0x104000000", 0x7C00_0000, 64 * MIB),
        ("cma=64M@0x160000000", 0x6000_0000, 64 * MIB),
        ("cma=64M@0x60000000-0x16c000000", 0x6800_0000, 64 * MIB),
    ],
)
def test_cma_argument_wraps(kernel: str, cmdline: str, base: int, size: int) -> None:
    result = boot_arm(kernel, cmdline=cmdline)
    assert [(area.base, area.size) for area in result.cma] == [(base, size)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_cma_of_4_gib_is_none(kernel: str) -> None:
    assert boot_arm(kernel, cmdline="cma=4G").cma == ()


@pytest.mark.parametrize("kernel", KERNELS)
def test_initrd_above_4_gib_wraps(kernel: str) -> None:
    result = boot_arm(kernel, initrd=Span.sized(FOUR_GIB + 0x5000_0000, MIB))
    assert (0x5000_0000, MIB, "initrd") in {(c.base, c.size, c.who) for c in result.claims}


@pytest.mark.parametrize("kernel", KERNELS)
def test_memory_reservation_wraps(kernel: str) -> None:
    result = boot_arm(kernel, reserve=[(FOUR_GIB + 0x5000_0000, M16)])
    assert (0x5000_0000, M16, "memreserve") in {(c.base, c.size, c.who) for c in result.claims}


def test_the_tree_is_where_the_scene_says() -> None:
    assert any(claim.who == "dtb" and claim.base == DTB_AT for claim in boot_arm("6.12").claims)
