# SPDX-License-Identifier: Apache-2.0
"""What each operation leaves in memblock's lists, as pictures.

A picture has one character for each MiB from address 0 on: `.` nothing, `m` memory, `n` no-map memory,
`h` hotpluggable memory, `1` memory of node 1; `r` reserved, `k` reserved by an allocation. A `|` takes no
room: it is a border between two regions that touch and are equal otherwise.
"""

from __future__ import annotations

import pytest

from carveout.boot.memblock import ENOMEM, Flag, Memblock, MemblockPanic, MemblockRegion, MemblockRules
from carveout.span import MIB

RULES = MemblockRules(phys_bits=64, page_size=4096, smp_cache_bytes=64)
RULES_32 = MemblockRules(phys_bits=32, page_size=4096, smp_cache_bytes=64)

KINDS: dict[str, tuple[int, int | None]] = {
    "m": (Flag.NONE, None),
    "n": (Flag.NOMAP, None),
    "h": (Flag.HOTPLUG, None),
    "1": (Flag.NONE, 1),
    "r": (Flag.NONE, None),
    "k": (Flag.RSRV_KERN, None),
}


def regions(picture: str) -> tuple[MemblockRegion, ...]:
    """Return the regions a picture shows."""
    found: list[MemblockRegion] = []
    address = 0
    previous = "."
    for char in picture:
        if char not in ".|":
            flags, nid = KINDS[char]
            if char == previous:
                last = found.pop()
                found.append(last._replace(size=last.size + MIB))
            else:
                found.append(MemblockRegion(address, MIB, flags, nid))
        previous = char
        address += 0 if char == "|" else MIB
    return tuple(found)


def drawn(*, memory: str = "", reserved: str = "", rules: MemblockRules = RULES) -> Memblock:
    """Return a memblock as the pictures show it."""
    memblock = Memblock(rules)
    for region in regions(memory):
        assert memblock.add(region.base, region.size, nid=region.nid, flags=region.flags) == 0
    for region in regions(reserved):
        assert memblock.reserve(region.base, region.size, flags=region.flags) == 0
    return memblock


def test_the_pictures_mean_what_they_say() -> None:
    assert regions("..mmnn.m|m") == (
        MemblockRegion(2 * MIB, 2 * MIB, Flag.NONE, None),
        MemblockRegion(4 * MIB, 2 * MIB, Flag.NOMAP, None),
        MemblockRegion(7 * MIB, MIB, Flag.NONE, None),
        MemblockRegion(8 * MIB, MIB, Flag.NONE, None),
    )


@pytest.mark.parametrize(
    ("before", "base", "size", "after"),
    [
        pytest.param("........", 2, 3, "..mmm...", id="first"),
        pytest.param("..mm....", 5, 2, "..mm.mm.", id="apart"),
        pytest.param("..mm....", 4, 2, "..mmmm..", id="touching-above"),
        pytest.param("..mm....", 0, 2, "mmmm....", id="touching-below"),
        pytest.param("mm...mm.", 2, 3, "mmmmmmm.", id="exactly-between"),
        pytest.param("..mmm...", 2, 3, "..mmm...", id="the-same"),
        pytest.param("..mmm...", 3, 1, "..mmm...", id="inside"),
        pytest.param("..mmm...", 1, 6, ".mmmmmm.", id="around"),
        pytest.param("m.m.m.m.", 0, 8, "mmmmmmmm", id="over-many"),
        pytest.param("m.n.m.h.", 0, 8, "mmnmmmhm", id="keeps-what-is-there"),
        pytest.param("..nn....", 4, 2, "..nnmm..", id="other-flags-do-not-merge"),
        pytest.param("..11....", 4, 2, "..11mm..", id="another-node-does-not-merge"),
        pytest.param("..mm....", 4, 0, "..mm....", id="nothing"),
    ],
)
def test_add(before: str, base: int, size: int, after: str) -> None:
    memblock = drawn(memory=before)
    assert memblock.add(base * MIB, size * MIB) == 0
    assert memblock.snapshot() == (regions(after), ())
    assert memblock.phys_mem_size() == sum(char != "." for char in after) * MIB


@pytest.mark.parametrize(
    ("before", "base", "size", "after"),
    [
        pytest.param("........", 2, 3, "........", id="from-nothing"),
        pytest.param(".mmmmmm.", 3, 2, ".mm..mm.", id="the-middle"),
        pytest.param(".mmmmmm.", 0, 3, "...mmmm.", id="the-lower-end"),
        pytest.param(".mmmmmm.", 5, 3, ".mmmm...", id="the-upper-end"),
        pytest.param(".mmmmmm.", 0, 8, "........", id="all"),
        pytest.param("mm.nn.mm", 1, 6, "m......m", id="several"),
        pytest.param("mm....mm", 2, 4, "mm....mm", id="the-hole"),
    ],
)
def test_remove(before: str, base: int, size: int, after: str) -> None:
    memblock = drawn(memory=before, reserved="rr....rr")
    assert memblock.remove(base * MIB, size * MIB) == 0
    assert memblock.snapshot() == (regions(after), regions("rr....rr"))


