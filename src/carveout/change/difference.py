# SPDX-License-Identifier: Apache-2.0
"""Two boots set side by side: what became of each region, device and area, and of the memory that is left.

Regions are paired by path. What is left over is paired by label, then by the name before the unit address where it
is the only one, then by its place: a static region that moves gets another unit address, and so another path.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Sequence

    from carveout.boot import Boot
    from carveout.boot.result import CmaArea, ConsumerResult, PlacedRegion
    from carveout.boot.scene import Fact

REGION_FIELDS = (
    "outcome", "kind", "requested_size", "align", "alloc_ranges", "nomap", "reusable", "pool", "driver",
    "compatible", "extra", "exactness",
)  # fmt: skip
"""Attributes of a region that are compared, beside its path, base and size."""
AREA_FIELDS = ("base", "size", "is_default", "activated", "exactness")
CONSUMER_FIELDS = ("region", "name", "errno", "message", "bound_by", "enabled")


class RegionPair(NamedTuple):
    """A region in both boots; None where it is not."""

    before: PlacedRegion | None
    after: PlacedRegion | None

    @property
    def is_moved(self) -> bool:
        """It has a place in both, and another one."""
        return self.before is not None and self.after is not None and (
            None not in (self.before.base, self.after.base) and self.before.base != self.after.base
        )  # fmt: skip

    @property
    def is_resized(self) -> bool:
        """It has a size in both, and another one."""
        return self.before is not None and self.after is not None and (
            None not in (self.before.size, self.after.size) and self.before.size != self.after.size
        )  # fmt: skip

    @property
    def is_renamed(self) -> bool:
        """Its path is another one."""
        return self.before is not None and self.after is not None and self.before.path != self.after.path

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names of the attributes that differ."""
        if self.before is None or self.after is None:
            return ()
        return different(self.before, self.after, REGION_FIELDS)

    @property
    def differs(self) -> bool:
        """Anything about it differs."""
        return (
            self.before is None
            or self.after is None
            or self.is_renamed
            or (self.before.base, self.before.size) != (self.after.base, self.after.size)
            or bool(self.attributes)
        )


class AreaPair(NamedTuple):
    """A contiguous memory area in both boots; None where it is not."""

    before: CmaArea | None
    after: CmaArea | None

    @property
    def differs(self) -> bool:
        """Anything about it differs."""
        if self.before is None or self.after is None:
            return True
        return bool(different(self.before, self.after, AREA_FIELDS))


class ConsumerPair(NamedTuple):
    """One entry of a device's memory-region in both boots; None where it is not."""

    before: ConsumerResult | None
    after: ConsumerResult | None


class Room(NamedTuple):
    """What became of the RAM of a boot, in bytes."""

    ram: int
    """All that memblock takes for RAM, no-map or not."""
    no_map: int
    """Without a mapping: out of the system's reach."""
    reserved: int
    """Reserved, and mapped."""
    lent: int
    """The part of `reserved` in contiguous areas, which the system uses until a device wants it."""

    @property
    def left(self) -> int:
        """What the system has at the end of early boot, areas that it may borrow included."""
        return self.ram - self.no_map - self.reserved + self.lent


class FactPair(NamedTuple):
    """A value of the scene that differs."""

    before: Fact | None
    after: Fact | None


class Difference(NamedTuple):
    """Two boots and what differs between them."""

    before: Boot
    after: Boot
    regions: tuple[RegionPair, ...]
    """All of them, those that do not differ too: in the order of the second tree, then those that are gone."""
    areas: tuple[AreaPair, ...]
    """All of them."""
    consumers: tuple[ConsumerPair, ...]
    """Those that differ."""
    scene: tuple[FactPair, ...]
    """Values that differ."""
    log: tuple[tuple[str, str], ...]
    """Lines that differ, in order: (`-` or `+`, line)."""
    room: tuple[Room, Room]

    @property
    def changed_regions(self) -> tuple[RegionPair, ...]:
        """The regions about which anything differs."""
        return tuple(pair for pair in self.regions if pair.differs)

    @property
    def changed_areas(self) -> tuple[AreaPair, ...]:
        """The areas about which anything differs."""
        return tuple(pair for pair in self.areas if pair.differs)

    @property
    def differs(self) -> bool:
        """The result of the boot differs. The scene alone does not count."""
        return bool(
            self.changed_regions
            or self.changed_areas
            or self.consumers
            or self.log
            or self.room[0] != self.room[1]
            or (self.before.outcome, self.before.failure) != (self.after.outcome, self.after.failure)
        )


def compare(before: Boot, after: Boot) -> Difference:
    """Return what differs between two boots, of two trees or of one in two scenes."""
    regions = _pair_regions(before.regions, after.regions)
    renamed = {pair.before.path: pair.after.path for pair in regions if pair.before and pair.after}
    return Difference(
        before=before,
        after=after,
        regions=tuple(regions),
        areas=tuple(_pair_areas(before.cma, after.cma, renamed)),
        consumers=tuple(_pair_consumers(before.consumers, after.consumers, renamed)),
        scene=tuple(_pair_facts(before.scene.facts, after.scene.facts)),
        log=tuple(_lines(before.log, after.log)),
        room=(room_of(before), room_of(after)),
    )


