# SPDX-License-Identifier: Apache-2.0
"""The default contiguous area: `cma=` in all its forms, failures and their messages (kernel-semantics 4.2 to 4.4)."""

from __future__ import annotations

import pytest

from carveout.boot.result import BootOutcome
from carveout.span import GIB, Span
from support.boards import KERNELS, boot_regions, is_reserved, mib, region

OLD = ("5.10", "6.1")
POOL = "shared-dma-pool"
# CMA_MIN (4.1)
ALIGN = {"5.10": mib(4), "6.1": mib(2), "6.12": mib(2), "7.2": mib(2)}


def reserved_line(kernel: str, size: int, base: int) -> str:
    # 4.4
    return f"cma: Reserved {size} MiB at 0x{base:016x}" + (" on node -1" if kernel == "6.12" else "")


def failed_line(kernel: str, size: int) -> str:
    return f"cma: Failed to reserve {size} MiB" + (" on node -1" if kernel == "6.12" else "")


# ---- fixed places ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_fixed_place(kernel: str) -> None:
    result = boot_regions(kernel, cmdline="cma=64M@0x60000000")
    assert [(area.base, area.size, area.is_default, area.name) for area in result.cma] == [
        (0x6000_0000, mib(64), True, "reserved")
    ]
    assert result.log[-1] == reserved_line(kernel, 64, 0x6000_0000)
    assert is_reserved(result, 0x6000_0000, mib(64))


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_fixed_place_that_is_not_aligned(kernel: str) -> None:
    # "Region at %pa must be aligned to %pa bytes", then the failure line with the size that was asked for.
    result = boot_regions(kernel, cmdline="cma=64M@0x60100000")
    assert result.cma == ()
    assert result.log[-2:] == (
        f"cma: Region at 0x0000000060100000 must be aligned to 0x{ALIGN[kernel]:016x} bytes",
        failed_line(kernel, 64),
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_fixed_place_that_is_taken(kernel: str) -> None:
    fw = region("fw@60000000", reg=[(0x6000_0000, 0x1000)])
    result = boot_regions(kernel, fw, cmdline="cma=64M@0x60000000")
    assert result.cma == ()
    assert result.log[-1] == failed_line(kernel, 64)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_fixed_place_beyond_ram(kernel: str) -> None:
    # limit = end_of_DRAM = 0x80000000; base + size exceeds it.
    result = boot_regions(kernel, cmdline="cma=64M@0x7e000000")
    assert result.cma == ()
    # ≤6.12: H = end_of_DRAM lies inside the area, which is noticed first; 7.2 looks only with HIGHMEM.
    boundary = "cma: Region at 0x000000007e000000 defined on low/high memory boundary (0x0000000080000000)"
    exceeds = (
        "cma: Size (0x0000000004000000) of region at 0x000000007e000000 exceeds limit (0x0000000080000000)"
    )
    assert result.log[-2:] == (exceeds if kernel == "7.2" else boundary, failed_line(kernel, 64))


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_base_of_0_is_not_fixed(kernel: str) -> None:
    # 4.3: base 0 is not fixed; the limit is base + size = 64 MiB, so the search in [0, 64 MiB) finds no RAM.
    result = boot_regions(kernel, cmdline="cma=64M@0")
    assert result.cma == ()
    assert result.log[-1] == failed_line(kernel, 64)


# ---- sizes and limits --------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_size_is_rounded_up(kernel: str) -> None:
    # 5 MiB: 8 MiB on 5.10, 6 MiB later; 7.2 prints what was asked for.
    (area,) = (result := boot_regions(kernel, cmdline="cma=5M")).cma
    rounded = {"5.10": 8, "6.1": 6, "6.12": 6, "7.2": 6}[kernel]
    assert area.size == mib(rounded)
    assert area.base % ALIGN[kernel] == 0
    assert result.log[-1] == reserved_line(kernel, 5 if kernel == "7.2" else rounded, area.base)


def test_the_failure_line_on_16k_pages() -> None:
    # 4.4: `cma=4M` on the 16K kernel fails as `32 MiB`. Only [0x40000000, 0x41000000) is below the limit.
    result = boot_regions("6.12", page_size=16384, cmdline="cma=4M@0-0x41000000")
    assert result.log[-1] == failed_line("6.12", 32)


@pytest.mark.parametrize("kernel", KERNELS)
def test_more_than_there_is(kernel: str) -> None:
    result = boot_regions(kernel, cmdline="cma=2G")
    exceeds = (
        "cma: Size (0x0000000080000000) of region at 0x0000000000000000 exceeds limit (0x0000000080000000)"
    )
    # 2 GiB from 0 just reach the end of RAM: it is the search that fails.
    assert exceeds not in result.log
    assert (result.cma, result.log[-1]) == ((), failed_line(kernel, 2048))


@pytest.mark.parametrize("kernel", KERNELS)
def test_more_than_the_limit(kernel: str) -> None:
    result = boot_regions(kernel, cmdline="cma=3G")
    assert result.log[-2:] == (
        "cma: Size (0x00000000c0000000) of region at 0x0000000000000000 exceeds limit (0x0000000080000000)",
        failed_line(kernel, 3072),
    )


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("argument", ["cma=0", "cma=", "cma=0@0x60000000"])
def test_size_0_is_silence(kernel: str, argument: str) -> None:
    result = boot_regions(kernel, cmdline=argument)
    assert (result.cma, result.log) == (
        (),
        ("OF: reserved mem: Reserved memory: No reserved-memory node in the DT",)
        if kernel not in OLD
        else (),
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_limit_below_4_gib(kernel: str) -> None:
    # The highest free place below 0x60000000.
    (area,) = boot_regions(kernel, cmdline="cma=64M@0-0x60000000").cma
    assert area.base == 0x5C00_0000


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_limit_above_the_dma_limit(kernel: str) -> None:
    # 4.2, 8.25: 6 GiB of RAM. ≤6.12 takes the smaller limit, 4 GiB, and stays below it; 7.2 lets the user's 8 GiB win and
    # goes bottom-up from 4 GiB: nothing is there.
    (area,) = boot_regions(kernel, ram=[Span.sized(GIB, 6 * GIB)], cmdline="cma=64M@0-8G").cma
    if kernel == "7.2":
        assert area.base == 4 * GIB
    else:
        assert 0xF000_0000 <= area.base <= 4 * GIB - mib(64)


@pytest.mark.parametrize("kernel", KERNELS)
def test_plain_default_stays_below_4_gib(kernel: str) -> None:
    (area,) = boot_regions(kernel, ram=[Span.sized(GIB, 6 * GIB)], cmdline="").cma
    # Page tables and the like are taken from the top of RAM, far above.
    assert (area.base, area.size) == (4 * GIB - mib(64), mib(64))


# ---- areas of the tree -------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("kind", ["static", "dynamic"])
def test_a_default_pool_of_the_tree_takes_its_place(kernel: str, kind: str) -> None:
    # 4.2: on arm64 all kernels see static and dynamic ones in time.
    place = {"reg": [(0x5000_0000, mib(32))]} if kind == "static" else {"size": mib(32)}
    pool = region("pool", "reusable", "linux,cma-default", compatible=POOL, **place)  # type: ignore[arg-type]
    result = boot_regions(kernel, pool)
    assert [(area.name, area.size, area.is_default, area.from_region) for area in result.cma] == [
        ("pool", mib(32), True, "/reserved-memory/pool")
    ]


@pytest.mark.parametrize("kernel", KERNELS)
def test_of_two_default_pools_the_last_wins(kernel: str) -> None:
    # 3.7: "last one wins", silently.
    pools = [
        region(f"pool@{base:x}", "reusable", "linux,cma-default", reg=[(base, mib(32))], compatible=POOL)
        for base in (0x5000_0000, 0x5800_0000)
    ]
    result = boot_regions(kernel, *pools)
    assert [(area.name, area.is_default) for area in result.cma] == [
        ("pool@50000000", False),
        ("pool@58000000", True),
    ]


@pytest.mark.parametrize("kernel", KERNELS)
def test_all_slots_are_used(kernel: str) -> None:
    # 3.7: 20 areas (19 + 1, or 20). The 21st pool is refused and the default area finds no slot, either.
    pools = [
        region(f"p{number}", "reusable", reg=[(0x5000_0000 + mib(4) * number, mib(4))], compatible=POOL)
        for number in range(21)
    ]
    result = boot_regions(kernel, *pools)
    assert len(result.cma) == 20
    slots = "cma: Not enough slots for CMA reserved regions!"
    assert result.log.count(slots) == 2
    assert result.log.count("Reserved memory: unable to setup CMA region") == 1
    # 4.4: only 7.2 adds the failure line for every error.
    assert (failed_line(kernel, 64) in result.log) is (kernel == "7.2")


@pytest.mark.parametrize("kernel", KERNELS)
def test_dynamic_pools_are_aligned_for_the_page_allocator(kernel: str) -> None:
    # 3.4 step 4: align = max(alignment, CMA_MIN); 32 MiB and 1 MiB of a plain region above.
    plain = region("plain", size=mib(1), alloc_ranges=[(0x7FF0_0000, mib(1))])
    pool = region("pool", "reusable", size=mib(32), alignment=0x1000, compatible=POOL)
    found = {r.name: (r.base, r.align) for r in boot_regions(kernel, plain, pool).regions}
    # 6.12 and later: plain first, so rdn(0x7ff00000 - 32 MiB, 2 MiB). Before: the sort takes pool first, and the window
    # of plain is full then.
    if kernel in OLD:
        assert found["pool"] == (0x7E00_0000, ALIGN[kernel])
        assert found["plain"][0] is None
    else:
        assert found["pool"] == (0x7DE0_0000, ALIGN[kernel])
        assert found["plain"] == (0x7FF0_0000, 64)


def test_boots_that_fail_to_make_an_area_go_on() -> None:
    assert boot_regions("6.12", cmdline="cma=2G").outcome is BootOutcome.OK
