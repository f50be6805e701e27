# SPDX-License-Identifier: Apache-2.0
"""Which base memblock chooses."""

from __future__ import annotations

import time

import pytest

from carveout.boot.memblock import Flag, Memblock, MemblockRegion, MemblockRules
from carveout.span import GIB, KIB, MIB, Span

PAGE = 4096
RULES = MemblockRules(phys_bits=64, page_size=PAGE, smp_cache_bytes=64)
ANYWHERE = (1 << 64) - 1


def ram(*banks: tuple[int, int], rules: MemblockRules = RULES) -> Memblock:
    """Return a memblock with banks of memory, each (start, end) in MiB."""
    memblock = Memblock(rules)
    for start, end in banks:
        memblock.add(start * MIB, (end - start) * MIB)
    return memblock


# Memory from 16 to 32 MiB. Reserved: 20 to 24, and half a MiB at the top.
#
#     16      20      24            31.5  32
#     [ free  |reserved| free        |res|
@pytest.mark.parametrize(
    ("size", "align", "start", "end", "top_down", "bottom_up"),
    [
        pytest.param(MIB, MIB, 0, 0, 30 * MIB, 16 * MIB, id="base-aligned-slack-above"),
        pytest.param(MIB, 4096, 0, 0, 30 * MIB + 512 * KIB, 16 * MIB, id="no-slack"),
        pytest.param(4 * MIB, 4 * MIB, 0, 0, 24 * MIB, 16 * MIB, id="align-4"),
        pytest.param(8 * MIB, MIB, 0, 0, 0, 0, id="too-large"),
        pytest.param(7 * MIB, 4 * MIB, 0, 0, 24 * MIB, 24 * MIB, id="only-the-upper-range"),
        pytest.param(4 * MIB, 8 * MIB, 0, 0, 24 * MIB, 16 * MIB, id="align-8"),
        pytest.param(2 * MIB, MIB, 0, 25 * MIB, 18 * MIB, 16 * MIB, id="window-ends-inside"),
        pytest.param(2 * MIB, MIB, 17 * MIB, 25 * MIB, 18 * MIB, 17 * MIB, id="window-both-ends"),
        pytest.param(2 * MIB, MIB, 19 * MIB, 25 * MIB, 0, 0, id="window-without-room"),
        pytest.param(MIB, MIB, 40 * MIB, 48 * MIB, 0, 0, id="window-outside-ram"),
        pytest.param(MIB, MIB, 30 * MIB, 20 * MIB, 0, 0, id="window-reversed"),
        pytest.param(MIB, MIB, 0, 1, 30 * MIB, 16 * MIB, id="end-1-is-magic"),
        pytest.param(MIB, MIB, 0, 2, 0, 0, id="end-2-is-not"),
        pytest.param(MIB, MIB, 0, ANYWHERE, 30 * MIB, 16 * MIB, id="anywhere"),
    ],
)
def test_find(size: int, align: int, start: int, end: int, top_down: int, bottom_up: int) -> None:
    memblock = ram((16, 32))
    memblock.reserve(20 * MIB, 4 * MIB)
    memblock.reserve(32 * MIB - 512 * KIB, 512 * KIB)
    assert memblock.find(size, align, start, end) == top_down
    memblock.bottom_up = True
    assert memblock.find(size, align, start, end) == bottom_up


def test_an_alignment_is_a_mask() -> None:
    """With 3 MiB the low bits cleared are those of 3 MiB - 1 = 0x2fffff: bit 20 may stay set."""
    memblock = ram((16, 32))
    assert memblock.find(MIB, 3 * MIB, 0, 0) == (31 * MIB) & ~(3 * MIB - 1) == 29 * MIB
    assert memblock.find(2 * MIB, 3 * MIB, 0, 0) == (30 * MIB) & ~(3 * MIB - 1) == 28 * MIB


