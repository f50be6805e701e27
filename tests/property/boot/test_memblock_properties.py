# SPDX-License-Identifier: Apache-2.0
"""memblock against a model that knows one byte at a time.

The whole world is 96 bytes with pages of 4, so the model can try every base there is.
"""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from hypothesis import example, given
from hypothesis import strategies as st

from carveout.boot.memblock import Flag, Memblock, MemblockRegion, MemblockRules

if TYPE_CHECKING:
    from collections.abc import Sequence

WORLD = 96
PAGE = 4
RULES = MemblockRules(phys_bits=64, page_size=PAGE, smp_cache_bytes=8)

Kind = tuple[int, int | None]


class Model:
    """For each byte the flags and node of its region, or None; in two arrays."""

    def __init__(self, *, skips_hotplug: bool = False) -> None:
        self.memory: list[Kind | None] = [None] * WORLD
        self.reserved: list[Kind | None] = [None] * WORLD
        self.skips_hotplug = skips_hotplug
        self.bottom_up = False

    def may_use(self, address: int, nid: int | None) -> bool:
        """Say whether an allocation may use the byte."""
        kind = self.memory[address]
        if kind is None or self.reserved[address] is not None:
            return False
        avoid = Flag.NOMAP | (Flag.HOTPLUG if self.skips_hotplug else 0)
        return not kind[0] & avoid and nid in (None, kind[1])

    def find(self, size: int, align: int, start: int, end: int, nid: int | None) -> int:
        """Try every base."""
        bases = [
            base
            for base in range(max(start, PAGE), min(end, WORLD) - size + 1)
            if base % align == 0
            and all(self.may_use(address, nid) for address in range(base, base + size))
            and len({self.memory[address] for address in range(base, base + size)}) == 1
        ]
        if not bases:
            return 0
        return bases[0] if self.bottom_up else bases[-1]


def regions(kinds: Sequence[Kind | None]) -> tuple[MemblockRegion, ...]:
    """Return the runs of equal bytes."""
    found = []
    address = 0
    for kind, run in groupby(kinds):
        size = len(list(run))
        if kind is not None:
            found.append(MemblockRegion(address, size, *kind))
        address += size
    return tuple(found)


def fill(kinds: list[Kind | None], base: int, size: int, kind: Kind) -> None:
    for address in range(base, min(base + size, WORLD)):
        if kinds[address] is None:
            kinds[address] = kind


bases = st.integers(0, WORLD - 1)
sizes = st.integers(0, 40)
nodes = st.sampled_from([None, 0, 1])
aligns = st.sampled_from([1, 2, 4, 8, 16])
ranges = st.tuples(bases, sizes).map(lambda pair: (pair[0], min(pair[1], WORLD - pair[0])))
operations = st.one_of(
    st.tuples(st.just("add"), ranges, nodes),
    st.tuples(st.just("remove"), ranges, st.none()),
    st.tuples(st.just("reserve"), ranges, st.none()),
    st.tuples(st.just("reserve"), ranges, st.none()),
    st.tuples(st.just("phys_free"), ranges, st.none()),
    st.tuples(
        st.sampled_from(["mark_nomap", "clear_nomap", "mark_hotplug", "clear_hotplug"]), ranges, st.none()
    ),
    st.tuples(st.just("set_node"), ranges, nodes),
    st.tuples(st.just("alloc"), st.tuples(st.integers(1, 24), aligns), nodes),
    st.tuples(st.just("alloc"), st.tuples(st.integers(1, 24), aligns), nodes),
)
histories = st.lists(operations, max_size=14).map(lambda some: [("add", (8, 80), None), *some])


def change(flags: list[Kind | None], base: int, size: int, set_bits: int, clear_bits: int) -> None:
    for address in range(base, base + size):
        kind = flags[address]
        if kind is not None:
            flags[address] = ((kind[0] | set_bits) & ~clear_bits, kind[1])


def apply_to_model(model: Model, name: str, pair: tuple[int, int], nid: int | None) -> int:
    base, size = pair
    flag = Flag.NOMAP if name.endswith("nomap") else Flag.HOTPLUG
    if name == "add":
        fill(model.memory, base, size, (0, nid))
    elif name == "reserve":
        fill(model.reserved, base, size, (0, nid))
    elif name == "remove":
        model.memory[base : base + size] = [None] * size
    elif name == "phys_free":
        model.reserved[base : base + size] = [None] * size
    elif name.startswith("mark_"):
        change(model.memory, base, size, flag, 0)
    elif name.startswith("clear_"):
        change(model.memory, base, size, 0, flag)
    elif name == "set_node":
        for address in range(base, base + size):
            kind = model.memory[address]
            model.memory[address] = None if kind is None else (kind[0], nid)
    else:
        size, align = pair
        found = model.find(size, align, 0, WORLD, nid) or model.find(size, align, 0, WORLD, None)
        if found:
            fill(model.reserved, found, size, (0, None))
        return found
    return 0


def apply(memblock: Memblock, name: str, pair: tuple[int, int], nid: int | None) -> int:
    if name == "alloc":
        return memblock.alloc_range(pair[0], pair[1], 0, 0, nid=nid)
    if name in ("add", "reserve"):
        return int(getattr(memblock, name)(*pair, nid=nid))
    if name == "set_node":
        return memblock.set_node(*pair, nid)
    return int(getattr(memblock, name)(*pair))


