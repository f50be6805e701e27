# SPDX-License-Identifier: Apache-2.0
"""Where a region can go: every answer is a tree that was booted in all scenes asked for.

Free memory is tried first, then what the kernel's early allocations hold, then what regions hold that the kernel
places: those would move, which is accepted and said, as long as all of them still find room. When nothing of this
is accepted, all aligned places are tried, as far as the boots allowed go.

Best is: it is not where boot loaders put kernels, when nobody says where the kernel is; nothing moves; nothing early is displaced; the largest free range stays as large as it can, then the second,
then the third; a border that suits large pages; the lower address.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from carveout.change.lab import OutOfBoots, refuse_hopeless
from carveout.change.place_judge import judge
from carveout.change.place_node import parent_of
from carveout.change.place_search import every_layout, good_layouts, place_count, spread_places
from carveout.change.request import want
from carveout.change.space import common_space, free_ranges, space_of
from carveout.span import MIB, Span, intersect
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from carveout.boot import Boot
    from carveout.change.lab import Lab
    from carveout.change.place_judge import Verdict
    from carveout.change.place_node import Parent
    from carveout.change.place_search import Layout
    from carveout.change.request import Request, Wanted
    from carveout.change.space import Space

ANSWERS = 3
"""Answers given unless the user wants another number."""
_TRIED_FIRST = 32
"""Layouts booted of each kind of room before the next kind is looked at."""
_RANGES_COMPARED = 8
_LARGE_PAGE = 2 * MIB
_KERNEL_WITHIN = 128 * MIB


class Search(NamedTuple):
    """What the search cost, and how far it went."""

    tried: int
    """Layouts booted."""
    boots: int
    most_boots: int
    is_complete: bool
    """No other place can be accepted."""


class Placement(NamedTuple):
    """The answers to requests that were solved together."""

    boots: tuple[Boot, ...]
    """Of the board as it is, one for each scene."""
    scenes: tuple[str, ...]
    """What the scenes are called."""
    wanted: tuple[Wanted, ...]
    parent: Parent
    space: Space
    """Of the board as it is, in all scenes."""
    answers: tuple[Verdict, ...]
    """Best first; empty: there is no room."""
    search: Search
    objections: tuple[tuple[str, int], ...]
    """Why layouts were not accepted, the most frequent first, with how many there were of each."""


def place(lab: Lab, requests: Sequence[Request], *, answers: int = ANSWERS) -> Placement:
    """Return where the requested regions can go.

    Raises: UsageError when RAM is not known, the board does not boot as it is, or a request contradicts itself.
    """
    refuse_hopeless(lab)
    wanted = want(lab.base.board, lab.base.boots, requests)
    parent = parent_of(lab.base.board)
    space = common_space([space_of(boot) for boot in lab.base.boots])
    search = _Search(lab, parent, wanted, answers)
    is_complete = search.run(space)
    return Placement(
        boots=lab.base.boots,
        scenes=lab.names,
        wanted=wanted,
        parent=parent,
        space=space,
        answers=search.best(space.free),
        search=Search(len(search.tried), lab.boots, lab.most, is_complete),
        objections=tuple(search.objections.most_common()),
    )


class _Search:
    def __init__(self, lab: Lab, parent: Parent, wanted: Sequence[Wanted], answers: int) -> None:
        self._lab = lab
        self._parent = parent
        self._wanted = wanted
        self._answers = answers
        self.tried: set[Layout] = set()
        self._accepted: list[Verdict] = []
        self.objections: Counter[str] = Counter()

    def run(self, space: Space) -> bool:
        """Try layouts until there are answers; say whether nothing else could be one."""
        try:
            for free in space:
                self._try_all(good_layouts(free, self._wanted)[:_TRIED_FIRST])
                if len(self._distinct(space.free)) >= self._answers:
                    return False
            return bool(self._accepted) or self._try_harder(space)
        except OutOfBoots:
            return False

    def _try_harder(self, space: Space) -> bool:
        # Nothing was accepted at the ends of ranges: look everywhere, and say whether that was everywhere.
        if len(self._wanted) == 1:
            (wanted,) = self._wanted
            count = place_count(space.movable, wanted)
            most = self._lab.left
            for base in spread_places(space.movable, wanted, most):
                if self._try((base,)):
                    return False
            return count <= most
        found = every_layout(space.movable, self._wanted, most=self._lab.left)
        for layout in found.layouts:
            if self._try(layout):
                return False
        # Where layouts fit and were refused, others between them might not be.
        return found.is_complete and not found.layouts

    def _try_all(self, layouts: Iterable[Layout]) -> None:
        for layout in layouts:
            self._try(layout)

    def _try(self, layout: Layout) -> bool:
        # Boots of layouts that are not accepted are not kept: there may be thousands.
        if layout in self.tried:
            return False
        verdict = judge(self._lab, self._parent, self._wanted, layout)
        self.tried.add(layout)
        self.objections.update(set(verdict.objections))
        if verdict.is_accepted:
            self._accepted.append(verdict)
        return verdict.is_accepted

    def _distinct(self, free: Sequence[Span]) -> list[Verdict]:
        # Of several answers in the same free ranges only the best: a list of neighbours helps nobody.
        found: dict[tuple[int | None, ...], Verdict] = {}
        for verdict in sorted(self._accepted, key=lambda verdict: self._rank(verdict, free)):
            found.setdefault(tuple(self._range_index(verdict, free)), verdict)
        return list(found.values())

    def _range_index(self, verdict: Verdict, free: Sequence[Span]) -> Iterator[int | None]:
        for base in verdict.layout:
            yield next((index for index, span in enumerate(free) if span.start <= base < span.end), None)

    def best(self, free: Sequence[Span]) -> tuple[Verdict, ...]:
        """Return the answers, best first."""
        return tuple(self._distinct(free)[: self._answers])

    def _rank(self, verdict: Verdict, free: Sequence[Span]) -> tuple[object, ...]:
        places = [
            Span.sized(base, want.size) for base, want in zip(verdict.layout, self._wanted, strict=True)
        ]
        displaced = sum(intersect(free, [place]) != [place] for place in places)
        unaligned = sum(place.start % _LARGE_PAGE != 0 for place in places)
        risky = sum(may_hold_kernel(boot, place) for boot in self._lab.base.boots for place in places)
        return (
            risky,
            len(verdict.moved),
            displaced,
            [-size for size in kept_ranges(verdict)],
            unaligned,
            verdict.layout,
        )


def may_hold_kernel(boot: Boot, place: Span) -> bool:
    """Say whether the kernel could be there: nobody says where it is, and boot loaders put it low in RAM.

    Source: Documentation/arch/arm64/booting.rst and arch/arm/booting.rst: near the start of RAM, and on arm within its
    first 128 MiB.
    """
    if boot.scene.kernel_image is not None or not boot.memory:
        return False
    start = boot.memory[0].base
    return place.overlaps(Span.sized(start, _KERNEL_WITHIN))


def kept_ranges(verdict: Verdict) -> list[int]:
    """Return how large the largest free ranges are with the regions in place: each the least of all scenes, in MiB."""
    sizes = [
        sorted((span.size // MIB for span in free_ranges(boot)), reverse=True) for boot in verdict.trial.boots
    ]
    return [
        min(found[rank] if rank < len(found) else 0 for found in sizes) for rank in range(_RANGES_COMPARED)
    ]
