# SPDX-License-Identifier: Apache-2.0
"""What was free at one step of a boot: in all of RAM, or as if somebody were not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.memblock import Flag
from carveout.span import Span, subtract, union

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.boot.watch import Search


def free_spans(search: Search, *, without: str | None = None) -> list[Span]:
    """Return the free ranges of RAM at the time of a search, ascending, whatever its window is.

    without: an owner whose memory counts as free.
    """
    taken = [Span.sized(claim.base, claim.size) for claim in search.claims if claim.who != without]
    ours = [Span.sized(claim.base, claim.size) for claim in search.claims if claim.who == without]
    banks = [
        Span.sized(bank.base, bank.size)
        for bank in search.memory
        if not bank.flags & Flag.NOMAP or _is_within(Span.sized(bank.base, bank.size), ours)
    ]
    return subtract(_joined(banks, across=ours), union(taken))


def _is_within(bank: Span, spans: Iterable[Span]) -> bool:
    return any(span.contains(bank) for span in spans)


def _joined(banks: list[Span], *, across: list[Span]) -> list[Span]:
    # Banks that touch stay apart, as memblock has them, unless what kept them apart is thought away.
    found: list[Span] = []
    for bank in sorted(banks):
        here = [span for span in across if bank.start in (span.start, span.end)]
        if found and found[-1].end == bank.start and here:
            found[-1] = Span(found[-1].start, bank.end)
        else:
            found.append(bank)
    return found
