# SPDX-License-Identifier: Apache-2.0
"""Why there is no room: how much there is, what stands at its ends, and what would make room if it were gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import RegionKind
from carveout.change.effects import ram_of
from carveout.change.place_search import pieces
from carveout.change.room import lowest
from carveout.change.space import fixed_holders
from carveout.span import intersect, union
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.change.place import Placement
    from carveout.change.request import Wanted
    from carveout.change.space import Holder
    from carveout.span import Span

_MOST_BLOCKERS = 200
"""Regions looked at one by one; more make no answer that a person reads."""


class Refusal(NamedTuple):
    """What stands in the way of one request, alone."""

    span: Span | None
    """The largest range it could be in, if all that the kernel places went elsewhere; None: there is none at all."""
    usable: int
    """Bytes of it from the first aligned address on."""
    below: str
    """What ends the range below."""
    above: str
    holders: tuple[str, ...]
    """Who stays in the memory it could be in, when there is no range at all."""
    fits: bool
    """It would fit there by itself: something else is in the way."""
    in_the_way: tuple[Holder, ...]
    """Regions with `reg`, each of which alone would make room if it were elsewhere."""


def refusal(placement: Placement, wanted: Wanted) -> Refusal:
    """Return what stands in the way of a request."""
    free = placement.space.movable
    ranked = [(_usable(piece, wanted.align), piece) for piece in pieces(free, wanted)]
    usable, span = max(ranked, key=lambda entry: (entry[0], -entry[1].start), default=(0, None))
    holders = [holder for boot in placement.boots for holder in fixed_holders(boot)]
    inside = {holder.who for holder in holders if any(holder.span.overlaps(w) for w in wanted.windows)}
    fits = span is not None and usable >= wanted.size
    return Refusal(
        span=span,
        usable=usable,
        below="" if span is None else _border(span.start, wanted, holders, is_below=True),
        above="" if span is None else _border(span.end, wanted, holders, is_below=False),
        holders=tuple(sorted(inside)) if span is None and pieces(_ram(placement), wanted) else (),
        fits=fits,
        in_the_way=() if fits else tuple(_in_the_way(placement, wanted, holders)),
    )


def _ram(placement: Placement) -> list[Span]:
    # In all scenes.
    ram: list[Span] = ram_of(placement.boots[0])
    for boot in placement.boots[1:]:
        ram = intersect(ram, ram_of(boot))
    return ram


def _usable(piece: Span, align: int) -> int:
    base = lowest(piece, 1, align)
    return 0 if base is None else piece.end - base


def _border(at: int, wanted: Wanted, holders: Iterable[Holder], *, is_below: bool) -> str:
    if any(at == (window.start if is_below else window.end) for window in wanted.windows):
        return "the limit of where it may be"
    touching = {
        holder.who for holder in holders if at == (holder.span.end if is_below else holder.span.start)
    }
    return min(touching, default="the end of RAM")


def _in_the_way(placement: Placement, wanted: Wanted, holders: Sequence[Holder]) -> Iterable[Holder]:
    given = {
        region.path for boot in placement.boots for region in boot.regions if region.kind is RegionKind.STATIC
    }
    ram = _ram(placement)
    regions = sorted({holder for holder in holders if holder.who in given})
    for holder in regions[:_MOST_BLOCKERS]:
        free = union([*placement.space.movable, *intersect(ram, [holder.span])])
        if any(lowest(piece, wanted.size, wanted.align) is not None for piece in pieces(free, wanted)):
            yield holder
