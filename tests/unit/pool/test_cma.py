# SPDX-License-Identifier: Apache-2.0
"""What four kernels do differently with one contiguous area. Facts: cma 1.1; kernel-semantics 5.3."""

from __future__ import annotations

from typing import Any

import pytest

from carveout.errors import UsageError
from carveout.kernel.profile import resolve
from carveout.pool.cma import CmaPool
from carveout.pool.lending import SystemMemory
from carveout.pool.result import Reason
from carveout.pool.trace import Extent, PoolSpec

KERNELS = ("5.10", "6.1", "6.12", "7.2")
BASE = 0x50400


def area(kernel: str = "6.12", pages: int = 1024, **options: Any) -> CmaPool:
    spec = {key: options.pop(key) for key in ("order_per_bit", "ranges", "initially") if key in options}
    return CmaPool(
        PoolSpec(id="0", name="video", base_pfn=options.pop("base", BASE), pages=pages, **spec),
        resolve(kernel, arch="arm64").behaviour,
        **options,
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_first_fit_from_the_start_every_time(kernel: str) -> None:
    pool = area(kernel)
    first, second = pool.alloc(16), pool.alloc(16)
    assert (first.pfn, second.pfn) == (BASE, BASE + 16)
    assert pool.release(BASE, 16)
    assert pool.alloc(8).pfn == BASE
    assert pool.alloc(8).pfn == BASE + 8


def test_alignment_is_that_of_the_page_frame_not_of_the_place_in_the_area() -> None:
    # Base 0x50440 is a multiple of 64 pages, not of 256.
    pool = area(base=0x50440)
    assert pool.alloc(1, 8).pfn == 0x50500
    assert pool.alloc(1, 6).pfn == 0x50440


@pytest.mark.parametrize(
    ("kernel", "errno", "finish"),
    [
        ("5.10", -12, "f" * 16),
        ("6.1", -12, "0x" + "f" * 16),
        ("6.12", -12, "0x" + "f" * 16),
        ("7.2", -16, "0x0"),
    ],
)
def test_no_room(kernel: str, errno: int, finish: str) -> None:
    pool = area(kernel)
    pool.alloc(1000)
    got = pool.alloc(100)
    assert (got.pfn, got.errno, got.reason, got.finish_pfn) == (None, errno, Reason.ROOM, finish)
    assert got.has_finish_event


@pytest.mark.parametrize(
    ("kernel", "errno", "ends"),
    [("5.10", -12, False), ("6.1", -12, False), ("6.12", -12, False), ("7.2", -16, True)],
)
def test_larger_than_the_area(kernel: str, errno: int, ends: bool) -> None:
    got = area(kernel).alloc(1025)
    assert (got.reason, got.errno, got.has_finish_event) == (Reason.TOO_LARGE, errno, ends)
    # Where there is no last event the kernel says nothing at all.
    assert bool(got.lines) == ends


@pytest.mark.parametrize("kernel", KERNELS)
def test_busy_attempts_go_on_at_the_next_aligned_page(kernel: str) -> None:
    pool = area(kernel)
    pool.pin(BASE + 20)
    got = pool.alloc(16, 3)
    assert got.pfn == BASE
    got = pool.alloc(16, 3)
    assert (got.pfn, got.busy_pfns) == (BASE + 24, (BASE + 16,))
    assert got.shows_busy == (kernel != "5.10")
    # Without alignment every page is a place: it crawls over the pin.
    assert pool.alloc(3).pfn == BASE + 16
    got = pool.alloc(3)
    assert (got.pfn, got.busy_pfns) == (BASE + 21, (BASE + 19, BASE + 20))


@pytest.mark.parametrize(
    ("kernel", "finish"), [("5.10", "503f0"), ("6.1", "0x503f0"), ("6.12", "0x503f0"), ("7.2", "0x0")]
)
def test_every_place_is_busy(kernel: str, finish: str) -> None:
    pool = area(kernel, pages=32, base=0x503E0)
    pool.pin(0x503EF)
    pool.pin(0x503FF)
    got = pool.alloc(16, 4)
    assert (got.errno, got.reason, got.busy_pfns, got.finish_pfn) == (
        -16, Reason.BUSY, (0x503E0, 0x503F0), finish,
    )  # fmt: skip
    pool.pins.clear()
    assert pool.alloc(16, 4).pfn == 0x503E0


def test_reasons() -> None:
    pool = area(pages=64)
    for _ in range(8):
        pool.alloc(8)
    for at in (0, 16, 32, 40):
        pool.release(BASE + at, 8)
    assert pool.alloc(33).reason is Reason.ROOM
    assert pool.alloc(17).reason is Reason.FRAGMENTATION
    assert pool.largest_hole() == 16
    # 0x50420 is the one multiple of 32 that is free behind the first page: a run of 15 is left there.
    pool.alloc(1)
    assert pool.alloc(1, 5).pfn == BASE + 32
    assert pool.alloc(12, 4).reason is Reason.ALIGNMENT
    assert (pool.largest_hole(), pool.largest_hole(4)) == (15, 8)


def test_partial_release_and_what_is_not_of_the_area() -> None:
    pool = area()
    got = pool.alloc(64)
    assert got.pfn is not None
    assert pool.release(got.pfn + 16, 16)
    assert pool.alloc(16).pfn == got.pfn + 16
    assert not pool.release(BASE - 1, 1)
    assert not pool.release(BASE + 1000, 25)
    with pytest.raises(UsageError, match="free already"):
        pool.release(BASE + 100, 1)


def test_bits_of_several_pages() -> None:
    pool = area(order_per_bit=2)
    assert pool.alloc(5).pfn == BASE
    assert pool.alloc(1).pfn == BASE + 8
    assert pool.used_pages == 12
    # 7.2 counts what was asked for: more seems available than the bitmap can serve.
    assert pool.available_count == 1024 - 6
    assert pool.alloc(4, 4).pfn == BASE + 16
    assert pool.release(BASE, 5)
    assert pool.alloc(8).pfn == BASE


def test_several_ranges_are_tried_in_the_order_of_addresses() -> None:
    ranges = (Extent(BASE, 64), Extent(BASE + 256, 128))
    pool = area("7.2", pages=192, ranges=ranges)
    assert pool.alloc(100).pfn == BASE + 256
    assert pool.alloc(60).pfn == BASE
    pool.pin(BASE + 63)
    got = pool.alloc(4)
    assert (got.pfn, got.busy_pfns) == (BASE + 356, (BASE + 60,))
    # It must lie in one range.
    assert not pool.release(BASE + 60, 200)
    with pytest.raises(UsageError, match="ranges"):
        area("6.12", pages=192, ranges=ranges)


@pytest.mark.parametrize(
    ("kernel", "lines"),
    [
        ("5.10", ["cma: cma_alloc: alloc failed, req-size: 64 pages, ret: -12"]),
        ("6.1", ["cma: cma_alloc: video: alloc failed, req-size: 64 pages, ret: -12"]),
        (
            "6.12",
            [
                "cma: __cma_alloc: video: alloc failed, req-size: 64 pages, ret: -12",
                "cma: number of available pages: 10@10+20@80=> 30 free of 100 total pages",
            ],
        ),
        (
            "7.2",
            [
                "cma: __cma_alloc_frozen: video: alloc failed, req-size: 64 pages, ret: -16",
                "cma: number of available pages: range 0: 10@10+20@80=> 30 free of 100 total pages",
            ],
        ),
    ],
)
def test_what_the_kernel_prints(kernel: str, lines: list[str]) -> None:
    pool = area(kernel, pages=100)
    for pages in (10, 10, 60):
        pool.alloc(pages)
    pool.release(BASE + 10, 10)
    assert list(pool.alloc(64).lines) == lines
    assert area(kernel, with_log=False).alloc(2000).lines == ()


# ---- lending -----------------------------------------------------------------------------------------
def test_lent_pages_are_moved_away_at_once() -> None:
    pool = area()
    assert pool.lend(100) == 100
    got = pool.alloc(64)
    assert (got.pfn, got.migrated, got.scanned, got.attempts) == (BASE, 64, 64, 1)
    assert pool.lent.runs() == [(BASE + 64, BASE + 100)]
    got = pool.alloc(64)
    assert (got.migrated, pool.lent.pages) == (36, 0)


@pytest.mark.parametrize("kernel", KERNELS)
def test_without_room_elsewhere_it_fails_as_the_kernel_fails(kernel: str) -> None:
    memory = SystemMemory(free_pages=10)
    pool = area(kernel, memory=memory)
    pool.lend(100)
    got = pool.alloc(64)
    assert (got.pfn, got.errno, got.reason, got.migrated, got.attempts) == (
        None,
        -12,
        Reason.NO_TARGET,
        10,
        1,
    )
    # The ten that found room have moved, and the pages are free again.
    assert (memory.free_pages, pool.lent.pages, pool.used_pages) == (0, 90, 0)
    assert pool.lent.runs() == [(BASE + 10, BASE + 100)]
    assert pool.alloc(10).pfn == BASE


def test_lending_fills_what_is_free() -> None:
    pool = area(pages=100)
    pool.alloc(10)
    assert pool.lend(20, BASE + 70) == 20
    assert pool.lend(1000) == 70
    assert pool.lent.runs() == [(BASE + 10, BASE + 100)]
    assert pool.lend(1) == 0
    with pytest.raises(UsageError, match="not of this area"):
        pool.lend(5, BASE + 98)


def test_memory_taken_before_the_first_request() -> None:
    pool = area(initially=(Extent(BASE, 96),))
    assert (pool.alloc(1).pfn, pool.used_pages, pool.available_count) == (BASE + 96, 97, 1024 - 97)
    with pytest.raises(UsageError, match="taken twice"):
        area(initially=(Extent(BASE, 96), Extent(BASE + 5, 1)))


@pytest.mark.parametrize(("pages", "align"), [(0, 0), (-1, 0), (1, -1), (1, 64)])
def test_requests_that_make_no_sense(pages: int, align: int) -> None:
    with pytest.raises(UsageError):
        area().alloc(pages, align)


def test_a_failed_request_of_32_bit_arm() -> None:
    pool = area("6.1", long_bits=32)
    pool.alloc(1000)
    assert pool.alloc(100).finish_pfn == "0xffffffff"
