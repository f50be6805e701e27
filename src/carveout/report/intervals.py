# SPDX-License-Identifier: Apache-2.0
"""Sets of addresses as ascending lists of spans that do not touch: what reports count and draw with."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from carveout.span import Span, intersect, subtract, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["gaps", "intersect", "subtract", "total", "union"]


def total(spans: Iterable[Span]) -> int:
    """Return the bytes in spans that do not overlap."""
    return sum(span.end - span.start for span in spans)


def gaps(spans: Sequence[Span]) -> list[Span]:
    """Return the spans between ascending spans that do not touch."""
    return [Span(low.end, high.start) for low, high in pairwise(spans)]