@pytest.mark.parametrize(
    ("before", "base", "size", "flags", "after"),
    [
        pytest.param("........", 2, 3, Flag.NONE, "..rrr...", id="first-and-no-ram-there"),
        pytest.param("..rr....", 3, 3, Flag.NONE, "..rrrr..", id="overlap-is-no-error"),
        pytest.param("..rr....", 4, 2, Flag.RSRV_KERN, "..rrkk..", id="an-allocation-does-not-merge"),
        pytest.param("..kk....", 0, 8, Flag.NONE, "rrkkrrrr", id="an-allocation-keeps-its-flag"),
    ],
)
def test_reserve(before: str, base: int, size: int, flags: int, after: str) -> None:
    memblock = drawn(reserved=before)
    assert memblock.reserve(base * MIB, size * MIB, flags=flags) == 0
    assert memblock.snapshot() == ((), regions(after))


def test_free_takes_back_whatever_is_reserved_there() -> None:
    memblock = drawn(memory="mmmmmmmm", reserved=".rrrkkk.")
    assert memblock.phys_free(2 * MIB, 4 * MIB) == 0
    assert memblock.snapshot() == (regions("mmmmmmmm"), regions(".r....k."))


@pytest.mark.parametrize(
    ("before", "operation", "base", "size", "after"),
    [
        pytest.param("mmmmmmmm", "mark_nomap", 2, 3, "mmnnnmmm", id="the-middle"),
        pytest.param("mmmmmmmm", "mark_nomap", 0, 8, "nnnnnnnn", id="all"),
        pytest.param("mm....mm", "mark_nomap", 2, 4, "mm....mm", id="no-ram-there"),
        pytest.param("mmm..mmm", "mark_nomap", 1, 6, "mnn..nnm", id="partly-ram"),
        pytest.param("mmnnmmmm", "mark_nomap", 4, 2, "mmnnnnmm", id="merges-below"),
        pytest.param("mmmmnnmm", "mark_nomap", 2, 2, "mmnnnnmm", id="merges-above"),
        pytest.param("mmnnnnmm", "clear_nomap", 2, 4, "mmmmmmmm", id="clear-all"),
        pytest.param("mmnnnnmm", "clear_nomap", 3, 2, "mmnmmnmm", id="clear-a-part"),
        pytest.param("mmmmmmmm", "clear_nomap", 3, 2, "mmmmmmmm", id="clear-what-is-not-set"),
        pytest.param("mmmm1111", "mark_hotplug", 2, 0, "mmmm1111", id="nothing"),
        pytest.param("mmmmmm..", "mark_hotplug", 4, 4, "mmmmhh..", id="hotplug"),
        pytest.param("mmhhhhmm", "clear_hotplug", 0, 8, "mmmmmmmm", id="clear-hotplug"),
    ],
)
def test_marks(before: str, operation: str, base: int, size: int, after: str) -> None:
    memblock = drawn(memory=before)
    assert getattr(memblock, operation)(base * MIB, size * MIB) == 0
    assert memblock.snapshot() == (regions(after), ())


@pytest.mark.parametrize(
    ("before", "base", "size", "nid", "after"),
    [
        pytest.param("mmmmmmmm", 4, 4, 1, "mmmm1111", id="splits"),
        pytest.param("mmmm1111", 0, 8, 1, "11111111", id="merges"),
        pytest.param("mm..mm..", 1, 4, 1, "m1..1m..", id="over-a-hole"),
        pytest.param("11111111", 0, 8, None, "mmmmmmmm", id="to-none"),
    ],
)
def test_set_node(before: str, base: int, size: int, nid: int | None, after: str) -> None:
    memblock = drawn(memory=before)
    assert memblock.set_node(base * MIB, size * MIB, nid) == 0
    assert memblock.snapshot() == (regions(after), ())


@pytest.mark.parametrize(
    ("memory", "reserved", "base", "size", "memory_after", "reserved_after"),
    [
        pytest.param("mmmmmmmm", "r..rr..r", 2, 4, "..mmmm..", "...rr...", id="both-ends"),
        pytest.param("nmmm.mmn", "........", 2, 2, "n.mm...n", "........", id="no-map-outside-stays"),
        pytest.param("nnnnmmmm", "........", 2, 4, "nn|nnmm..", "........", id="a-no-map-region-is-split"),
        pytest.param("mmmmmmmm", "r..rr..r", 0, 0, "mmmmmmmm", "r..rr..r", id="size-0"),
        pytest.param("........", "r..rr..r", 2, 4, "........", "r..rr..r", id="no-ram"),
    ],
)
def test_cap_memory_range(
    memory: str, reserved: str, base: int, size: int, memory_after: str, reserved_after: str
) -> None:
    memblock = drawn(memory=memory, reserved=reserved)
    memblock.cap_memory_range(base * MIB, size * MIB)
    assert memblock.snapshot() == (regions(memory_after), regions(reserved_after))


