# SPDX-License-Identifier: Apache-2.0
"""debugfs, sysfs and bitmaps of areas → which pages are in use."""

from __future__ import annotations

import pytest

from carveout.errors import TraceError
from carveout.pool.area_state import AreaState, pools_with_state, read_area_files, read_state_text
from carveout.pool.trace import Extent, PoolKind, PoolSpec
from support.pools import text

DEBUGFS = "/sys/kernel/debug/cma"
VIDEO = PoolSpec(id="3", name="video-pool@50400000", base_pfn=0x50400, pages=16384)


def test_a_recorded_state_is_read_whole() -> None:
    states = {
        state.name: state
        for state in read_state_text(text("cma-state-after-pinned-1.k7.2-lab.txt").splitlines())
    }
    assert states.keys() == {"default-pool@58000000", "video-pool@50400000"}
    default = states["default-pool@58000000"]
    assert (default.base_pfn, default.pages, default.used_pages) == (0x58000, 12288, 32)
    assert default.used == (Extent(0x58000, 32),)
    assert states["video-pool@50400000"].used == ()


def test_the_bitmap_agrees_with_the_kernels_own_count() -> None:
    for state in read_state_text(text("cma-state-after-pinned-1.k7.2-lab.txt").splitlines()):
        assert state.used is not None
        assert sum(extent.pages for extent in state.used) == state.used_pages


@pytest.mark.parametrize(
    ("words", "runs"),
    [
        ("0", []),
        ("1", [(0, 1)]),
        ("2147483648 1", [(31, 2)]),
        ("4294967295 4294967295 0", [(0, 64)]),
        ("5 0 3", [(0, 1), (2, 1), (64, 2)]),
        ("4026531840 4294967295 15", [(28, 40)]),
        ("0 4294967295", [(32, 32)]),
    ],
)
def test_words_are_bits_lowest_first(words: str, runs: list[tuple[int, int]]) -> None:
    (state,) = read_state_text([words])
    assert state.used == tuple(Extent(*run) for run in runs)
    assert state.pages == 32 * len(words.split())


def test_a_recorded_bitmap_that_another_program_wrote_into_is_refused() -> None:
    """The console of the recording has `42F 247` in the middle of the words."""
    lines = text("cma-debugfs-bitmaps-live.k7.2-lab.txt").splitlines()
    with pytest.raises(TraceError, match="word 377, '42F'"):
        read_state_text(lines)
    whole = lines[0].split()[:376]
    (state,) = read_state_text([" ".join(whole)])
    assert state.used is not None
    assert sum(extent.pages for extent in state.used) == sum(int(word).bit_count() for word in whole)


def test_order_per_bit_scales_a_bit_to_pages() -> None:
    (state,) = read_area_files({"cma/big/bitmap": "5", "cma/big/order_per_bit": "3\n", "cma/big/base_pfn": "4096",
                                "cma/big/count": "256"})  # fmt: skip
    assert state.used == (Extent(4096, 8), Extent(4112, 8))


def test_several_ranges_of_one_area() -> None:
    files = {
        f"{DEBUGFS}/hot/count": "96",
        f"{DEBUGFS}/hot/base_pfn": "4096",
        f"{DEBUGFS}/hot/bitmap": "3",
        f"{DEBUGFS}/hot/ranges/0/base_pfn": "4096",
        f"{DEBUGFS}/hot/ranges/0/bitmap": "3",
        f"{DEBUGFS}/hot/ranges/1/base_pfn": "8192",
        f"{DEBUGFS}/hot/ranges/1/bitmap": "0 1",
    }
    (state,) = read_area_files(files)
    assert state.ranges == (Extent(4096, 32), Extent(8192, 64))
    assert state.used == (Extent(4096, 2), Extent(8224, 1))
    assert (state.base_pfn, state.pages) == (4096, 96)


def test_names_of_510_are_cut() -> None:
    (state,) = read_area_files(
        {f"{DEBUGFS}/cma-video-pool@/bitmap": "1", f"{DEBUGFS}/cma-video-pool@/count": "16384"}
    )
    assert state.name == "video-pool@"
    (pool,) = pools_with_state([VIDEO], [state])
    assert (pool.id, pool.name, pool.initially) == ("3", VIDEO.name, (Extent(0x50400, 1),))


def test_sysfs_says_how_much_not_where() -> None:
    (state,) = read_area_files({"mm/cma/x/total_pages": "100", "mm/cma/x/available_pages": "70"})
    assert (state.used, state.used_pages) == (None, 30)
    (pool,) = pools_with_state([PoolSpec(id="0", name="x", base_pfn=8, pages=64)], [state])
    assert (pool.pages, pool.initially) == (100, ())


def test_a_state_makes_a_pool_that_nobody_described() -> None:
    pools = pools_with_state(
        [VIDEO], [AreaState("camera", base_pfn=0x9000, pages=64, used=(Extent(0x9000, 4),))]
    )
    assert [(pool.id, pool.name) for pool in pools] == [("3", VIDEO.name), ("1", "camera")]


def test_a_bitmap_alone_is_of_the_only_area() -> None:
    coherent = PoolSpec(id="9", name="dsp", base_pfn=1, pages=8, kind=PoolKind.COHERENT)
    pools = pools_with_state([coherent, VIDEO], [AreaState("", pages=16384, used=(Extent(16, 2),))])
    assert pools[1].initially == (Extent(0x50410, 2),)
    with pytest.raises(TraceError, match="does not say of which area"):
        pools_with_state([], [AreaState("", pages=32, used=())])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["MemFree: 1 kB"], "shows no area"),
        (["1 2 x"], "word 3, 'x'"),
        (["4294967296"], "word 1"),
        ([f"{DEBUGFS}/a/bitmap: -1"], "word 1"),
        ([f"{DEBUGFS}/a/count: many"], "no count of pages"),
        ([f"{DEBUGFS}/a/count: 1", f"{DEBUGFS}/a/order_per_bit: 99"], "no order of pages"),
    ],
)
def test_what_cannot_be_read_is_named(lines: list[str], message: str) -> None:
    with pytest.raises(TraceError, match=message):
        read_state_text(lines)


def test_a_bitmap_longer_than_its_area_is_refused() -> None:
    with pytest.raises(TraceError, match="the area has 64"):
        pools_with_state(
            [PoolSpec(id="0", name="x", base_pfn=0, pages=64)],
            [AreaState("", pages=96, used=(Extent(70, 1),))],
        )
