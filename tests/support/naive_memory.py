# SPDX-License-Identifier: Apache-2.0
"""Free memory at a step of a boot, worked out again in the plainest way: the trace replayed over a list of borders.

It shares nothing with memblock: every step that takes or gives memory paints the elementary intervals it covers.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from carveout.boot.result import StepKind
from carveout.span import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot.result import Step

_TAKES = (StepKind.RESERVE, StepKind.ALLOC, StepKind.CMA, StepKind.NOMAP)


def can_replay(steps: Sequence[Step]) -> bool:
    """Say whether the steps tell everything: RAM only ever comes, and each step has its place."""
    return all(step.base is not None and step.size for step in steps if step.kind is StepKind.MEMORY)


def free_after(steps: Sequence[Step], window: Span) -> list[Span]:
    """Return the free ranges in a window after these steps, ascending; ranges of RAM that touch are one."""
    placed = [
        s
        for s in steps
        if s.base is not None and s.size and s.kind in (*_TAKES, StepKind.MEMORY, StepKind.FREE)
    ]
    borders = {window.start, window.end}
    for step in placed:
        borders |= {step.base or 0, (step.base or 0) + (step.size or 0)}
    edges = sorted(border for border in borders if window.start <= border <= window.end)
    found: list[Span] = []
    for start, end in pairwise(edges):
        if not _is_free(placed, start):
            continue
        if found and found[-1].end == start:
            found[-1] = Span(found[-1].start, end)
        else:
            found.append(Span(start, end))
    return found


def _is_free(steps: Sequence[Step], address: int) -> bool:
    ram = reserved = nomap = False
    for step in steps:
        if step.base is None or not step.size or not step.base <= address < step.base + step.size:
            continue
        if step.kind is StepKind.MEMORY:
            ram = True
        elif step.kind is StepKind.NOMAP:
            nomap = True
        elif step.kind is StepKind.FREE:
            nomap = False
            # Clearing no-map does not give back what is reserved as well.
            reserved = reserved and step.reason.startswith("no-map is cleared")
        else:
            reserved = True
    return ram and not reserved and not nomap


def highest_base(span: Span, size: int, align: int) -> int | None:
    """Return the highest aligned base for `size` bytes in a span, None if there is none."""
    base = (span.end - size) // align * align
    return base if base >= span.start and base + size <= span.end else None


def lowest_base(span: Span, size: int, align: int) -> int | None:
    """Return the lowest aligned base for `size` bytes in a span, None if there is none."""
    base = -(-span.start // align) * align
    return base if base + size <= span.end else None