@pytest.mark.parametrize(
    ("operation", "limit", "memory_after", "reserved_after"),
    [
        pytest.param("enforce_memory_limit", 0, "nmmm.mmn", "..r..r.r", id="enforce-0"),
        pytest.param("enforce_memory_limit", 3, "nmm.....", "..r.....", id="enforce-no-map-counts"),
        pytest.param("enforce_memory_limit", 5, "nmmm.m..", "..r..r..", id="enforce-across-a-hole"),
        pytest.param("enforce_memory_limit", 7, "nmmm.mmn", "..r..r.r", id="enforce-all"),
        pytest.param("enforce_memory_limit", 8, "nmmm.mmn", "..r..r.r", id="enforce-more"),
        pytest.param("mem_limit_remove_map", 0, "nmmm.mmn", "..r..r.r", id="map-0"),
        pytest.param("mem_limit_remove_map", 3, "nmm....n", "..r.....", id="map-keeps-no-map"),
        pytest.param("mem_limit_remove_map", 9, "nmmm.mmn", "..r..r.r", id="map-more"),
    ],
)
def test_memory_limits(operation: str, limit: int, memory_after: str, reserved_after: str) -> None:
    memblock = drawn(memory="nmmm.mmn", reserved="..r..r.r")
    getattr(memblock, operation)(limit * MIB)
    assert memblock.snapshot() == (regions(memory_after), regions(reserved_after))


def test_a_limit_at_the_end_of_a_bank_is_there_and_not_in_the_next() -> None:
    memblock = drawn(memory="mmm..mmm", reserved="..rrrr..")
    memblock.enforce_memory_limit(3 * MIB)
    assert memblock.snapshot() == (regions("mmm....."), regions("..r....."))


def test_queries() -> None:
    memblock = drawn(memory="..mmnn.1", reserved="...rr...")
    assert (memblock.start_of_dram(), memblock.end_of_dram()) == (2 * MIB, 8 * MIB)
    assert memblock.phys_mem_size() == 5 * MIB
    assert memblock.is_region_memory(4 * MIB, 2 * MIB), "no-map memory is memory"
    assert not memblock.is_region_memory(3 * MIB, 2 * MIB), "two regions, though they touch"
    assert not memblock.is_region_memory(MIB, 2 * MIB)
    assert memblock.intersects_memory(MIB, 2 * MIB)
    assert not memblock.intersects_memory(0, 2 * MIB)
    assert memblock.is_region_reserved(0, 3 * MIB + 1)
    assert not memblock.is_region_reserved(0, 3 * MIB)
    assert memblock.is_region_reserved(4 * MIB, 0), "an empty range inside a region"


def test_without_memory() -> None:
    memblock = Memblock(RULES)
    assert (memblock.start_of_dram(), memblock.end_of_dram(), memblock.phys_mem_size()) == (0, 0, 0)
    assert not memblock.is_region_memory(0, 0)


def test_a_copy_lives_on_its_own() -> None:
    memblock = drawn(memory="mmmm", reserved="r...")
    memblock.bottom_up = memblock.can_resize = True
    memblock.current_limit = 3 * MIB
    copy = memblock.copy()
    assert (copy.bottom_up, copy.can_resize, copy.current_limit) == (True, True, 3 * MIB)
    copy.mark_nomap(MIB, MIB)
    copy.reserve(2 * MIB, MIB)
    assert memblock.snapshot() == (regions("mmmm"), regions("r..."))
    assert copy.snapshot() == (regions("mnmm"), regions("r.r."))


def test_the_last_byte_is_never_part_of_a_region() -> None:
    for rules, top in ((RULES, (1 << 64) - 1), (RULES_32, (1 << 32) - 1)):
        memblock = Memblock(rules)
        memblock.add(top - 4095, 4096)
        memblock.reserve(top, 1)
        assert memblock.snapshot() == ((MemblockRegion(top - 4095, 4095, 0, None),), ())


def test_arguments_are_cut_to_the_width_of_an_address() -> None:
    memblock = Memblock(RULES_32)
    memblock.add((5 << 32) + MIB, (1 << 32) + MIB)
    assert memblock.memory == (MemblockRegion(MIB, MIB, 0, None),)


