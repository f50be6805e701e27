# SPDX-License-Identifier: Apache-2.0
"""Who has an address or a span, since when, and what was there before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Exactness
from carveout.explain.kernels import Facet, other_kernels
from carveout.explain.model import Explanation, Kind
from carveout.explain.pieces import pieces_of
from carveout.explain.region import steps_of
from carveout.span import Span
from carveout.units import format_range, format_size

if TYPE_CHECKING:
    from carveout.board import Board
    from carveout.boot import Boot, Scene
    from carveout.explain.model import Piece
    from carveout.explain.target import Target

_SAID_ANYWAY = ("no initrd: neither", "RAM is as in the tree")
_MOST_NAMES = 6


def explain_place(
    board: Board, scene: Scene, boot: Boot, target: Target, span: Span, *, with_kernels: bool = True
) -> Explanation:
    """Explain an address (a span of one byte) or a span."""
    pieces, rest = pieces_of(board, scene, boot, span)
    subjects = dict.fromkeys(name for piece in pieces for name in piece.what.split(", "))
    regions = {piece.region for piece in pieces if piece.region is not None}
    exactness, doubts = _judge(boot, pieces)
    return Explanation(
        kind=target.kind,
        subject=target.name,
        boot=boot,
        answer=tuple(_sentences(boot, target, span, pieces)),
        exactness=exactness,
        doubts=doubts,
        steps=steps_of(boot, *subjects) if target.kind is Kind.ADDRESS else (),
        uses=tuple(use for use in boot.consumers if use.region in regions),
        pieces=pieces,
        pieces_rest=rest,
        kernels=other_kernels(board, scene, boot, lambda b: _facet(b, span)) if with_kernels else (),
    )


def _sentences(boot: Boot, target: Target, span: Span, pieces: tuple[Piece, ...]) -> list[str]:
    if not boot.ram_known and all(piece.what == "no RAM" for piece in pieces):
        return ["Nothing in the tree is at this place; whether there is RAM is not known."]
    if target.kind is not Kind.ADDRESS:
        size = format_size(span.size)
        count = len({piece.what for piece in pieces})
        return [f"{format_range(span)}, {size}: {count} owner{'s' if count > 1 else ''}, with what is free."
                if count > 1 else f"{format_range(span)}, {size}: {_who(pieces[0])}."]  # fmt: skip
    piece = pieces[0]
    return [f"{span.start:#x} {_belongs(piece)}.", *_qualities(boot, piece)]


def _belongs(piece: Piece) -> str:
    if piece.what == "free":
        return "is free: ordinary memory of the system"
    if piece.what == "no RAM":
        return "is no RAM to this kernel"
    return f"belongs to {piece.what}"


def _who(piece: Piece) -> str:
    return "all of it " + (piece.what if piece.what in ("free", "no RAM") else f"belongs to {piece.what}")


def _qualities(boot: Boot, piece: Piece) -> list[str]:
    said = []
    region = next((r for r in boot.regions if r.path == piece.region), None)
    if region is not None and region.base is not None and region.size:
        place = format_range(Span.sized(region.base, region.size))
        said.append(f"{region.name} is at {place}, {format_size(region.size)}.")
    if piece.nomap:
        said.append("It is no-map: RAM that the kernel does not map.")
    elif piece.is_ram and boot.lowmem_end is not None and piece.span.start >= boot.lowmem_end:
        said.append("It is high memory: mapped only while it is used.")
    elif piece.is_ram:
        said.append("The kernel maps it.")
    if piece.area is not None:
        said.append(f"It is in the contiguous area {piece.area}, which is lent to the system.")
    return said


def _judge(boot: Boot, pieces: tuple[Piece, ...]) -> tuple[Exactness, tuple[str, ...]]:
    # A static region is where the tree says, whatever else is not known of the boot.
    regions = [r for r in boot.regions if r.path in {piece.region for piece in pieces}]
    if regions and all(piece.region is not None for piece in pieces):
        worst = max((r.exactness for r in regions), key=list(Exactness).index)
        return worst, tuple(dict.fromkeys(r.doubt for r in regions if r.doubt))
    if boot.exactness is Exactness.EXACT:
        return Exactness.EXACT, ()
    return boot.exactness, tuple(n for n in boot.notes if not n.startswith(_SAID_ANYWAY))


def _facet(boot: Boot, span: Span) -> Facet:
    who = tuple(
        sorted({(c.base, c.size, c.who) for c in boot.claims if span.overlaps(Span.sized(c.base, c.size))})
    )
    nomap = tuple(
        (m.base, m.size) for m in boot.memory if m.nomap and span.overlaps(Span.sized(m.base, m.size))
    )
    regions = tuple(
        r.path for r in boot.regions
        if r.base is not None and r.size and span.overlaps(Span.sized(r.base, r.size))
    )  # fmt: skip
    names = list(dict.fromkeys([*regions, *(claim[2] for claim in who)]))
    ram = any(span.overlaps(Span.sized(m.base, m.size)) for m in boot.memory)
    text = ", ".join(names[:_MOST_NAMES]) or ("free" if ram else "no RAM")
    if len(names) > _MOST_NAMES:
        text += f" and {len(names) - _MOST_NAMES} more"
    owners = (tuple(sorted(set(names))), bool(nomap), ram)
    key = (owners, who, nomap) if span.size > 1 else owners
    return Facet(key, text, None, None, boot.exactness)
