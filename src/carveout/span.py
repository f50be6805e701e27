# SPDX-License-Identifier: Apache-2.0
"""A half-open range of addresses, and arithmetic as the kernel does it."""

from __future__ import annotations

from carveout.values import NamedTuple

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
