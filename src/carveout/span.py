# SPDX-License-Identifier: Apache-2.0
"""A half-open range of addresses, sets of addresses as ascending ranges, and arithmetic as the kernel does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40


class Span(NamedTuple):
    """The addresses start <= a < end, in bytes. Empty when start == end."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.end - self.start

    @classmethod
    def sized(cls, base: int, size: int) -> Span:
        """Return the span of `size` bytes that begins at `base`."""
        return cls(base, base + size)

    def overlaps(self, other: Span) -> bool:
        """Say whether the two share at least one byte."""
        return self.start < other.end and other.start < self.end

    def contains(self, other: Span) -> bool:
        """Say whether every byte of `other` is in this span."""
        return self.start <= other.start and other.end <= self.end


def round_down(value: int, align: int) -> int:
    """Mask off the low bits as the kernel's round_down() does, also when `align` is no power of two."""
    return value & ~(align - 1)


def round_up(value: int, align: int) -> int:
    """Round up as the kernel's round_up() does: a mask, also when `align` is no power of two."""
    return ((value - 1) | (align - 1)) + 1


def is_aligned(value: int, align: int) -> bool:
    """Test the low bits as the kernel's IS_ALIGNED() does."""
    return value & (align - 1) == 0


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