def built(history: list[tuple[str, tuple[int, int], int | None]], **rules: bool) -> tuple[Memblock, Model]:
    memblock = Memblock(MemblockRules(phys_bits=64, page_size=PAGE, smp_cache_bytes=8, **rules))
    model = Model(**rules)
    for name, pair, nid in history:
        apply(memblock, name, pair, nid)
        apply_to_model(model, name, pair, nid)
    return memblock, model


@given(histories, st.booleans(), st.booleans())
def test_every_step_equals_the_model(
    history: list[tuple[str, tuple[int, int], int | None]], skips_hotplug: bool, bottom_up: bool
) -> None:
    memblock, model = built([], skips_hotplug=skips_hotplug)
    memblock.bottom_up = model.bottom_up = bottom_up
    for name, pair, nid in history:
        assert apply(memblock, name, pair, nid) == apply_to_model(model, name, pair, nid)
        assert memblock.memory == regions(model.memory)
        assert memblock.reserved == regions(model.reserved)


@given(histories)
def test_lists_are_sorted_disjoint_and_merged(
    history: list[tuple[str, tuple[int, int], int | None]],
) -> None:
    memblock, model = built(history)
    for found in memblock.snapshot():
        assert all(region.size > 0 for region in found)
        for one, other in pairwise(found):
            assert one.end <= other.base
            assert one.end < other.base or (one.flags, one.nid) != (other.flags, other.nid)
    assert memblock.phys_mem_size() == sum(kind is not None for kind in model.memory)


@given(
    histories,
    st.lists(
        st.tuples(
            st.integers(1, 24), aligns, st.integers(0, WORLD), st.integers(2, WORLD), nodes, st.booleans()
        ),
        max_size=8,
    ),
)
def test_find_equals_the_model_in_any_window(
    history: list[tuple[str, tuple[int, int], int | None]],
    requests: list[tuple[int, int, int, int, int | None, bool]],
) -> None:
    memblock, model = built(history)
    for size, align, start, end, nid, bottom_up in requests:
        memblock.bottom_up = model.bottom_up = bottom_up
        assert memblock.find(size, align, start, end, nid=nid) == model.find(size, align, start, end, nid)


@given(histories, nodes, aligns)
def test_free_ranges_and_the_largest_equal_the_model(
    history: list[tuple[str, tuple[int, int], int | None]], nid: int | None, align: int
) -> None:
    memblock, model = built(history)
    expected = [
        (region.base, region.end)
        for region in regions(
            [model.memory[address] if model.may_use(address, nid) else None for address in range(WORLD)]
        )
    ]
    assert list(memblock.free_ranges(nid=nid)) == expected
    assert list(memblock.free_ranges(nid=nid, reverse=True)) == expected[::-1]
    room = [(max(end - -(-max(base, PAGE) // align) * align, 0)) for base, end in expected if end > PAGE]
    largest = memblock.largest_free(align=align, nid=nid)
    assert (largest is None and not room) or (largest is not None and largest[1] == max(room))


@given(histories, ranges)
def test_queries_equal_the_model(
    history: list[tuple[str, tuple[int, int], int | None]], pair: tuple[int, int]
) -> None:
    memblock, model = built(history)
    base, size = pair
    if size:
        assert memblock.is_region_reserved(base, size) == any(model.reserved[base : base + size])
        assert memblock.intersects_memory(base, size) == any(model.memory[base : base + size])
        kinds = set(model.memory[base : base + size])
        assert memblock.is_region_memory(base, size) == (len(kinds) == 1 and None not in kinds)


@given(histories, ranges)
def test_removing_what_was_added_to_a_hole_restores_the_state(
    history: list[tuple[str, tuple[int, int], int | None]], pair: tuple[int, int]
) -> None:
    memblock, _ = built(history)
    before = memblock.snapshot()
    if not memblock.intersects_memory(*pair):
        memblock.add(*pair)
        memblock.remove(*pair)
    if not memblock.is_region_reserved(*pair):
        memblock.reserve(*pair)
        memblock.phys_free(*pair)
    assert memblock.snapshot() == before


# The second page makes the list grow, and the new array lies where the third page would have been.
@example([("add", (8, 80), None)], 3, 8, 1, True, False, False)
# The array moves twice, so that a page above the last one becomes free.
@example([("add", (8, 80), None), ("alloc", (1, 8), None)], 3, 4, 1, True, False, False)
@given(
    histories,
    st.integers(0, 24),
    st.sampled_from([4, 8]),
    st.integers(1, 6),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_pages_in_bulk_equal_pages_one_by_one(
    history: list[tuple[str, tuple[int, int], int | None]],
    count: int,
    page_size: int,
    capacity: int,
    can_resize: bool,
    bottom_up: bool,
    marks: bool,
) -> None:
    rules = MemblockRules(
        phys_bits=64,
        page_size=PAGE,
        smp_cache_bytes=8,
        reserved_capacity=capacity,
        marks_allocations=marks,
        entry_size=1,
    )
    bulk = Memblock(rules)
    for name, pair, nid in history:
        apply(bulk, name, pair, nid)
    bulk.bottom_up = bottom_up
    bulk.can_resize = can_resize
    single = bulk.copy()
    pages = [single.alloc_range(page_size, page_size, 0, 0) for _ in range(count)]
    got: list[int] = []
    for span in bulk.alloc_pages(count, page_size):
        found = range(span.start, span.end, page_size)
        got += found if bottom_up else found[::-1]
    assert got == [page for page in pages if page]
    assert bulk.snapshot() == single.snapshot()
