# SPDX-License-Identifier: Apache-2.0
"""Where an address lies in the picture: banks to one scale, the axis broken at large holes between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.intervals import union
from carveout.span import MIB, Span
from carveout.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

# A hole is drawn to scale when it is smaller than this part of all that is drawn.
_KEEP_HOLE = 16
# Without RAM there is no natural measure: things this close are drawn in one piece.
_KEEP_WITHOUT_RAM = 256 * MIB

BREAK_HEIGHT = 36.0
_MIN_HEIGHT = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A piece of the axis without a break. top, height in pixels."""

    span: Span
    top: float
    height: float
    to_scale: bool
    """False when it was too small to see and is drawn larger than the scale says."""


class Scale:
    """Maps addresses to vertical pixels; low addresses on top."""

    def __init__(self, shown: Sequence[Span], *, ram_known: bool, top: float, height: float) -> None:
        """Lay the spans in `shown` out between top and about top + height."""
        pieces = _pieces(shown, ram_known=ram_known)
        breaks = BREAK_HEIGHT * max(0, len(pieces) - 1)
        heights, true = _heights([piece.size for piece in pieces], max(height - breaks, 120.0))
        segments: list[Segment] = []
        y = top
        for piece, pixels, to_scale in zip(pieces, heights, true, strict=True):
            segments.append(Segment(span=piece, top=y, height=pixels, to_scale=to_scale))
            y += pixels + BREAK_HEIGHT
        self.segments: tuple[Segment, ...] = tuple(segments)
        self.bottom = y - BREAK_HEIGHT if segments else top

    def y(self, address: int) -> float:
        """Return the height at which an address is drawn; the nearest drawn one's when it is in a break."""
        for segment in self.segments:
            if address < segment.span.start:
                return segment.top
            if address <= segment.span.end:
                return segment.top + segment.height * (address - segment.span.start) / segment.span.size
        return self.bottom

    def extent(self, span: Span) -> tuple[float, float]:
        """Return top and bottom of a span."""
        for segment in self.segments:
            if segment.span.start <= span.start and span.end <= segment.span.end:
                at = segment.height / segment.span.size
                start = segment.top + (span.start - segment.span.start) * at
                return start, segment.top + (span.end - segment.span.start) * at
        return self.y(span.start), self.y(span.end)


def ticks(segment: Segment, spacing: float) -> list[int]:
    """Return round addresses inside a segment, at least `spacing` pixels apart and away from its ends."""
    if segment.height < 3 * spacing:
        return []
    step = 1 << max(12, int(segment.span.size * spacing / segment.height).bit_length())
    first = (segment.span.start // step + 1) * step
    margin = int(segment.span.size * spacing / segment.height / 3)
    return [at for at in range(first, segment.span.end, step) if _inside(at, segment.span, margin)]


def _inside(address: int, span: Span, margin: int) -> bool:
    return span.start + margin < address < span.end - margin


def _pieces(shown: Sequence[Span], *, ram_known: bool) -> list[Span]:
    spans = union(shown)
    keep = sum(span.size for span in spans) // _KEEP_HOLE if ram_known else _KEEP_WITHOUT_RAM
    pieces: list[Span] = []
    for span in spans:
        if pieces and span.start - pieces[-1].end <= keep:
            pieces[-1] = Span(pieces[-1].start, span.end)
        else:
            pieces.append(span)
    return pieces


def _heights(sizes: list[int], room: float) -> tuple[list[float], list[bool]]:
    # One scale for all pieces; those that would vanish get a fixed height, and the others share the rest.
    small: set[int] = set()
    while True:
        rest = sum(size for index, size in enumerate(sizes) if index not in small)
        pixels = max(room - _MIN_HEIGHT * len(small), 80.0)
        new = {
            index
            for index, size in enumerate(sizes)
            if index not in small and pixels * size / rest < _MIN_HEIGHT
        }
        if not new:
            break
        small |= new
    heights = [_MIN_HEIGHT if index in small else pixels * size / rest for index, size in enumerate(sizes)]
    return heights, [index not in small for index in range(len(sizes))]
