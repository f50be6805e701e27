# SPDX-License-Identifier: Apache-2.0
"""The same requests on other kernels, pages, policies and sizes: against recordings of the same requests there."""

from __future__ import annotations

import pytest

from carveout.errors import UsageError
from carveout.pool.jsonl import read_jsonl
from carveout.pool.replay import replay
from carveout.pool.trace import Extent, Op, PoolSpec, Request, Trace, TraceHeader
from carveout.pool.variants import as_on, outcome, variants
from carveout.span import MIB
from support.pools import text


def recorded(name: str) -> Trace:
    return read_jsonl(text(f"{name}.jsonl").splitlines())


@pytest.mark.parametrize("target", ["5.10", "6.1", "7.2"])
def test_requests_of_one_kernel_do_on_another_what_was_recorded_there(target: str) -> None:
    there = recorded(f"mixed-1.k{target}")
    moved, notes = as_on(recorded("mixed-1.k6.12"), there.header.kernel, 4096)
    assert notes == ()
    got = {result.request.id: result for result in replay(moved).results}
    for id_, result in there.recorded.items():
        assert got[id_].allocation.pfn == result.pfn
        if result.errno is not None:
            assert got[id_].errno == result.errno


def one(*requests: Request, pages: int = 16384, taken: tuple[Extent, ...] = ()) -> Trace:
    pool = PoolSpec(id="0", name="video", base_pfn=0x50400, pages=pages, initially=taken)
    return Trace(header=TraceHeader(kernel="6.12", pools=(pool,)), requests=requests)


def test_pages_become_bytes_and_pages_again() -> None:
    trace = one(
        Request(op=Op.CMA_ALLOC, id=0, pages=225, align=8),  # as the DMA API aligns it
        Request(op=Op.CMA_ALLOC, id=1, pages=3, align=10),  # by hand: 4 MiB
        Request(op=Op.DMA_ALLOC, id=2, size=5000),
        Request(op=Op.PIN, pfn=0x50405),
        Request(op=Op.FREE, id=0),
        taken=(Extent(0x50400, 96),),
    )
    moved, notes = as_on(trace, "6.12", 16384)
    assert moved.header.page_size == 16384
    first, second, third, pin, free = moved.requests
    assert (first.pages, first.align) == (57, 6)
    assert (second.pages, second.align) == (1, 8)
    assert (third.size, pin.pfn, free.id) == (5000, 0x14101, 0)
    pool = moved.header.pools[0]
    assert pool.base_pfn * 16384 == 0x50000000
    assert (pool.pages * 16384, pool.initially) == (64 * MIB, (Extent(0x14000, 24),))
    assert any("base 0x50400000 is no multiple of 0x2000000" in note for note in notes)


def test_a_size_that_is_refused_is_rounded_up_and_said() -> None:
    moved, notes = as_on(one(), "6.12", 4096, size=3 * MIB)
    assert moved.header.pools[0].pages == 1024
    assert any("size 0x300000 is no multiple of 0x200000" in note for note in notes)


def test_combinations() -> None:
    trace = recorded("frames-1.k6.12")
    made = variants(trace, "0", kernels=("5.10", "7.2"), sizes=(64 * MIB, 256 * MIB))
    assert [(each.kernel, each.size // MIB) for each in made] == [
        ("5.10", 64),
        ("5.10", 256),
        ("7.2", 64),
        ("7.2", 256),
    ]
    results = [outcome(trace, "0", each) for each in made]
    assert [bool(each.failed) for each in results] == [True, False, True, False]
    # 5.10 wants multiples of 4 MiB.
    assert [each.need for each in results] == [176 * MIB] * 4
    assert results[1].peak <= results[1].high_water <= 176 * MIB


def test_too_many_combinations() -> None:
    with pytest.raises(UsageError, match="201 combinations"):
        variants(one(), "0", sizes=tuple(range(1, 202)))
