# SPDX-License-Identifier: Apache-2.0
"""32-bit arm: where lowmem ends (kernel-semantics 7.1).

Expected values are worked out from the rule: VMALLOC_END 0xff800000, PAGE_OFFSET 0xc0000000, a gap of 8 MiB.
"""

from __future__ import annotations

import pytest

from carveout.boot.arm_lowmem import Lowmem, adjust_lowmem_bounds, phys_offset, vmalloc_limit
from carveout.boot.memblock import MemblockRegion
from carveout.span import GIB, MIB, Span
from support.arm_boards import KERNELS, LOWMEM, PHYS_OFFSET, RAM, arm_state, boot_arm
from support.boards import region

# Virtual addresses above lowmem, less vmalloc space: 0xff800000 - 0xc0000000.
SPACE = 1016 * MIB


@pytest.mark.parametrize(
    ("kernel", "cmdline", "size"),
    [
        *((kernel, "", SPACE - 240 * MIB - 8 * MIB) for kernel in KERNELS),
        ("5.10", "vmalloc=512M", SPACE - 512 * MIB),
        ("6.1", "vmalloc=512M", SPACE - 512 * MIB - 8 * MIB),
        ("7.2", "vmalloc=0x10000000", SPACE - 256 * MIB - 8 * MIB),
        ("5.10", "vmalloc=1M", SPACE - 16 * MIB),
        ("6.12", "vmalloc=1M", SPACE - 16 * MIB - 8 * MIB),
        ("5.10", "vmalloc=2G", 32 * MIB),
        ("6.12", "vmalloc=2G", 32 * MIB),
        ("6.1", "vmalloc=512M vmalloc=128M", SPACE - 128 * MIB - 8 * MIB),
        # unsigned long: 4 GiB is 0, which is too small.
        ("6.1", "vmalloc=4G", SPACE - 16 * MIB - 8 * MIB),
    ],
)
def test_highest_end_of_lowmem(kernel: str, cmdline: str, size: int) -> None:
    state = arm_state(kernel, RAM, cmdline=cmdline)
    assert vmalloc_limit(state, PHYS_OFFSET) == PHYS_OFFSET + size


def test_default_is_768_mib() -> None:
    assert SPACE - 248 * MIB == LOWMEM


@pytest.mark.parametrize(
    ("kernel", "cmdline", "line"),
    [
        ("5.10", "vmalloc=1M", "vmalloc area too small, limiting to 16MB"),
        ("6.1", "vmalloc=1M", "vmalloc area is too small, limiting to 16MiB"),
        ("5.10", "vmalloc=2G", "vmalloc area is too big, limiting to 984MB"),
        ("7.2", "vmalloc=2G", "vmalloc area is too big, limiting to 976MiB"),
        ("7.2", "vmalloc=976M", None),
        ("5.10", "vmalloc=16M", None),
    ],
)
def test_clamped_vmalloc_is_said(kernel: str, cmdline: str, line: str | None) -> None:
    result = boot_arm(kernel, cmdline=cmdline)
    assert [text for text in result.messages if "vmalloc" in text] == ([line] if line else [])


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Span.sized(0x4030_0000, MIB), 0x4000_0000),
        (Span.sized(0x0030_0000, MIB), 0),
        (Span.sized(0x8830_0000, MIB), 0x8800_0000),
        # Not given: the 128 MiB window that RAM begins in.
        (None, 0x4000_0000),
    ],
)
def test_phys_offset(image: Span | None, expected: int) -> None:
    state = arm_state("6.12", Span(0x4010_0000, 0x6000_0000), kernel_image=image)
    assert phys_offset(state) == expected


def borders(*banks: Span, start: int = PHYS_OFFSET) -> tuple[int, int]:
    """Return (arm_lowmem_limit, current_limit)."""
    state = arm_state("6.12", *banks)
    lowmem = Lowmem(phys_offset=start, vmalloc_limit=start + LOWMEM)
    adjust_lowmem_bounds(state, lowmem)
    assert state.high_memory == lowmem.limit
    return lowmem.limit, state.mb.current_limit


