# SPDX-License-Identifier: Apache-2.0
"""From a search that was watched to what it tried: each free range, what it lacks, and what it ends at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.memblock import Flag
from carveout.change.free_space import room
from carveout.explain.model import Attempt, Neighbour, RangeTried, Reason
from carveout.span import Span

if TYPE_CHECKING:
    from carveout.boot.memblock import MemblockRegion
    from carveout.boot.watch import Search


def attempt_of(search: Search, window_why: Reason, direction_why: Reason) -> Attempt:
    """Return what a search tried, in the kernel's order, up to the range it took."""
    tried = []
    for span in search.free:
        is_taken = bool(search.found) and span.start <= search.found < span.end
        tried.append(_range(search, span, is_taken=is_taken))
        if is_taken:
            break
    return Attempt(
        window=Span(search.start, search.end),
        window_why=window_why,
        bottom_up=search.bottom_up,
        direction_why=direction_why,
        size=search.size,
        align=search.align,
        tried=tuple(tried),
        found=search.found or None,
    )


def _range(search: Search, span: Span, *, is_taken: bool) -> RangeTried:
    usable = room(span, search.align)
    return RangeTried(
        span=span,
        usable=usable,
        missing=max(search.size - usable, 0),
        below=neighbour(search, span.start, above=False),
        above=neighbour(search, span.end, above=True),
        is_taken=is_taken,
    )


def neighbour(search: Search, border: int, *, above: bool) -> Neighbour:
    """Return what a free range ends at. border: its first address, or with `above` the first one behind it."""
    if border == (search.end if above else search.start):
        return Neighbour(("end" if above else "start") + " of the window", is_owner=False)
    address = border if above else border - 1
    owners = [claim.who for claim in search.claims if claim.base <= address < claim.base + claim.size]
    if owners:
        return Neighbour(", ".join(dict.fromkeys(owners)), is_owner=True)
    bank = next((bank for bank in search.memory if bank.base <= address < bank.end), None)
    if bank is None:
        return Neighbour(_outside(search, address, above=above), is_owner=False)
    return _bank(bank)


def _bank(bank: MemblockRegion) -> Neighbour:
    # RAM that nobody holds and the request may not use, or not in one piece.
    if bank.flags & Flag.NOMAP:
        return Neighbour("no-map memory", is_owner=False)
    if bank.flags & Flag.HOTPLUG:
        return Neighbour("hotpluggable memory", is_owner=False)
    return Neighbour("the border of two banks or nodes of RAM", is_owner=False)


def _outside(search: Search, address: int, *, above: bool) -> str:
    more = any(bank.base > address if above else bank.end <= address for bank in search.memory)
    if more:
        return "gap in RAM"
    return "end of RAM" if above else "start of RAM"
