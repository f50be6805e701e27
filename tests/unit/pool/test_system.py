# SPDX-License-Identifier: Apache-2.0
"""The DMA API and the heaps over pools. Facts: cma 1.2, 1.6."""

from __future__ import annotations

from typing import Any

import pytest

from carveout.errors import TraceError, UnsupportedProfile, UsageError
from carveout.pool.lending import SystemMemory
from carveout.pool.replay import replay, resized
from carveout.pool.result import Reason
from carveout.pool.system import PoolSystem
from carveout.pool.trace import Extent, Op, PoolKind, PoolSpec, Request, Trace, TraceHeader

PAGE = 4096
POOLS = (
    PoolSpec(id="0", name="video", base_pfn=0x50400, pages=1024),
    PoolSpec(id="1", name="linux,cma", base_pfn=0x58000, pages=1024, kind=PoolKind.CMA_DEFAULT,
             initially=(Extent(0x58000, 96),)),
    PoolSpec(id="2", name="dsp", base_pfn=0x5C000, pages=64, kind=PoolKind.COHERENT),
    PoolSpec(id="3", name="wifi", base_pfn=0x5E000, pages=128, kind=PoolKind.RESTRICTED),
)  # fmt: skip


def header(**changes: Any) -> TraceHeader:
    return TraceHeader(**{"kernel": "6.12.107", "pools": POOLS, **changes})


def system(**changes: Any) -> PoolSystem:
    return PoolSystem.of_trace(header(**changes))


@pytest.mark.parametrize(
    ("pool", "size", "place", "address"),
    [
        pytest.param("0", PAGE, "pool", 0x5040_0000, id="own-area-even-one-page"),
        pytest.param("1", PAGE, "buddy", None, id="default-area-never-for-one-page"),
        pytest.param("1", PAGE + 1, "pool", 0x5806_0000, id="default-area-behind-the-atomic-pools"),
        pytest.param("1", 4 << 20, "buddy", None, id="no-room-so-the-page-allocator"),
        pytest.param("1", (4 << 20) + 1, "none", None, id="more-than-its-largest-block"),
        pytest.param("2", 65 * PAGE, "none", None, id="coherent-has-nothing-to-fall-back-on"),
        pytest.param("3", 300 << 10, "none", None, id="restricted-neither"),
    ],
)
def test_where_a_dma_request_ends(pool: str, size: int, place: str, address: int | None) -> None:
    result = system().submit(Request(Op.DMA_ALLOC, id=0, pool=pool, size=size))
    assert result is not None
    assert (result.place, result.address, result.errno) == (place, address, 0 if place != "none" else -12)


@pytest.mark.parametrize(("page_size", "pfn"), [(4096, 0x50500), (16384, 0x50400)])
def test_alignment_is_capped(page_size: int, pfn: int) -> None:
    # One page, then 4 MiB, which is order 10 at 4 KiB: aligned to order 8, which is 1 MiB.
    kernel = system(page_size=page_size)
    kernel.submit(Request(Op.CMA_ALLOC, id=0, pages=1) if page_size == 4096 else Request(Op.FREE, id=9))
    result = kernel.submit(Request(Op.DMA_ALLOC, id=1, size=2 << 20))
    assert result is not None
    assert result.allocation.pfn == pfn


def test_heaps_give_one_errno_and_nothing_else() -> None:
    kernel = system(kernel="7.2.13")
    result = kernel.submit(Request(Op.HEAP_ALLOC, id=0, size=8 << 20))
    assert result is not None
    assert (result.place, result.errno, result.allocation.errno) == ("none", -12, -16)


