# SPDX-License-Identifier: Apache-2.0
"""Who has an address or a span, since when, and what was there before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Exactness, Outcome
from carveout.explain.kernels import Facet, other_kernels
from carveout.explain.model import SAID_ANYWAY, Explanation, Kind, Reason
from carveout.explain.pieces import piece_at, pieces_of
from carveout.explain.region import steps_of
from carveout.span import Span
from carveout.units import format_range, format_size

if TYPE_CHECKING:
    from carveout.board import Board
    from carveout.boot import Boot, Scene
    from carveout.explain.model import OtherKernel, Piece
    from carveout.explain.target import Target

_MOST_NAMES = 6
_NAMED = {
    "kernel",
    "dtb",
    "initrd",
    "memreserve",
    "default cma",
    "reserved-ranges",
    "elfcorehdr",
    "crashkernel",
}
"""Who holds memory that a tree, a boot loader or an option asks for."""


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
        reasons=tuple(Reason(s.reason, s.source) for s in boot.trace if s.subject == target.name),
        steps=steps_of(boot, *subjects) if target.kind is Kind.ADDRESS else (),
        uses=tuple(use for use in boot.consumers if use.region in regions),
        pieces=pieces,
        pieces_rest=rest,
        kernels=_kernels(board, scene, boot, span, with_causes=bool(regions)) if with_kernels else (),
    )


def _sentences(boot: Boot, target: Target, span: Span, pieces: tuple[Piece, ...]) -> list[str]:
    if all(piece.what == "not known" for piece in pieces):
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
    if piece.what == "no RAM":
        return "none of it is RAM"
    return "all of it is free" if piece.what == "free" else f"all of it belongs to {piece.what}"


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
    # A static region is where the tree says, but who else is there, and whether it is RAM, hangs on the whole boot.
    regions = [r for r in boot.regions if r.path in {piece.region for piece in pieces}]
    if boot.exactness is Exactness.EXACT:
        return Exactness.EXACT, ()
    doubts = [note for note in boot.notes if not note.startswith(SAID_ANYWAY)]
    doubts += [part for region in regions for part in region.doubt.split("; ") if part]
    is_certain = all(piece.region is not None for piece in pieces) and all(
        region.exactness is Exactness.EXACT for region in regions
    )
    exactness = Exactness.MODELLED if is_certain else boot.exactness
    return exactness, tuple(dict.fromkeys(doubts))


def _kernels(
    board: Board, scene: Scene, boot: Boot, span: Span, *, with_causes: bool
) -> tuple[OtherKernel, ...]:
    here = _whole(boot, span)

    def facet(there: Boot) -> Facet:
        seen = _facet(there, span)
        if span.size == 1:
            return seen
        whole = _whole(there, span)
        came = _placed([place for place in whole if place not in here])
        gone = _listed(tuple(sorted({who for _, _, who in here} - {who for _, _, who in whole})))
        parts = [came, f"without {gone}" if gone else ""]
        return seen._replace(text="; ".join(part for part in parts if part) or "the same owners")

    return other_kernels(board, scene, boot, facet, with_causes=with_causes)


def _whole(boot: Boot, span: Span) -> list[tuple[int, int, str]]:
    # What the tree, the boot loader or an option asked for and lies in the span: (base, size, who).
    found = {
        (claim.base, claim.size, claim.who)
        for claim in boot.claims
        if claim.who in _NAMED and span.overlaps(Span.sized(claim.base, claim.size))
    }
    found.update(
        (region.base, region.size, region.path)
        for region in boot.regions
        if region.base is not None and region.size and region.outcome is Outcome.PLACED
        and span.overlaps(Span.sized(region.base, region.size))
    )  # fmt: skip
    return sorted(found)


def _facet(boot: Boot, span: Span) -> Facet:
    # Who has it; of a longer span, where each owner lies, but for what the kernel allocates on the way.
    if span.size > 1:
        return Facet(tuple(_whole(boot, span)), "", None, None, boot.exactness)
    piece = piece_at(boot, span)
    return Facet((piece.what, piece.nomap, piece.is_ram), piece.what, None, None, boot.exactness)


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _placed(whole: list[tuple[int, int, str]]) -> str:
    return _listed(tuple(f"{who.rpartition('/')[2]} at 0x{base:x}+0x{size:x}" for base, size, who in whole))
