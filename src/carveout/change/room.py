# SPDX-License-Identifier: Apache-2.0
"""Whether so much fits into ranges of addresses, and where in them. Sizes and alignments in bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.span import Span, round_up

if TYPE_CHECKING:
    from collections.abc import Sequence


def lowest(span: Span, size: int, align: int) -> int | None:
    """Return the lowest address in a span, a multiple of `align`, where so much fits; None: nowhere."""
    base = -(-span.start // align) * align
    return base if base + size <= span.end else None


def highest(span: Span, size: int, align: int) -> int | None:
    """Return the highest address in a span, a multiple of `align`, where so much fits; None: nowhere."""
    base = (span.end - size) // align * align
    return base if base >= span.start else None


def highest_in(spans: Sequence[Span], size: int, align: int) -> int | None:
    """Return the highest address in any of ascending spans where so much fits, other than 0; None: nowhere."""
    return next((base for span in reversed(spans) if (base := highest(span, size, align))), None)


def room(span: Span, align: int) -> int:
    """Return how many bytes are left in a span from its first aligned address on, rounded as the kernel does."""
    return max(span.end - round_up(span.start, align or 1), 0)


def largest(spans: Sequence[Span], align: int = 1) -> Span | None:
    """Return the span that holds most from its first aligned address on, cut to that; of equal ones the lowest."""
    cut = [Span(span.end - size, span.end) for span in spans if (size := room(span, align))]
    return max(cut, key=lambda span: (span.size, -span.start), default=None)