def room_of(result: Boot) -> Room:
    """Return what became of the RAM."""
    ram = sum(entry.size for entry in result.memory)
    no_map = [(entry.base, entry.base + entry.size) for entry in result.memory if entry.nomap]
    mapped = [(entry.base, entry.base + entry.size) for entry in result.memory if not entry.nomap]
    reserved = [(entry.base, entry.base + entry.size) for entry in result.reserved]
    areas = sorted((area.base, area.base + area.size) for area in result.cma if area.activated)
    return Room(
        ram=ram,
        no_map=sum(end - start for start, end in no_map),
        reserved=_common(mapped, reserved),
        lent=_common(mapped, areas),
    )


def different(one: object, other: object, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the attributes in which two values differ."""
    return tuple(name for name in names if getattr(one, name) != getattr(other, name))


def _common(some: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> int:
    # Bytes in both; each list is ascending and without overlaps.
    total = i = j = 0
    while i < len(some) and j < len(others):
        low, high = max(some[i][0], others[j][0]), min(some[i][1], others[j][1])
        total += max(high - low, 0)
        if some[i][1] < others[j][1]:
            i += 1
        else:
            j += 1
    return total


def _pair_regions(before: Sequence[PlacedRegion], after: Sequence[PlacedRegion]) -> list[RegionPair]:
    partner: dict[int, PlacedRegion] = {}
    left, right = list(before), list(after)
    for key in (_path, _label, _base_name, _place):
        taken = _matches(left, right, key)
        partner |= {id(new): old for old, new in taken}
        done = {id(region) for pair in taken for region in pair}
        left = [region for region in left if id(region) not in done]
        right = [region for region in right if id(region) not in done]
    pairs = [RegionPair(partner.get(id(region)), region) for region in after]
    return pairs + [RegionPair(region, None) for region in left]


def _matches(
    left: Sequence[PlacedRegion], right: Sequence[PlacedRegion], key: Callable[[PlacedRegion], Hashable]
) -> list[tuple[PlacedRegion, PlacedRegion]]:
    # Regions whose key is given and the only one of its kind on both sides.
    ours, theirs = _only(left, key), _only(right, key)
    return [(ours[name], theirs[name]) for name in ours if name in theirs]


def _only(
    regions: Sequence[PlacedRegion], key: Callable[[PlacedRegion], Hashable]
) -> dict[Hashable, PlacedRegion]:
    found: dict[Hashable, list[PlacedRegion]] = {}
    for region in regions:
        name = key(region)
        if name is not None:
            found.setdefault(name, []).append(region)
    return {name: same[0] for name, same in found.items() if len(same) == 1}


def _path(region: PlacedRegion) -> Hashable:
    return region.path


def _label(region: PlacedRegion) -> Hashable:
    return region.label


def _base_name(region: PlacedRegion) -> Hashable:
    return region.path.rpartition("/")[0], region.name.partition("@")[0]


def _place(region: PlacedRegion) -> Hashable:
    return None if region.base is None else (region.base, region.size)


def _pair_areas(
    before: Sequence[CmaArea], after: Sequence[CmaArea], renamed: dict[str, str]
) -> list[AreaPair]:
    def key(area: CmaArea, *, is_old: bool) -> Hashable:
        if area.from_region is None:
            return "", area.name
        return renamed.get(area.from_region, area.from_region) if is_old else area.from_region

    old: dict[Hashable, list[CmaArea]] = {}
    for area in before:
        old.setdefault(key(area, is_old=True), []).append(area)
    pairs = []
    for area in after:
        same = old.get(key(area, is_old=False))
        pairs.append(AreaPair(same.pop(0) if same else None, area))
    return pairs + [AreaPair(area, None) for same in old.values() for area in same]


def _pair_consumers(
    before: Sequence[ConsumerResult], after: Sequence[ConsumerResult], renamed: dict[str, str]
) -> list[ConsumerPair]:
    old = {(entry.path, entry.index): entry for entry in before}
    pairs = []
    for entry in after:
        mate = old.pop((entry.path, entry.index), None)
        if mate is not None:
            names = different(mate, entry, CONSUMER_FIELDS)
            is_same_region = renamed.get(mate.region or "", mate.region) == entry.region
            if not names or (names == ("region",) and is_same_region):
                continue
        pairs.append(ConsumerPair(mate, entry))
    return pairs + [ConsumerPair(entry, None) for entry in old.values()]


def _pair_facts(before: Sequence[Fact], after: Sequence[Fact]) -> list[FactPair]:
    old = {fact.name: fact for fact in before}
    pairs = []
    for fact in after:
        mate = old.pop(fact.name, None)
        if mate is None or mate.value != fact.value:
            pairs.append(FactPair(mate, fact))
    return pairs + [FactPair(fact, None) for fact in old.values()]


def _lines(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, str]]:
    found = []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        if kind != "equal":
            found += [("-", line) for line in before[start:end]]
            found += [("+", line) for line in after[other_start:other_end]]
    return found