def test_with_such_an_alignment_more_may_fit_where_less_did_not() -> None:
    memblock = ram((16, 20), (29, 32))
    assert memblock.find(2 * MIB, 3 * MIB, 0, 0) == (18 * MIB) & ~(3 * MIB - 1) == 16 * MIB
    assert memblock.find(3 * MIB, 3 * MIB, 0, 0) == (29 * MIB) & ~(3 * MIB - 1) == 29 * MIB


def test_page_0_is_never_found() -> None:
    memblock = ram((0, 1))
    memblock.bottom_up = True
    assert memblock.find(16, 16, 0, 0) == PAGE
    memblock.reserve(PAGE, MIB)
    assert memblock.find(16, 16, 0, 0) == 0


def test_rounding_up_may_wrap_to_0_which_is_a_failure() -> None:
    memblock = Memblock(RULES._replace(phys_bits=32))
    memblock.bottom_up = True
    memblock.add(0xFFF00000, MIB)
    assert memblock.find(PAGE, MIB, 0xFFF00000, 0) == 0xFFF00000
    assert memblock.find(PAGE, 2 * MIB, 0xFFF00000, 0) == 0


def test_no_bytes_are_found_where_the_window_ends() -> None:
    memblock = ram((16, 32))
    assert memblock.find(0, MIB, 0, 20 * MIB) == 20 * MIB
    assert memblock.find(0, MIB, 0, 48 * MIB) == 32 * MIB
    assert memblock.find(0, MIB, 0, 20 * MIB + 1) == 20 * MIB
    memblock.bottom_up = True
    assert memblock.find(0, MIB, 0, 20 * MIB) == 16 * MIB
    assert memblock.find(0, MIB, 0, 16 * MIB) == 0


def test_current_limit_bounds_allocations_without_an_end() -> None:
    memblock = ram((16, 32))
    memblock.current_limit = 24 * MIB
    assert memblock.find(MIB, MIB, 0, 0) == 23 * MIB
    assert memblock.find(MIB, MIB, 0, 30 * MIB) == 29 * MIB
    assert memblock.alloc(MIB, MIB, end=30 * MIB) == 23 * MIB


def test_a_range_never_crosses_the_border_of_two_regions() -> None:
    """16 .. 24 of node 0, 24 .. 32 of node 1: 12 MiB are free together, but not to one request."""
    memblock = ram((16, 32))
    memblock.set_node(0, 24 * MIB, 0)
    memblock.set_node(24 * MIB, 8 * MIB, 1)
    assert memblock.find(9 * MIB, MIB, 0, 0) == 0
    assert list(memblock.free_ranges()) == [Span(16 * MIB, 24 * MIB), Span(24 * MIB, 32 * MIB)]
    assert memblock.find(MIB, MIB, 0, 0, nid=0) == 23 * MIB
    assert memblock.find(MIB, MIB, 0, 0, nid=2) == 0


@pytest.mark.parametrize(
    ("flag", "skips_hotplug", "asked", "base"),
    [
        pytest.param(Flag.NOMAP, False, Flag.NONE, 23, id="no-map"),
        pytest.param(Flag.DRIVER_MANAGED, False, Flag.NONE, 23, id="driver-managed"),
        pytest.param(Flag.HOTPLUG, False, Flag.NONE, 31, id="hotplug-used"),
        pytest.param(Flag.HOTPLUG, True, Flag.NONE, 23, id="hotplug-skipped"),
        pytest.param(Flag.HOTPLUG, True, Flag.HOTPLUG, 31, id="hotplug-asked-for"),
        pytest.param(Flag.MIRROR, False, Flag.NONE, 31, id="mirror-not-asked-for"),
        pytest.param(Flag.KHO_SCRATCH, False, Flag.KHO_SCRATCH, 31, id="scratch"),
    ],
)
def test_flags_of_the_upper_half(flag: int, skips_hotplug: bool, asked: int, base: int) -> None:
    memblock = ram((16, 24), rules=RULES._replace(skips_hotplug=skips_hotplug))
    memblock.add(24 * MIB, 8 * MIB, flags=flag)
    assert memblock.find(MIB, MIB, 0, 0, flags=asked) == base * MIB


