# SPDX-License-Identifier: Apache-2.0
"""Which static region stands in the way: each is put elsewhere, and what becomes free is looked at.

Only the first entry of `reg` moves, and only to ends of ranges that nobody would have to leave. Whether whoever
uses the region can follow is not in the tree: firmware often cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cma import min_alignment
from carveout.boot.result import Outcome, RegionKind
from carveout.change.effects import effects, ram_of
from carveout.change.reach import place_of
from carveout.change.room import highest, largest, lowest
from carveout.change.space import common_space, free_ranges, space_of
from carveout.fdt.edit import set_property
from carveout.span import MIB, Span, intersect, subtract, union
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot import Boot
    from carveout.boot.result import PlacedRegion
    from carveout.change.lab import Lab

_PLACES_TRIED = 3
"""For each region: more differ little."""
_MOST_REGIONS = 40
_COARSE = 2 * MIB
"""A region is kept at such a multiple if it is at one: nobody says what its user needs."""


class Move(NamedTuple):
    """A static region put elsewhere. Bytes."""

    path: str
    span: Span
    to: Span
    largest_before: int
    largest_after: int
    """The largest free range, the least of all scenes."""
    placed: tuple[str, ...]
    """Requests that find a place then, and find none as it is."""
    moves: tuple[str, ...]
    """What else is somewhere else then."""

    @property
    def gain(self) -> int:
        """By how much the largest free range grows."""
        return self.largest_after - self.largest_before


def movable_regions(lab: Lab) -> list[PlacedRegion]:
    """Return the static regions whose move could help, those first that hold the largest ranges apart."""
    boot = lab.base.boots[0]
    ram = ram_of(boot)
    now = _largest(lab.base.boots)
    waits = bool(_waiting(lab.base.boots))
    ranked = []
    for region in boot.regions:
        place = place_of(region)
        if region.kind is not RegionKind.STATIC or place is None or region.extra or subtract([place], ram):
            continue
        joined = largest(union([*free_ranges(boot), place]))
        gain = 0 if joined is None else joined.size - now
        if gain > 0 or waits:
            ranked.append((-gain, place, region))
    ranked.sort(key=lambda entry: entry[:2])
    return [region for _, _, region in ranked[:_MOST_REGIONS]]


def try_moves(lab: Lab, region: PlacedRegion) -> list[Move]:
    """Return the best move of a region, if any helps. Raises: OutOfBoots."""
    place = place_of(region)
    assert place is not None
    found = [
        move for base in _bases(lab, region, place) if (move := _tried(lab, region, place, base)) is not None
    ]
    helping = [move for move in found if move.gain > 0 or move.placed]
    helping.sort(key=lambda move: (-len(move.placed), len(move.moves), -move.gain, move.to))
    return helping[:1]


def _bases(lab: Lab, region: PlacedRegion, place: Span) -> list[int]:
    # Ends of ranges that are free or early, those first that leave the largest ranges.
    early = common_space([space_of(boot) for boot in lab.base.boots]).early
    align = _alignment(lab, region, place)
    free = union([*early, *intersect([place], ram_of(lab.base.boots[0]))])
    options: dict[int, list[int]] = {}
    for span in early:
        for base in (lowest(span, place.size, align), highest(span, place.size, align)):
            if base is not None:
                left = subtract(free, [Span.sized(base, place.size)])
                options[base] = sorted(-piece.size for piece in left)
    return sorted(options, key=lambda base: (options[base], base))[:_PLACES_TRIED]


def _alignment(lab: Lab, region: PlacedRegion, place: Span) -> int:
    page = max(boot.scene.page_size for boot in lab.base.boots)
    natural = place.start & -place.start or _COARSE
    need = max(page, min(natural, _COARSE))
    return (
        max(need, *(min_alignment(boot.profile) for boot in lab.base.boots)) if region.pool == "cma" else need
    )


def _tried(lab: Lab, region: PlacedRegion, place: Span, base: int) -> Move | None:
    node = lab.tree.node(region.path)
    prop = node.prop("reg") if node is not None else None
    assert prop is not None  # the boot has read it
    cells = lab.base.board.root_cells.address
    width = 4 * (1 if cells is None else cells)
    if base >= 1 << (8 * width):
        return None
    value = base.to_bytes(width, "big") + prop.value[width:]
    trial = lab.attempt(set_property(lab.tree, region.path, "reg", value))
    others: dict[str, None] = {}
    for before, after in zip(lab.base.boots, trial.boots, strict=True):
        for effect in effects(lab.base.board, before, after):
            if effect.is_loss:
                return None
            if effect.subject != region.path:
                others[effect.subject] = None
    return Move(
        path=region.path,
        span=place,
        to=Span.sized(base, place.size),
        largest_before=_largest(lab.base.boots),
        largest_after=_largest(trial.boots),
        placed=tuple(path for path in _waiting(lab.base.boots) if _is_placed(trial.boots, path)),
        moves=tuple(others),
    )


def _largest(boots: Sequence[Boot]) -> int:
    return min((span.size for boot in boots if (span := largest(free_ranges(boot))) is not None), default=0)


def _waiting(boots: Sequence[Boot]) -> dict[str, None]:
    # Requests that find no place in some scene, in tree order.
    return dict.fromkeys(
        region.path for boot in boots for region in boot.regions if region.outcome is Outcome.ALLOC_FAILED
    )


def _is_placed(boots: Sequence[Boot], path: str) -> bool:
    # A place that its region driver gives back is none.
    return all(
        region.outcome is Outcome.PLACED for boot in boots for region in boot.regions if region.path == path
    )
