# SPDX-License-Identifier: Apache-2.0
"""Places for several regions that may be good in several scenes, the likeliest first.

An arrangement that was refused says which region has to go elsewhere; the next one avoids that place for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.change.proposal import GoneNode, propose
from carveout.change.room import highest_in, largest
from carveout.change.space import space_of
from carveout.change.trial import attempt
from carveout.span import Span, intersect, subtract, union
from carveout.units import format_size
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from carveout.boot import Scene
    from carveout.check.run import NamedScene
    from carveout.fdt import Tree


class Wish(NamedTuple):
    """A region that needs a place. size, align: bytes."""

    path: str
    size: int
    align: int
    windows: Sequence[Span] | None
    """Where it may be; None: anywhere."""
    choices: tuple[int | None, ...]
    """Where the kernel of each scene puts it; None: nowhere."""


class Search:
    """Arrangements of the regions, one after the other."""

    def __init__(self, tree: Tree, scenes: Sequence[Scene], wishes: Sequence[Wish]) -> None:
        """tree: without places for the regions."""
        self._tree = tree
        self._scenes = scenes
        self._wishes = {wish.path: wish for wish in wishes}
        self._refused: dict[str, list[Span]] = {wish.path: [] for wish in wishes}
        self._free_in: list[list[Span]] | None = None
        self._seeds = self._choices_of_kernels()
        self._stuck: Wish | None = None

    def next(self) -> dict[str, Span] | None:
        """Return the next arrangement to try, or None when there is none left."""
        while self._seeds:
            seed = self._seeds.pop(0)
            if all(self._may_be(self._wishes[path], span) for path, span in seed.items()):
                return seed
        for order in self._orders():
            found = self._arranged(order)
            if found is not None:
                return {path: found[path] for path in self._wishes}
        return None

    def refuse(self, places: Mapping[str, Span], paths: Collection[str]) -> None:
        """Take note that these regions of an arrangement must not be there."""
        for path in paths:
            self._refused[path].append(places[path])

    def reasons(self, scenes: Sequence[NamedScene]) -> tuple[str, ...]:
        """Say why there is no arrangement left."""
        wish = self._stuck
        if wish is None:
            return ()
        want = f"{format_size(wish.size)} aligned to {format_size(wish.align)}"
        if highest_in(self._room(wish, [], with_refused=False), wish.size, wish.align) is not None:
            return (f"{wish.path}: there is no place left to try for {want}, beside the other regions",)
        room = largest(self._room(wish, [], with_refused=False), wish.align)
        shown = f"the largest has {format_size(room.size)}, at 0x{room.start:x}" if room else "there is none"
        parts = []
        for named, free in zip(scenes, self._free(), strict=True):
            own = largest(_within(free, wish.windows), wish.align)
            parts.append(f"{named.name}: {format_size(own.size) if own else 'none'}")
        return (
            f"{wish.path}: no range that is free in every scene holds {want}: {shown} (largest in each: {'; '.join(parts)})",
        )

    def _orders(self) -> Iterator[list[Wish]]:
        # In tree order, as the kernel goes; where that leaves no room for one, those with little choice first, and
        # then the large ones.
        wishes = list(self._wishes.values())
        yield wishes
        yield sorted(wishes, key=lambda wish: sum(span.size for span in self._room(wish, [])))
        yield sorted(wishes, key=lambda wish: -wish.size)

    def _choices_of_kernels(self) -> list[dict[str, Span]]:
        # What one scene's kernel does for all the regions, the most frequent first.
        found: dict[tuple[Span, ...], int] = {}
        for number in range(len(self._scenes)):
            bases = [wish.choices[number] for wish in self._wishes.values()]
            if None not in bases:
                spans = tuple(
                    Span.sized(base, wish.size)
                    for base, wish in zip(bases, self._wishes.values(), strict=True)
                    if base is not None
                )
                found[spans] = found.get(spans, 0) + 1
        ordered = sorted(found, key=lambda spans: -found[spans])
        return [dict(zip(self._wishes, spans, strict=True)) for spans in ordered]

    def _free(self) -> list[list[Span]]:
        # What is free in each scene without the regions.
        if self._free_in is None:
            bare = propose(self._tree, [GoneNode(path) for path in self._wishes]).after
            self._free_in = [space_of(result).areas for result in attempt(bare, self._scenes).boots]
        return self._free_in

    def _may_be(self, wish: Wish, span: Span) -> bool:
        # Where all kernels agree nothing else is asked; else the place has to be free everywhere.
        if span in self._refused[wish.path]:
            return False
        agreed = all(choice == span.start for choice in wish.choices)
        return agreed or any(free.contains(span) for free in self._room(wish, []))

    def _room(self, wish: Wish, taken: Sequence[Span], *, with_refused: bool = True) -> list[Span]:
        free = self._free()
        room = free[0]
        for other in free[1:]:
            room = intersect(room, other)
        refused = self._refused[wish.path] if with_refused else []
        return subtract(_within(room, wish.windows), union([*taken, *refused]))

    def _arranged(self, order: Sequence[Wish]) -> dict[str, Span] | None:
        places: dict[str, Span] = {}
        # First those on whose place all kernels agree.
        agreed = [wish for wish in order if self._agreed(wish) is not None]
        for wish in agreed:
            span = self._agreed(wish)
            if span is not None:
                places[wish.path] = span
        for wish in order:
            if wish.path in places:
                continue
            base = highest_in(self._room(wish, list(places.values())), wish.size, wish.align)
            if base is None:
                self._stuck = wish
                return None
            places[wish.path] = Span.sized(base, wish.size)
        return places

    def _agreed(self, wish: Wish) -> Span | None:
        base = wish.choices[0]
        if base is None or any(choice != base for choice in wish.choices):
            return None
        span = Span.sized(base, wish.size)
        return None if span in self._refused[wish.path] else span


def _within(spans: Sequence[Span], windows: Sequence[Span] | None) -> list[Span]:
    return list(spans) if windows is None else intersect(spans, union(windows))