@pytest.mark.parametrize("required", [Flag.MIRROR, Flag.KHO_SCRATCH])
def test_flags_a_region_must_have(required: int) -> None:
    memblock = ram((24, 32))
    assert memblock.find(MIB, MIB, 0, 0, flags=required) == 0
    memblock.add(16 * MIB, 8 * MIB, flags=required)
    assert memblock.find(MIB, MIB, 0, 0, flags=required) == 23 * MIB


def test_an_allocation_is_reserved() -> None:
    memblock = ram((16, 32))
    assert memblock.alloc_range(MIB, 0, 0, 0) == 31 * MIB
    assert memblock.alloc_range(100, 0, 0, 0) == 31 * MIB - 128
    assert memblock.reserved == (
        MemblockRegion(31 * MIB - 128, 100, Flag.NONE, None),
        MemblockRegion(31 * MIB, MIB, Flag.NONE, None),
    )


def test_newer_kernels_mark_allocations() -> None:
    memblock = ram((16, 32), rules=RULES._replace(marks_allocations=True))
    memblock.set_node(0, 32 * MIB, 1)
    memblock.reserve(31 * MIB, MIB)
    memblock.alloc_range(MIB, MIB, 0, 0)
    memblock.alloc_range(MIB, MIB, 0, 0, nid=1)
    memblock.alloc_range(MIB, MIB, 0, 0, nid=0)
    assert memblock.reserved == (
        MemblockRegion(28 * MIB, MIB, Flag.RSRV_KERN, None),
        MemblockRegion(29 * MIB, MIB, Flag.RSRV_KERN, 1),
        MemblockRegion(30 * MIB, MIB, Flag.RSRV_KERN, None),
        MemblockRegion(31 * MIB, MIB, Flag.NONE, None),
    )


def test_another_node_is_the_second_choice_unless_exact() -> None:
    memblock = ram((16, 32))
    memblock.set_node(16 * MIB, 8 * MIB, 0)
    memblock.set_node(24 * MIB, 8 * MIB, 1)
    assert memblock.alloc_range(8 * MIB, MIB, 0, 0, nid=0, exact_nid=True) == 16 * MIB
    assert memblock.alloc_range(MIB, MIB, 0, 0, nid=0, exact_nid=True) == 0
    assert memblock.alloc_range(MIB, MIB, 0, 0, nid=0) == 31 * MIB


def test_the_pointer_interfaces_try_again_from_0() -> None:
    memblock = ram((16, 32))
    assert memblock.alloc_range(MIB, MIB, GIB, 0) == 0
    assert memblock.alloc(MIB, MIB, start=GIB) == 31 * MIB
    assert memblock.alloc(64 * MIB, MIB, start=GIB) == 0


def test_pages_come_from_the_top_around_what_is_reserved() -> None:
    memblock = ram((16, 32))
    memblock.reserve(30 * MIB, MIB + 100)
    spans = memblock.alloc_pages(256, PAGE)
    top = Span(31 * MIB + PAGE, 32 * MIB)
    assert spans == [top, Span(30 * MIB - PAGE, 30 * MIB)]
    assert memblock.reserved == (
        MemblockRegion(30 * MIB - PAGE, PAGE + MIB + 100, Flag.NONE, None),
        MemblockRegion(31 * MIB + PAGE, MIB - PAGE, Flag.NONE, None),
    )


def test_pages_run_out() -> None:
    memblock = ram((16, 17))
    assert memblock.alloc_pages(0, PAGE) == []
    assert memblock.alloc_pages(1000, PAGE) == [Span(16 * MIB, 17 * MIB)]
    assert memblock.alloc_pages(1, PAGE) == []