@pytest.mark.parametrize(
    ("banks", "limit", "memblock_limit"),
    [
        pytest.param([(0x4000_0000, 0x5000_0000)], 0x5000_0000, 0x5000_0000, id="less-than-lowmem"),
        pytest.param([(0x4000_0000, 0x7000_0000)], 0x7000_0000, 0x7000_0000, id="exactly-lowmem"),
        pytest.param([(0x4000_0000, 0x8000_0000)], 0x7000_0000, 0x7000_0000, id="highmem-follows"),
        pytest.param([(0x4000_0000, 0x5010_0000)], 0x5010_0000, 0x5000_0000, id="end-not-2m"),
        pytest.param(
            [(0x4000_0000, 0x5000_0000), (0x6000_0000, 0x6800_0000)], 0x6800_0000, 0x6800_0000, id="hole"
        ),
        pytest.param(
            [(0x4000_0000, 0x5010_0000), (0x6000_0000, 0x6800_0000)], 0x6800_0000, 0x5000_0000, id="hole-end-not-2m"
        ),
        pytest.param(
            [(0x4000_0000, 0x5000_0000), (0x6010_0000, 0x6800_0000)], 0x6800_0000, 0x6000_0000, id="start-not-2m"
        ),
        pytest.param(
            [(0x4000_0000, 0x5000_0000), (0x7000_0000, 0x8000_0000)], 0x5000_0000, 0x5000_0000, id="bank-above"
        ),
        pytest.param([(0x4000_0000, 0x7fff_f000)], 0x7000_0000, 0x7000_0000, id="unaligned-end-in-highmem"),
        pytest.param(
            [(0x4000_0000, 0x6ff0_0000), (0x7800_0000, 0x8000_0000)], 0x6ff0_0000, 0x6fe0_0000, id="last-mib-gone"
        ),
    ],
)  # fmt: skip
def test_borders(banks: list[tuple[int, int]], limit: int, memblock_limit: int) -> None:
    found = borders(*(Span(*bank) for bank in banks))
    # An unaligned end lowers the second border, also where the end is in highmem: to the end of lowmem so far.
    assert found == (limit, memblock_limit)


def test_ram_at_the_top_of_the_address_space() -> None:
    # PHYS_OFFSET + 768 MiB is above 4 GiB; the last page cannot be represented.
    state = arm_state("6.12", Span(0xE000_0000, 0xFFFF_F000), kernel_image=Span.sized(0xE030_0000, MIB))
    lowmem = Lowmem(phys_offset=0xE000_0000, vmalloc_limit=vmalloc_limit(state, 0xE000_0000))
    adjust_lowmem_bounds(state, lowmem)
    assert lowmem.vmalloc_limit == 0x1_1000_0000
    assert (lowmem.limit, state.mb.current_limit) == (0xFFFF_F000, 0xFFE0_0000)


def test_first_ram_is_skipped_up_to_2_mib() -> None:
    state = arm_state("6.12", Span(0x4010_0000, 0x5000_0000))
    adjust_lowmem_bounds(state, Lowmem(phys_offset=PHYS_OFFSET, vmalloc_limit=PHYS_OFFSET + LOWMEM))
    assert state.mb.memory == (
        MemblockRegion(0x4010_0000, MIB, 4, None),
        MemblockRegion(0x4020_0000, 0xFE0_0000, 0, None),
    )


def test_without_highmem_the_rest_is_dropped() -> None:
    state = arm_state("6.12", RAM)
    state.config = state.config._replace(highmem=False)
    adjust_lowmem_bounds(state, Lowmem(phys_offset=PHYS_OFFSET, vmalloc_limit=PHYS_OFFSET + LOWMEM))
    assert state.mb.end_of_dram() == 0x7000_0000
    assert [line.text for line in state.log] == ["Ignoring RAM at 0x70000000-0x80000000"]


@pytest.mark.parametrize("kernel", KERNELS)
def test_nomap_at_the_end_of_lowmem_moves_the_border_after_the_default_area(kernel: str) -> None:
    """Surprise 33: the default area was placed with the border of the first time."""
    result = boot_arm(kernel, region("a@6f800000", "no-map", reg=[(0x6F80_0000, 8 * MIB)]), cmdline="cma=16M")
    assert [area.base for area in result.cma] == [0x7F00_0000]
    struct_pages = next(claim for claim in result.claims if claim.who == "struct pages")
    assert 0x6F00_0000 < struct_pages.base + struct_pages.size <= 0x6F80_0000


def test_early_tables_stay_below_an_unaligned_nomap_region() -> None:
    # As in the recorded boots of static-unaligned-nomap: one table, directly below 0x50000000.
    result = boot_arm("6.12", region("a@50000123", "no-map", reg=[(0x5000_0123, 0x1801)]))
    assert (0x4FFF_F000, 0x1000) in {(c.base, c.size) for c in result.claims if c.who == "page tables"}


@pytest.mark.parametrize("size", [GIB, 3 * GIB - 64 * MIB])
def test_areas_prefer_highmem(size: int) -> None:
    ram = Span.sized(PHYS_OFFSET, size)
    result = boot_arm("6.12", ram=[ram], cmdline="cma=64M")
    assert [area.base for area in result.cma] == [ram.end - 64 * MIB]


def test_area_across_the_border_is_refused() -> None:
    result = boot_arm("6.12", cmdline="cma=64M@0x6e000000")
    assert result.cma == ()
    assert result.log == (
        "cma: Region at 0x6e000000 defined on low/high memory boundary (0x70000000)",
        "cma: Failed to reserve 64 MiB on node -1",
        "OF: reserved mem: Reserved memory: No reserved-memory node in the DT",
    )
