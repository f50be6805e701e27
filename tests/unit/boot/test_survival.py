# SPDX-License-Identifier: Apache-2.0
"""Boots that die because of the placement (kernel-semantics 5.6), and those that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot.result import BootOutcome, Outcome
from carveout.span import GIB, Span
from support.boards import DTB_AT, KERNEL_AT, KERNELS, RAM, boot_regions, is_reserved, mib, region

if TYPE_CHECKING:
    from carveout.fdt.draft import DraftNode

POOL = "shared-dma-pool"
KILLED = "Attempted to kill init! exitcode=0x0000000b"
OLD, NEW = ("5.10", "6.1"), ("6.12", "7.2")


def pool_at(base: int, size: int = mib(16)) -> DraftNode:
    return region(f"pool@{base:x}", "reusable", reg=[(base, size)], compatible=POOL)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "base", [pytest.param(0x1000_0000, id="below"), pytest.param(0x1_0000_0000, id="above")]
)
def test_a_pool_outside_ram_kills_init(kernel: str, base: int) -> None:
    # 5.6.1: none of its sections (1 GiB on 5.10, else 128 MiB) contains memory.
    result = boot_regions(kernel, pool_at(base))
    assert (result.outcome, result.failure) == (BootOutcome.PANIC, KILLED)


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_area_in_a_hole_between_banks(kernel: str) -> None:
    # 8.24: the hole [0x80000000, 0xc0000000) is one section of 1 GiB and eight of 128 MiB, all without memory.
    banks = [RAM, Span.sized(0xC000_0000, GIB)]
    result = boot_regions(kernel, ram=banks, cmdline="cma=64M@0x90000000")
    assert any(line.startswith("cma: Reserved 64 MiB at 0x0000000090000000") for line in result.log)
    assert (result.outcome, result.failure) == (BootOutcome.PANIC, KILLED)


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_area_outside_ram_in_a_section_with_memory(kernel: str) -> None:
    # RAM ends at 0x7c000000, in the middle of the section [0x78000000, 0x80000000): struct pages exist. 5.10 boots
    # (and floods the log), the others hang silently.
    result = boot_regions(kernel, pool_at(0x7D00_0000), ram=[Span(0x4000_0000, 0x7C00_0000)])
    expected = BootOutcome.OK if kernel == "5.10" else BootOutcome.HANG
    assert (result.outcome, result.failure) == (expected, None)
    # One test each, says 5.6.
    assert result.exactness == ("exact" if kernel == "5.10" else "modelled")


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_area_up_to_the_end_of_a_section_with_memory(kernel: str) -> None:
    # As above, [0x7c000000, 0x80000000): its last byte is in the section that has memory, its end is in the next.
    result = boot_regions(kernel, pool_at(0x7C00_0000, mib(64)), ram=[Span(0x4000_0000, 0x7C00_0000)])
    assert result.outcome is (BootOutcome.OK if kernel == "5.10" else BootOutcome.HANG)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_size_of_a_section_decides(kernel: str) -> None:
    # RAM is [0x40000000, 0x60000000), the pool at 0x70000000: one section of 1 GiB, different ones of 128 MiB.
    result = boot_regions(kernel, pool_at(0x7000_0000), ram=[Span.sized(0x4000_0000, mib(512))])
    assert result.outcome is (BootOutcome.OK if kernel == "5.10" else BootOutcome.PANIC)


@pytest.mark.parametrize("kernel", KERNELS[1:])
def test_a_pool_that_mem_cuts_off(kernel: str) -> None:
    result = boot_regions(kernel, pool_at(0x7000_0000), cmdline="mem=512M")
    assert (result.outcome, result.failure) == (BootOutcome.PANIC, KILLED)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("flags", [pytest.param((), id="plain"), pytest.param(("no-map",), id="no-map")])
def test_other_regions_outside_ram_are_harmless(kernel: str, flags: tuple[str, ...]) -> None:
    assert boot_regions(kernel, region("x", *flags, reg=[(0x1000_0000, mib(16))])).outcome is BootOutcome.OK


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "base",
    [
        pytest.param(KERNEL_AT + 0x10_0000, id="kernel"),
        pytest.param(DTB_AT, id="tree"),
        pytest.param(0x4900_0000, id="initrd"),
    ],
)
def test_static_regions_over_what_the_kernel_needs_do_not_kill(kernel: str, base: int) -> None:
    result = boot_regions(
        kernel, region("over", reg=[(base, 0x1000)]), initrd=Span.sized(0x4900_0000, mib(1))
    )
    assert (result.outcome, result.failure) == (BootOutcome.OK, None)


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_array_that_is_full(kernel: str) -> None:
    # 2.2: 385 entries for `reserved` on 5.10 and 6.1 (128 + 256 CPUs + 1), 641 on 6.12 and 7.2. 700 pages apart from
    # each other: 6.12 and later panic at once; before, the reservations fail, and then that of the first table.
    pages = [(0x5000_0000 + 0x2000 * number, 0x1000) for number in range(700)]
    result = boot_regions(kernel, *(region(f"r{number}", reg=[page]) for number, page in enumerate(pages)))
    text = "memblock: cannot resize reserved array" if kernel in NEW else "Failed to allocate page table page"
    assert (result.outcome, result.failure) == (BootOutcome.PANIC, text)
    if kernel in OLD:
        failed = [r for r in result.regions if r.outcome is Outcome.RESERVE_FAILED]
        # Tree and kernel hold two of the 385 entries, so 383 regions find a place.
        assert [r.name for r in failed] == [f"r{number}" for number in range(383, 700)]
        assert sum("failed to reserve memory for node" in line for line in result.log) == len(failed)
        assert is_reserved(result, *pages[0])


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_panic_still_gives_the_lists(kernel: str) -> None:
    result = boot_regions(kernel, pool_at(0x1000_0000))
    assert result.memory
    assert result.reserved
    assert result.trace[-1].kind == "panic"