def full(count: int, **changes: bool) -> Memblock:
    """Return a memblock whose reserved list has room for 4, with `count` regions: every other MiB from 1."""
    rules = MemblockRules(phys_bits=64, page_size=4096, smp_cache_bytes=64, reserved_capacity=4, **changes)
    return drawn(memory="m" * 16, reserved=".r" * count, rules=rules)


def test_a_full_list_refuses() -> None:
    memblock = full(4)
    before = memblock.snapshot()
    assert memblock.reserve(10 * MIB, MIB) == -ENOMEM
    assert memblock.reserve(2 * MIB, MIB) == -ENOMEM, "room is asked for before merging"
    assert memblock.alloc_range(MIB, MIB, 0, 0) == 0
    assert memblock.reserve(3 * MIB, MIB) == 0, "nothing new needs no room"
    assert memblock.snapshot() == before


def test_taking_back_asks_for_room_for_two_even_if_it_splits_nothing() -> None:
    memblock = full(3)
    assert memblock.phys_free(MIB, MIB) == -ENOMEM
    assert memblock.reserved == regions(".r.r.r")
    memblock = full(2)
    assert memblock.phys_free(MIB, MIB) == 0
    assert memblock.reserved == regions("...r")


def test_marking_asks_for_room_for_two() -> None:
    rules = MemblockRules(phys_bits=64, page_size=4096, smp_cache_bytes=64, memory_capacity=3)
    memblock = drawn(memory="mm.mm", rules=rules)
    for operation in (memblock.mark_nomap, memblock.clear_nomap, memblock.mark_hotplug, memblock.remove):
        assert operation(0, MIB) == -ENOMEM
    assert memblock.set_node(0, MIB, 1) == -ENOMEM
    memblock.cap_memory_range(0, MIB)
    assert memblock.memory == regions("mm.mm")


def test_a_full_list_is_a_panic_on_newer_kernels() -> None:
    memblock = full(4, growth_panics=True)
    with pytest.raises(MemblockPanic) as caught:
        memblock.reserve(10 * MIB, MIB)
    assert caught.value.text == "memblock: cannot resize reserved array"
    memblock = drawn(
        memory="m.m",
        rules=MemblockRules(
            phys_bits=64, page_size=4096, smp_cache_bytes=64, memory_capacity=3, growth_panics=True
        ),
    )
    with pytest.raises(MemblockPanic, match="memblock: cannot resize memory array"):
        memblock.mark_nomap(0, MIB)


def test_a_list_that_may_grow_takes_memory_for_its_array() -> None:
    """The first array is in the kernel image; the second is given back when the third is made.

    0         1 MiB     ...                            16 MiB
    |  ...  r     r     r     r     new              A |      A: 8 entries of 24 bytes, a page at the top
    """
    memblock = full(4)
    memblock.can_resize = True
    assert memblock.reserve(9 * MIB, MIB) == 0
    first_array = MemblockRegion(16 * MIB - 4096, 4096, Flag.NONE, None)
    assert memblock.reserved == (*regions(".r.r.r.r.r"), first_array)
    memblock.reserve(11 * MIB, MIB)
    memblock.reserve(13 * MIB, MIB)
    # Eight of eight are used: the next one doubles the list again, and the old array is free again.
    assert memblock.reserve(0, 4096) == 0
    second_array = MemblockRegion(16 * MIB - 8192, 4096, Flag.NONE, None)
    assert memblock.reserved == (
        MemblockRegion(0, 4096, Flag.NONE, None),
        *regions(".r.r.r.r.r.r.r"),
        second_array,
    )


def test_the_new_array_keeps_off_what_is_being_reserved() -> None:
    memblock = full(4, marks_allocations=True)
    memblock.can_resize = True
    assert memblock.reserve(14 * MIB, 2 * MIB) == 0
    array = MemblockRegion(14 * MIB - 4096, 4096, Flag.RSRV_KERN, None)
    assert memblock.reserved == (*regions(".r.r.r.r"), array, *regions("." * 14 + "rr"))


def test_growth_fails_without_room() -> None:
    memblock = full(4)
    memblock.can_resize = True
    memblock.current_limit = 4096
    assert memblock.reserve(10 * MIB, MIB) == -ENOMEM
    assert memblock.reserved == regions(".r.r.r.r")


def test_the_list_of_memory_grows_too() -> None:
    rules = MemblockRules(phys_bits=64, page_size=4096, smp_cache_bytes=64, memory_capacity=2)
    memblock = drawn(memory=".m.m", rules=rules)
    memblock.can_resize = True
    assert memblock.add(5 * MIB, MIB) == 0
    assert memblock.memory == regions(".m.m.m")
    assert memblock.reserved == (MemblockRegion(4 * MIB - 4096, 4096, Flag.NONE, None),)
