# SPDX-License-Identifier: Apache-2.0
"""Where there is room: RAM that nobody holds, RAM that holders would leave, and who stays whatever happens.

Three kinds of holders. What firmware and the tree fix stays: images, the reserve map, regions with `reg`. The kernel's
own early allocations go elsewhere without anybody noticing. Regions that the kernel places, and the default contiguous
area, go elsewhere too, if there is room: that is noticed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import RegionKind
from carveout.change.effects import holdings
from carveout.change.reach import place_of
from carveout.span import Span, intersect, subtract, union
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot import Boot

_FIXED = frozenset({"kernel", "dtb", "initrd", "memreserve", "reserved-ranges", "elfcorehdr"})
_FIXED_PREFIX = "efi "


class Space(NamedTuple):
    """Where a region can go. Spans as union() gives them; each list holds the one before it."""

    free: list[Span]
    """Nobody holds it."""
    early: list[Span]
    """Free, or an early allocation of the kernel."""
    areas: list[Span]
    """Free, early, or an area that the kernel makes for itself: the default contiguous area, the crash kernel."""
    movable: list[Span]
    """Free, early, or held by something that the kernel places."""


class Holder(NamedTuple):
    """Something that stays where it is."""

    span: Span
    who: str


def space_of(boot: Boot) -> Space:
    """Return where there is room on a board, as it is after early boot."""
    placed = _placed_by_kernel(boot)
    mapped = union([*(Span.sized(e.base, e.size) for e in boot.memory if not e.nomap), *placed])
    held = holdings(boot)
    everything = union(span for span, _ in held)
    # A reservation that nobody is known to have made is taken to stay.
    unclaimed = subtract(union(Span.sized(entry.base, entry.size) for entry in boot.reserved), everything)
    fixed = union([*(holder.span for holder in fixed_holders(boot)), *unclaimed])
    movable = subtract(mapped, fixed)
    regions = union(_dynamic_regions(boot))
    early = subtract(movable, union(placed))
    return Space(
        free=subtract(early, everything), early=early, areas=subtract(movable, regions), movable=movable
    )


def _placed_by_kernel(boot: Boot) -> list[Span]:
    # Dynamic regions, contiguous areas that are not a region's, the crash kernel.
    areas = [Span.sized(area.base, area.size) for area in boot.cma if area.from_region is None]
    crash = [Span.sized(claim.base, claim.size) for claim in boot.claims if claim.who == "crashkernel"]
    return [*_dynamic_regions(boot), *areas, *crash]


def _dynamic_regions(boot: Boot) -> list[Span]:
    places = (place_of(region) for region in boot.regions if region.kind is RegionKind.DYNAMIC)
    return [place for place in places if place is not None]


def common_space(rooms: Sequence[Space]) -> Space:
    """Return where there is room in all scenes."""
    first, *others = rooms
    for room in others:
        first = Space(*(intersect(mine, theirs) for mine, theirs in zip(first, room, strict=True)))
    return first


def fixed_holders(boot: Boot) -> list[Holder]:
    """Return what stays where it is, ascending, no-map regions too."""
    given = {region.path for region in boot.regions if region.kind is not RegionKind.DYNAMIC}
    return [
        Holder(span, who)
        for span, who in holdings(boot)
        if who in _FIXED or who in given or who.startswith(_FIXED_PREFIX)
    ]


def free_ranges(boot: Boot) -> list[Span]:
    """Return the RAM that nobody holds after early boot, ascending."""
    mapped = union(Span.sized(entry.base, entry.size) for entry in boot.memory if not entry.nomap)
    return subtract(mapped, union(Span.sized(entry.base, entry.size) for entry in boot.reserved))
