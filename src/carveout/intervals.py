# SPDX-License-Identifier: Apache-2.0
"""Sets of addresses as ascending lists of spans that do not touch: what is counted, searched and drawn with."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from carveout.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def union(spans: Iterable[Span]) -> list[Span]:
    """Return the same addresses as ascending spans, neighbours joined, empty ones dropped."""
    merged: list[Span] = []
    for span in sorted(span for span in spans if span.start < span.end):
        if merged and span.start <= merged[-1].end:
            if span.end > merged[-1].end:
                merged[-1] = Span(merged[-1].start, span.end)
        else:
            merged.append(span)
    return merged


def subtract(left: Sequence[Span], right: Sequence[Span]) -> list[Span]:
    """Return what of `left` is not in `right`. Both as union() gives them."""
    result: list[Span] = []
    index = 0
    for start, end in left:
        at = start
        while index < len(right) and right[index].end <= at:
            index += 1
        scan = index
        while scan < len(right) and right[scan].start < end:
            if right[scan].start > at:
                result.append(Span(at, right[scan].start))
            at = max(at, right[scan].end)
            scan += 1
        if at < end:
            result.append(Span(at, end))
    return result


def intersect(left: Sequence[Span], right: Sequence[Span]) -> list[Span]:
    """Return the addresses that are in both. Both as union() gives them."""
    result: list[Span] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i].start, right[j].start), min(left[i].end, right[j].end)
        if start < end:
            result.append(Span(start, end))
        if left[i].end < right[j].end:
            i += 1
        else:
            j += 1
    return result


def total(spans: Iterable[Span]) -> int:
    """Return the bytes in spans that do not overlap."""
    return sum(span.end - span.start for span in spans)


def gaps(spans: Sequence[Span]) -> list[Span]:
    """Return the spans between ascending spans that do not touch."""
    return [Span(low.end, high.start) for low, high in pairwise(spans)]
