# SPDX-License-Identifier: Apache-2.0
"""What the rules about overlaps share: pairs of static regions, and the memory reservation block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.span import Span
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext, Region


class Pair(NamedTuple):
    """Two enabled static regions that share addresses, in the order of the tree."""

    first: Region
    first_span: Span
    second: Region
    second_span: Span

    @property
    def shared(self) -> Span:
        """What both have."""
        return Span(
            max(self.first_span.start, self.second_span.start), min(self.first_span.end, self.second_span.end)
        )


def overlapping(context: BoardContext) -> tuple[Pair, ...]:
    """Return every pair of enabled static regions that share addresses, by the address of the higher one."""
    return context.once(_overlapping)


def _overlapping(context: BoardContext) -> Iterator[Pair]:
    below: list[tuple[Region, Span]] = []
    for region, span in context.static:
        below = [(other, there) for other, there in below if there.end > span.start]
        for other, there in below:
            if other.node.offset < region.node.offset:
                yield Pair(other, there, region, span)
            else:
                yield Pair(region, span, other, there)
        below.append((region, span))


def reserve_spans(context: BoardContext) -> list[Span]:
    """Return the entries of the memory reservation block as a kernel reads them: up to the first of size 0."""
    found = []
    for entry in context.board.reserve_map:
        if entry.size == 0:
            break
        found.append(Span.sized(entry.address, entry.size))
    return found