def test_pages_bottom_up() -> None:
    memblock = ram((16, 32))
    memblock.bottom_up = True
    assert memblock.alloc_pages(3, PAGE) == [Span(16 * MIB, 16 * MIB + 3 * PAGE)]


def test_the_largest_hole_is_the_one_with_most_room_once_aligned() -> None:
    """17 .. 24 holds 7 MiB but, aligned to 8 MiB, nothing; 32 .. 36 holds 4 MiB and all of them count."""
    memblock = ram((17, 24), (32, 36))
    assert memblock.largest_free(align=PAGE) == (Span(17 * MIB, 24 * MIB), 7 * MIB)
    assert memblock.largest_free(align=8 * MIB) == (Span(32 * MIB, 36 * MIB), 4 * MIB)
    assert memblock.largest_free(align=PAGE, start=20 * MIB, end=22 * MIB) == (
        Span(20 * MIB, 22 * MIB),
        2 * MIB,
    )
    assert memblock.largest_free(align=PAGE, start=24 * MIB, end=30 * MIB) is None
    memblock.current_limit = 20 * MIB
    for _ in range(2):
        assert memblock.largest_free(align=PAGE) == (Span(17 * MIB, 20 * MIB), 3 * MIB)
    memblock.reserve(17 * MIB, 8 * MIB)
    assert memblock.largest_free(align=PAGE) is None


@pytest.mark.parametrize(
    ("operation", "arguments", "base"),
    [
        pytest.param("phys_free", (32 * MIB, 2 * MIB), 32, id="phys_free"),
        pytest.param("add", (34 * MIB, 2 * MIB), 34, id="add"),
        pytest.param("clear_nomap", (30 * MIB, 2 * MIB), 30, id="clear_nomap"),
        pytest.param("clear_hotplug", (24 * MIB, 2 * MIB), 24, id="clear_hotplug"),
        pytest.param("set_node", (0, GIB, 1), 28, id="set_node"),
    ],
)
@pytest.mark.parametrize("bottom_up", [False, True])
def test_what_becomes_free_is_found_though_a_search_failed_before(
    operation: str, arguments: tuple[int, ...], base: int, bottom_up: bool
) -> None:
    """Nowhere is room for 2 MiB, until an operation makes some.

    24          26    28    29     30     32        34
    | hotplug |  none | free|node 1| no-map|reserved |
    """
    memblock = ram((28, 30), (32, 34), rules=RULES._replace(skips_hotplug=True))
    memblock.add(24 * MIB, 2 * MIB, flags=Flag.HOTPLUG)
    memblock.add(30 * MIB, 2 * MIB, flags=Flag.NOMAP)
    memblock.set_node(29 * MIB, MIB, 1)
    memblock.reserve(32 * MIB, 2 * MIB)
    memblock.bottom_up = bottom_up
    assert memblock.find(2 * MIB, MIB, 0, 0) == 0
    assert getattr(memblock, operation)(*arguments) == 0
    assert memblock.find(2 * MIB, MIB, 0, 0) == base * MIB


def test_more_windows_than_are_remembered() -> None:
    memblock = ram((16, 32))
    for _ in range(2):
        for index in range(300):
            assert memblock.find(MIB, PAGE, 0, 20 * MIB + index * PAGE) == 19 * MIB + index * PAGE


def test_ten_thousand_regions_do_not_take_long() -> None:
    """10000 reservations, then 10000 allocations for which none of the gaps between those is large enough."""
    memblock = ram((1024, 16384), rules=RULES._replace(reserved_capacity=1 << 15))
    started = time.process_time()
    for index in range(10_000):
        memblock.reserve(16 * GIB - (2 * index + 1) * PAGE, PAGE)
    for index in range(10_000):
        assert memblock.alloc_range((2 + index % 7) * PAGE, PAGE, 0, 0)
    assert time.process_time() - started < 2, "usually a tenth of this"
