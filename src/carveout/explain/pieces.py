# SPDX-License-Identifier: Apache-2.0
"""A span cut into pieces, each one thing throughout, and the history of each."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from carveout.boot.result import Outcome, StepKind
from carveout.boot.watch import watch
from carveout.explain.model import Piece, Reason
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from carveout.board import Board
    from carveout.boot import Boot, Scene
    from carveout.boot.result import PlacedRegion, Step
    from carveout.boot.watch import Watched

MOST_PIECES = 64
"""Pieces with a history; of a span with more only the first ones are told."""

_DONE = {
    StepKind.MEMORY: "becomes RAM",
    StepKind.RESERVE: "is reserved",
    StepKind.NOMAP: "is marked no-map",
    StepKind.ALLOC: "is allocated",
    StepKind.CMA: "is allocated",
    StepKind.FREE: "is given back",
}


def pieces_of(board: Board, scene: Scene, boot: Boot, span: Span) -> tuple[tuple[Piece, ...], Span | None]:
    """Return the pieces of a span at the end of early boot, ascending, and the rest that is not told, if any."""
    pieces = _cut(boot, span)
    seen = watch(board, scene, addresses=tuple(piece.span.start for piece in pieces))
    told = tuple(_with_history(piece, seen) for piece in pieces)
    end = pieces[-1].span.end if pieces else span.end
    return told, Span(end, span.end) if end < span.end else None


def _cut(boot: Boot, span: Span) -> list[Piece]:
    # Where anything begins or ends; pieces that turn out equal are put together again.
    places = [Span.sized(entry.base, entry.size) for entry in boot.claims]
    places += [Span.sized(entry.base, entry.size) for entry in boot.memory]
    places += [Span.sized(entry.base, entry.size) for entry in boot.reserved]
    places += [Span.sized(area.base, area.size) for area in boot.cma]
    places += [place for region in boot.regions for place in _places(region)]
    borders = {border for place in places for border in place if span.start < border < span.end}
    found: list[Piece] = []
    for start, end in pairwise(sorted(borders | set(span))):
        piece = piece_at(boot, Span(start, end))
        if found and found[-1]._replace(span=piece.span) == piece:
            found[-1] = piece._replace(span=Span(found[-1].span.start, end))
        elif len(found) == MOST_PIECES:
            break
        else:
            found.append(piece)
    return found


def _places(region: PlacedRegion) -> list[Span]:
    if region.base is None or not region.size or region.outcome is not Outcome.PLACED:
        return []
    return [Span.sized(region.base, region.size), *region.extra]


def piece_at(boot: Boot, span: Span) -> Piece:
    """Return what a span is that is one thing throughout, without its history."""
    bank = next((b for b in boot.memory if b.base <= span.start < b.base + b.size), None)
    reserved = any(r.base <= span.start < r.base + r.size for r in boot.reserved)
    owners = [claim.who for claim in boot.claims if claim.base <= span.start < claim.base + claim.size]
    regions = [r for r in boot.regions if any(place.contains(span) for place in _places(r))]
    owners += [region.path for region in regions]
    nomap = bank is not None and bank.nomap
    if owners:
        what = ", ".join(dict.fromkeys(owners))
    elif bank is None:
        what = "no RAM" if boot.ram_known else "not known"
    elif nomap:
        what = "no-map memory"
    else:
        what = "reserved" if reserved else "free"
    area = next((a.name for a in boot.cma if a.base <= span.start < a.base + a.size), None)
    return Piece(
        span=span,
        what=what,
        is_ram=bank is not None,
        nomap=nomap,
        reserved=reserved,
        region=regions[0].path if regions else None,
        area=area,
        history=(),
        since=None,
    )


def _with_history(piece: Piece, seen: Watched) -> Piece:
    address, trace = piece.span.start, seen.boot.trace
    told: list[Reason] = []
    since: Reason | None = None
    before = None
    for event in seen.history[address]:
        step = trace[event.step]
        if before is not None and event.state[:3] == before[:3] and step.kind not in _DONE:
            continue
        told.append(Reason(_told(step, address), f"step {event.step}"))
        if since is None or step.kind is not StepKind.MEMORY:
            since = told[-1]
        before = event.state
    return piece._replace(history=tuple(told), since=since)


def _told(step: Step, address: int) -> str:
    if step.base is None or not step.size or not step.base <= address < step.base + step.size:
        return f"changes before this step: {step.subject}, {step.reason}"
    done = _DONE.get(step.kind, "is dealt with")
    place = format_range(Span.sized(step.base, step.size))
    return f"{place} {done} for {step.subject}: {step.reason}" if step.kind is not StepKind.MEMORY else (
        f"{place} {done}: {step.subject}"
    )  # fmt: skip
