# SPDX-License-Identifier: Apache-2.0
"""Places that fit: where requests can lie in what is free, without asking a kernel yet.

Two searches. `good_layouts` looks at both ends of every free range and keeps the layouts that leave the largest
ranges whole; it is quick and may miss one. `every_layout` puts each request as low as it goes, in each order and each
range: if any layout exists, one of these does, since each region of it can be moved down until it meets its neighbour.
"""

from __future__ import annotations

from heapq import nlargest
from itertools import permutations
from typing import TYPE_CHECKING

from carveout.change.room import highest, lowest
from carveout.span import MIB, Span, intersect, subtract
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from carveout.change.request import Wanted

_BREADTH = 48
"""Partial layouts kept from one request to the next."""
_RANGES = 32
"""Ranges looked at, of the tightest and of the largest; fewer for each of several requests."""
_COMPARED = 8
"""Ranges that are left, the largest, by which layouts are told apart."""
_SECTION = 2 * MIB
"""What page tables of 4 KiB map in one piece: a border inside costs a table, and speed."""
MOST_STEPS = 20_000
"""Of the complete search, before it gives up: a second or so."""

Layout = tuple[int, ...]
"""An address for each request, in the order of the requests."""


class Complete(NamedTuple):
    """What the complete search found."""

    layouts: tuple[Layout, ...]
    is_complete: bool
    """There are no others of this kind."""


def pieces(free: Sequence[Span], wanted: Wanted) -> list[Span]:
    """Return the parts of free memory that a request may be in."""
    return [piece for window in wanted.windows for piece in intersect(free, [window])]


def good_layouts(free: Sequence[Span], wanted: Sequence[Wanted]) -> list[Layout]:
    """Return layouts at the ends of free ranges, the best first."""
    order = sorted(range(len(wanted)), key=lambda index: (-wanted[index].align, -wanted[index].size))
    most = _RANGES // len(wanted)
    partial: list[tuple[dict[int, int], list[Span]]] = [({}, list(free))]
    for index in order:
        grown = []
        for bases, rest in partial:
            for base in _ends(rest, wanted[index], most):
                left = subtract(rest, [Span.sized(base, wanted[index].size)])
                grown.append(({**bases, index: base}, left))
        grown.sort(key=lambda entry: (_shape(entry[1]), sorted(entry[0].items())))
        partial = grown[:_BREADTH]
    found = [tuple(bases[index] for index in range(len(wanted))) for bases, _ in partial]
    return list(dict.fromkeys(found))


def _ends(free: Sequence[Span], wanted: Wanted, most: int) -> Iterator[int]:
    aligns = [wanted.align]
    if wanted.align < _SECTION <= wanted.size:
        aligns.append(_SECTION)
    for piece in _worth_a_look(pieces(free, wanted), wanted, most):
        found = {find(piece, wanted.size, align) for align in aligns for find in (lowest, highest)}
        yield from sorted(base for base in found if base is not None)


def _worth_a_look(found: Sequence[Span], wanted: Wanted, most: int) -> list[Span]:
    # Of very many ranges the tightest, and some of the largest.
    fitting = sorted((piece for piece in found if piece.size >= wanted.size), key=lambda piece: piece.size)
    return fitting if len(fitting) <= 2 * most else [*fitting[:most], *fitting[-most:]]


def _shape(free: Iterable[Span]) -> list[int]:
    # Sorts what leaves the largest ranges first.
    return [-size for size in nlargest(_COMPARED, (span.size for span in free))]


def every_layout(free: Sequence[Span], wanted: Sequence[Wanted], *, most: int) -> Complete:
    """Return layouts in which each region lies as low as its neighbours allow, up to `most` of them."""
    found: dict[Layout, None] = {}
    steps = 0

    def fill(order: Sequence[int], bases: dict[int, int], rest: list[Span]) -> bool:
        # False: stop, there is enough or it took too long.
        nonlocal steps
        if not order:
            found[tuple(bases[index] for index in range(len(wanted)))] = None
            return len(found) < most
        index = order[0]
        for piece in pieces(rest, wanted[index]):
            steps += 1
            if steps > MOST_STEPS:
                return False
            base = lowest(piece, wanted[index].size, wanted[index].align)
            if base is not None:
                left = subtract(rest, [Span.sized(base, wanted[index].size)])
                if not fill(order[1:], {**bases, index: base}, left):
                    return False
        return True

    is_complete = all(fill(order, {}, list(free)) for order in permutations(range(len(wanted))))
    return Complete(tuple(found), is_complete)


def place_count(free: Sequence[Span], wanted: Wanted) -> int:
    """Return how many aligned places there are for one request."""
    return sum(len(_places(piece, wanted)) for piece in pieces(free, wanted))


def _places(piece: Span, wanted: Wanted) -> range:
    low, high = lowest(piece, wanted.size, wanted.align), highest(piece, wanted.size, wanted.align)
    return range(0) if low is None or high is None else range(low, high + 1, wanted.align)


def spread_places(free: Sequence[Span], wanted: Wanted, most: int) -> list[int]:
    """Return aligned places for one request: all of them, or `most` spread evenly."""
    ranges = [_places(piece, wanted) for piece in pieces(free, wanted)]
    count = sum(len(found) for found in ranges)
    if count <= most:
        return sorted({base for found in ranges for base in found})
    step = -(-count // max(1, most))
    picked: list[int] = []
    at = 0
    for found in ranges:
        picked += found[at::step]
        at = (at - len(found)) % step
    return picked
