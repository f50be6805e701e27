# SPDX-License-Identifier: Apache-2.0
"""From a search that was watched to what it tried: each free range, what it lacks, and what it ends at."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from carveout.boot.memblock import Flag
from carveout.change.room import room
from carveout.explain.model import Attempt, Neighbour, RangeTried, Reason
from carveout.span import Span

if TYPE_CHECKING:
    from carveout.boot.memblock import MemblockRegion
    from carveout.boot.result import Claim
    from carveout.boot.watch import Search


def attempt_of(search: Search, window_why: Reason, direction_why: Reason) -> Attempt:
    """Return what a search tried, in the kernel's order, up to the range it took."""
    looked_at: list[Span] = []
    for span in search.free:
        looked_at.append(span)
        if search.found and span.start <= search.found < span.end:
            break
    owners = _owners_at(search, [at for span in looked_at for at in (span.start - 1, span.end)])
    return Attempt(
        window=Span(search.start, search.end),
        window_why=window_why,
        bottom_up=search.bottom_up,
        direction_why=direction_why,
        size=search.size,
        align=search.align,
        tried=tuple(_range(search, span, owners) for span in looked_at),
        found=search.found or None,
    )


def _range(search: Search, span: Span, owners: dict[int, list[str]]) -> RangeTried:
    usable = room(span, search.align)
    return RangeTried(
        span=span,
        usable=usable,
        missing=max(search.size - usable, 0),
        below=_neighbour(search, span.start, owners, above=False),
        above=_neighbour(search, span.end, owners, above=True),
        is_taken=bool(search.found) and span.start <= search.found < span.end,
    )


def _owners_at(search: Search, addresses: list[int]) -> dict[int, list[str]]:
    # Who holds each address, in one sweep over the claims, which ascend.
    found: dict[int, list[str]] = {}
    active: list[Claim] = []
    first = 0
    for address in sorted(addresses):
        while first < len(search.claims) and search.claims[first].base <= address:
            active.append(search.claims[first])
            first += 1
        active = [claim for claim in active if address < claim.base + claim.size]
        found[address] = [claim.who for claim in active]
    return found


def _neighbour(search: Search, border: int, owners: dict[int, list[str]], *, above: bool) -> Neighbour:
    # What a free range ends at. border: its first address, or with `above` the first one behind it.
    if border == (search.end if above else search.start):
        return Neighbour(("end" if above else "start") + " of the window", is_owner=False)
    address = border if above else border - 1
    if owners[address]:
        return Neighbour(", ".join(dict.fromkeys(owners[address])), is_owner=True)
    index = bisect_right(search.memory, address, key=lambda bank: bank.base) - 1
    if index < 0 or address >= search.memory[index].end:
        return Neighbour(_outside(search, address, above=above), is_owner=False)
    return _bank(search.memory[index])


def _bank(bank: MemblockRegion) -> Neighbour:
    # RAM that nobody holds and the request may not use, or not in one piece.
    if bank.flags & Flag.NOMAP:
        return Neighbour("no-map memory", is_owner=False)
    if bank.flags & Flag.HOTPLUG:
        return Neighbour("hotpluggable memory", is_owner=False)
    return Neighbour("the border of two banks or nodes of RAM", is_owner=False)


def _outside(search: Search, address: int, *, above: bool) -> str:
    memory = search.memory
    more = memory and (memory[-1].base > address if above else memory[0].end <= address)
    if more:
        return "gap in RAM"
    return "end of RAM" if above else "start of RAM"
