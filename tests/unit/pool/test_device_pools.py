# SPDX-License-Identifier: Apache-2.0
"""Pools of one device: coherent ones (cma 1.3) and restricted ones (cma 1.4)."""

from __future__ import annotations

import pytest

from carveout.errors import UsageError
from carveout.kernel.profile import resolve
from carveout.pool.coherent import CoherentPool
from carveout.pool.order import get_order
from carveout.pool.restricted import RestrictedPool
from carveout.pool.result import Reason
from carveout.pool.trace import PoolKind, PoolSpec

PAGE = 4096


def coherent(pages: int = 20, base: int = 0x5C001) -> CoherentPool:
    return CoherentPool(
        PoolSpec(id="2", name="dsp", base_pfn=base, pages=pages, kind=PoolKind.COHERENT), PAGE
    )


def restricted(kernel: str = "7.2", pages: int = 128, base: int = 0x5E000, index: int = 0) -> RestrictedPool:
    spec = PoolSpec(
        id="3", name="wifi", base_pfn=base, pages=pages, kind=PoolKind.RESTRICTED, initial_index=index
    )
    return RestrictedPool(spec, resolve(kernel, arch="arm64").behaviour, PAGE)


@pytest.mark.parametrize(
    ("size", "order"), [(1, 0), (4096, 0), (4097, 1), (3 * 4096, 2), (1 << 20, 8), (0, 0)]
)
def test_orders(size: int, order: int) -> None:
    assert get_order(size, PAGE) == order


def test_coherent_blocks_are_counted_from_the_start_of_the_pool() -> None:
    pool = coherent()
    got = pool.alloc(5 * PAGE)
    assert (got.pfn, got.pages, pool.used_pages) == (0x5C001, 8, 8)
    assert pool.alloc(PAGE).pfn == 0x5C009
    # The block of two starts at a multiple of two from the start, the page between is lost to it.
    assert pool.alloc(2 * PAGE).pfn == 0x5C00B
    assert pool.release(0x5C001, 5 * PAGE)
    assert pool.alloc(8 * PAGE).pfn == 0x5C001


def test_coherent_failures() -> None:
    pool = coherent()
    assert pool.alloc(21 * PAGE).reason is Reason.TOO_LARGE
    pool.alloc(PAGE)
    # 16 of 20 pages: the tail behind the last whole block is of no use to it.
    got = pool.alloc(16 * PAGE)
    assert (got.reason, got.errno, got.pfn) == (Reason.ALIGNMENT, -12, None)
    assert (pool.largest_hole(4), pool.largest_hole(2), pool.largest_hole()) == (4, 16, 19)
    assert not pool.release(0x5C000, PAGE)
    assert not pool.release(0x5C010, 8 * PAGE)
    with pytest.raises(UsageError, match="free already"):
        pool.release(0x5C008, PAGE)
    with pytest.raises(UsageError, match="at least 1"):
        pool.alloc(0)


def test_restricted_goes_on_behind_the_last_one() -> None:
    pool = restricted()
    first, second = pool.alloc(PAGE), pool.alloc(PAGE)
    assert (first.pfn, second.pfn, pool.index) == (0x5E000, 0x5E001, 4)
    pool.release(0x5E000, PAGE)
    # What was freed is not used again before the search comes round.
    assert pool.alloc(PAGE).pfn == 0x5E002
    # 64 KiB are aligned to 64 KiB.
    assert pool.alloc(16 * PAGE).pfn == 0x5E010
    pool = restricted(index=254)
    assert pool.alloc(PAGE).pfn == 0x5E07F
    assert pool.index == 0


def test_restricted_nothing_crosses_a_segment() -> None:
    pool = restricted()
    assert pool.alloc(256 << 10).pfn == 0x5E000
    assert pool.alloc((256 << 10) + 1).reason is Reason.TOO_LARGE
    assert pool.largest_hole() == 64
    assert [pool.alloc(128 << 10).pfn for _ in range(3)] == [0x5E040, 0x5E060, None]


def test_restricted_failures() -> None:
    pool = restricted(pages=64)
    for _ in range(64):
        pool.alloc(PAGE)
    got = pool.alloc(PAGE)
    assert (got.reason, got.errno) == (Reason.ROOM, -12)
    for page in (1, 3, 4):
        pool.release(0x5E000 + page, PAGE)
    assert pool.alloc(3 * PAGE).reason is Reason.FRAGMENTATION
    assert pool.alloc(2 * PAGE).reason is Reason.ALIGNMENT
    assert list(pool.free_extents()) == [(0x5E001, 0x5E002), (0x5E003, 0x5E005)]
    assert not pool.release(0x5E040, PAGE)
    with pytest.raises(UsageError, match="free already"):
        pool.release(0x5E001, PAGE)


def test_restricted_before_6_12_searches_in_steps() -> None:
    # Read, not recorded: aligned to a page only, from an index rounded up to it.
    pool = restricted("6.1", index=3)
    assert pool.alloc(3 * PAGE).pfn == 0x5E002
    assert pool.alloc(2 * PAGE).pfn == 0x5E005


def test_restricted_index_outside_of_the_pool() -> None:
    with pytest.raises(UsageError, match="initial_index 300"):
        restricted(index=300)
