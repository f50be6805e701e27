# SPDX-License-Identifier: Apache-2.0
"""arm64: no-map borders inside a page, and memory that a refused region gives back too late or beyond RAM.

Expected values are what Debian's kernels did in QEMU (cortex-a53, 1 GiB, 23 November 2026): 5.10.0-32, 6.1.0-50,
6.12.117+deb13 and 7.2.13+deb14, with the regions given here and nothing else in /reserved-memory. On 5.10 the pages
are one less when the 2 MiB slot of the region needs no table, as on the others.
"""

from __future__ import annotations

import pytest

from carveout.boot.result import BootOutcome, Exactness
from carveout.span import Span
from support.boards import boot_regions, region

MIB = 1 << 20


def table_pages(kernel: str, base: int, size: int) -> int:
    result = boot_regions(kernel, region(f"a@{base:x}", "no-map", reg=[(base, size)]))
    steps = [s for s in result.trace if s.subject == "page tables" and "linear map" in s.reason]
    return sum((s.size or 0) for s in steps) // 4096


@pytest.mark.parametrize(
    ("kernel", "pages"),
    [pytest.param(k, n, id=k) for k, n in {"5.10": 511, "6.1": 511, "6.12": 499, "7.2": 514}.items()],
)
def test_a_region_that_begins_inside_a_page(kernel: str, pages: int) -> None:
    assert table_pages(kernel, 0x7C80_0800, 0x1F_F800) == pages


@pytest.mark.parametrize(
    ("kernel", "pages"),
    [pytest.param(k, n, id=k) for k, n in {"6.1": 511, "6.12": 499, "7.2": 514}.items()],
)
def test_a_region_that_ends_inside_a_page(kernel: str, pages: int) -> None:
    assert table_pages(kernel, 0x7C80_0000, 0x1F_F800) == pages


@pytest.mark.parametrize(
    ("kernel", "pages"),
    [pytest.param(k, n, id=k) for k, n in {"6.1": 510, "6.12": 499, "7.2": 513}.items()],
)
def test_a_region_of_whole_slots(kernel: str, pages: int) -> None:
    assert table_pages(kernel, 0x7C80_0000, 0x20_0000) == pages


def test_what_the_rounding_decides_is_modelled() -> None:
    # 6.12.117 was booted, the recordings are of 6.12.107.
    inside = boot_regions("6.12", region("a@7c800800", "no-map", reg=[(0x7C80_0800, 0x1F_F800)]))
    assert inside.exactness is Exactness.MODELLED
    whole = boot_regions("6.12", region("a@7c800000", "no-map", reg=[(0x7C80_0000, 0x20_0000)]))
    assert whole.exactness is Exactness.EXACT


def test_free_memory_that_is_not_mapped_makes_the_fate_uncertain() -> None:
    # A hash table that ended in the page where the region begins killed 6.12.117 with 16 KiB pages.
    pool = region("a", "no-map", size=0x100_0123, compatible="shared-dma-pool")
    others = region("r@1bf800000", reg=[(0x1_BF80_0000, 0x4000)]), region("b", size=0x5000)
    result = boot_regions(
        "6.12", others[0], pool, others[1], page_size=16384, ram=[Span.sized(0x4000_0000, 6 << 30)]
    )
    assert result.exactness is Exactness.MODELLED
    assert (result.outcome, result.failure) == (BootOutcome.PANIC, _IDLE)
    assert any("not all in the linear map" in note for note in result.notes)


_IDLE = "Attempted to kill the idle task!"


@pytest.mark.parametrize(
    ("kernel", "outcome", "failure"),
    [
        # The reservation is undone with memblock_add(), so 2 MiB behind the end of RAM look like memory.
        pytest.param("5.10", BootOutcome.PANIC, _IDLE, id="5.10"),
        pytest.param("6.1", BootOutcome.OK, None, id="6.1"),
        # Undone after the linear map was made: free, but not mapped.
        pytest.param("6.12", BootOutcome.PANIC, _IDLE, id="6.12"),
        pytest.param("7.2", BootOutcome.OK, None, id="7.2"),
    ],
)
def test_a_refused_pool_across_the_end_of_ram(kernel: str, outcome: BootOutcome, failure: str | None) -> None:
    pool = region(
        "a@7fe00000", "reusable", "no-map", compatible="shared-dma-pool", reg=[(0x7FE0_0000, 4 * MIB)]
    )
    result = boot_regions(kernel, pool)
    assert (result.outcome, result.failure) == (outcome, failure)
    assert tuple(line for line in result.log if not line.startswith("cma: ")) == (
        ("OF: reserved mem: node a@7fe00000 compatible matching fail",)
        if kernel != "7.2"
        else (
            "OF: reserved mem: 0x000000007fe00000..0x00000000801fffff (4096 KiB) nomap reusable a@7fe00000",
        )
    )
    if outcome is BootOutcome.PANIC:
        assert result.exactness is Exactness.MODELLED