def test_freeing_gives_back_all_that_was_taken() -> None:
    kernel = system()
    sizes = {"0": 5 * PAGE, "1": 5 * PAGE, "2": 5 * PAGE, "3": 5 * PAGE}
    before = {name: list(pool.free_extents()) for name, pool in kernel.pools.items()}
    for number, (pool, size) in enumerate(sizes.items()):
        kernel.submit(Request(Op.DMA_ALLOC, id=number, pool=pool, size=size))
    assert all(list(pool.free_extents()) != before[name] for name, pool in kernel.pools.items())
    for number in range(5):
        kernel.submit(Request(Op.FREE, id=number))
        kernel.submit(Request(Op.FREE, id=number))
    assert {name: list(pool.free_extents()) for name, pool in kernel.pools.items()} == before


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            Request(Op.CMA_ALLOC, id=0, pool="7", pages=1, line=9),
            "line 9: no pool '7', expected one of 0, 1, 2, 3",
        ),
        (Request(Op.CMA_ALLOC, id=0, pool="2", pages=1), "dsp, which is no contiguous area"),
        (Request(Op.HEAP_ALLOC, id=0, pool="3", size=1), "wifi, which is no contiguous area"),
        (Request(Op.DMA_ALLOC, id=0, pool="2", size=0), "0 bytes"),
        (Request(Op.PIN, pool="2", pfn=0x5C000), "contiguous areas only"),
        (Request(Op.PIN), "without a page frame number"),
    ],
)
def test_requests_that_make_no_sense(request_: Request, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        system().submit(request_)


def test_an_id_is_in_use() -> None:
    kernel = system()
    kernel.submit(Request(Op.CMA_ALLOC, id=1, pages=1))
    with pytest.raises(TraceError, match="request 1 has not been freed"):
        kernel.submit(Request(Op.CMA_ALLOC, id=1, pages=1, line=3))


def test_pins_of_all_areas_go_at_once() -> None:
    kernel = system()
    kernel.submit(Request(Op.PIN, pfn=0x50400))
    kernel.submit(Request(Op.PIN, pfn=0x58100, pool="1"))
    kernel.submit(Request(Op.UNPIN, pfn=0x58100, pool="1"))
    result = kernel.submit(Request(Op.CMA_ALLOC, id=0, pages=1))
    assert result is not None
    assert result.allocation.busy_pfns == (0x50400,)
    kernel.submit(Request(Op.UNPIN_ALL))
    result = kernel.submit(Request(Op.CMA_ALLOC, id=2, pages=1))
    assert result is not None
    assert result.allocation.pfn == 0x50400


def test_a_replay_counts() -> None:
    requests = (
        Request(Op.LEND, pages=50),
        Request(Op.CMA_ALLOC, id=0, pages=100),
        Request(Op.CMA_ALLOC, id=1, pages=900),
        Request(Op.FREE, id=0),
        Request(Op.CMA_ALLOC, id=2, pages=101),
        Request(Op.CMA_ALLOC, id=3, pages=30, align=4),
        Request(Op.CMA_ALLOC, id=4, pages=2000),
    )
    done = replay(Trace(header=header(), requests=requests), memory=SystemMemory(1000))
    use = done.uses["0"]
    assert (use.requests, use.peak_pages, use.high_water_pages) == (5, 1000, 1000)
    assert use.failures == {Reason.FRAGMENTATION: 1, Reason.TOO_LARGE: 1}
    assert (use.migrated, use.scanned, use.attempts) == (50, 1030, 3)
    assert [result.allocation.pfn for result in done.results] == [0x50400, 0x50464, None, 0x50400, None]
    assert done.uses["1"].high_water_pages == 96


def test_other_sizes() -> None:
    assert resized(header(), {"0": 2048}).pool("video").pages == 2048
    with pytest.raises(UsageError, match=r"no pool 'x' in this trace; it has 0 \(video\)"):
        resized(header(), {"x": 1})
    requests = (Request(Op.CMA_ALLOC, id=0, pages=2000),)
    assert replay(Trace(header=header(), requests=requests), pages={"0": 2048}).results[0].errno == 0


def test_kernels_that_are_not_known() -> None:
    with pytest.raises(UnsupportedProfile):
        system(kernel="2.6.39")
    with pytest.raises(UsageError, match="two pools"):
        system(pools=(POOLS[0], POOLS[0]))
