# SPDX-License-Identifier: Apache-2.0
"""Counting and taking page-table pages: what the architectures have in common.

A table stands for a slot of addresses. What decides is which slots are touched by what is mapped, and which lie
wholly inside one range and so can be mapped with a larger block instead. Slots are handled as runs of numbers,
so the work does not grow with the amount of RAM.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import StepKind
from carveout.boot.state import KernelPanic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.boot.state import EarlyBoot
    from carveout.span import Span

Runs = list[tuple[int, int]]
"""Half-open runs of slot numbers, ascending, none touching another."""


def touched(ranges: Iterable[Span], origin: int, width: int) -> Runs:
    """Return the slots of `width` bytes, counted from `origin`, that the ranges touch."""
    return union(
        ((span.start - origin) // width, (span.end - 1 - origin) // width + 1)
        for span in ranges
        if span.size > 0
    )


def inside(ranges: Iterable[Span], origin: int, width: int) -> Runs:
    """Return the slots that lie wholly inside one range."""
    found = ((-((origin - span.start) // width), (span.end - origin) // width) for span in ranges)
    return union((first, end) for first, end in found if first < end)


def total(runs: Runs) -> int:
    """Return how many slots the runs hold."""
    return sum(end - first for first, end in runs)


def union(intervals: Iterable[tuple[int, int]]) -> Runs:
    """Return half-open runs as ascending ones that do not touch."""
    merged: Runs = []
    for first, end in sorted(intervals):
        if merged and first <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((first, end))
    return merged


def take_pages(
    state: EarlyBoot, count: int, who: str, reason: str, *, source: str, panic: str | None
) -> None:
    """Allocate `count` pages one after the other, each the highest free one.

    Raises: KernelPanic with the text `panic` when no page is left.
    """
    page = state.config.page_size
    taken = 0
    for span in state.mb.alloc_pages(count, page):
        state.ledger.take(span.start, span.size, who)
        state.step(StepKind.ALLOC, who, f"{reason}: {span.size // page} of {count} pages, the highest free ones",
                   base=span.start, size=span.size, source=source)  # fmt: skip
        state.touch(who, span)
        taken += span.size // page
    if taken < count:
        state.step(StepKind.PANIC, who, "no page is left for the page tables")
        raise KernelPanic(panic)
