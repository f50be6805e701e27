# SPDX-License-Identifier: Apache-2.0
"""What those who look for a change ask about a region: its node, its granule, memory when its turn came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cma import min_alignment
from carveout.boot.result import StepKind
from carveout.boot.watch import watch
from carveout.change.past_space import free_spans
from carveout.change.room import room
from carveout.check.context import BoardContext, cells
from carveout.check.model import Edit, EditKind
from carveout.span import Span, round_down, round_up

if TYPE_CHECKING:
    from carveout.board import RegionNode
    from carveout.boot.result import PlacedRegion
    from carveout.boot.watch import Search
    from carveout.change.remedies import Trials

_MAX_PLACES = 4
_STOPPED = (StepKind.FAIL, StepKind.SKIP)


def node_of(trials: Trials, path: str) -> RegionNode | None:
    """Return what the tree says about a region; None for a node that is no region."""
    for parent in trials.board.reserved_memory:
        for raw in parent.regions:
            if raw.path == path:
                return raw
    return None


def granule_of(trials: Trials, region: PlacedRegion) -> int:
    """Return what a region's size should be a multiple of: the page allocator's block for a pool, else a page."""
    profile = trials.before.profile
    is_area = "shared-dma-pool" in region.compatible and region.reusable and profile.config.dma_cma
    return min_alignment(profile) if is_area else profile.config.page_size


def entry(context: BoardContext, span: Span) -> bytes:
    """Return a span as one entry of `reg` or `alloc-ranges`, in the root's cells."""
    return cells(span.start, width=context.address_cells) + cells(span.size, width=context.size_cells)


def reg_edit(trials: Trials, path: str, span: Span) -> Edit:
    """Return the edit that gives a region another first entry of `reg`; further entries stay."""
    context = BoardContext(trials.board)
    raw = node_of(trials, path)
    value = raw.reg.value if raw is not None and raw.reg is not None else b""
    return Edit(EditKind.SET, path, "reg", entry(context, span) + value[context.entry_bytes :])


def state_at(trials: Trials, path: str) -> Search | None:
    """Return memory as it was when the kernel was about to deal with a region; None if it never was."""
    trace = trials.before.trace
    step = next((n for n, s in enumerate(trace) if s.subject == path and s.kind in _STOPPED), None)
    return None if step is None else watch(trials.board, trials.scene, states=(step,)).states.get(step)


def nearest_places(
    search: Search, size: int, align: int, wanted: int, *, without: str | None = None, most: int = _MAX_PLACES
) -> list[Span]:
    """Return free places for `size` bytes, those nearest to the address `wanted` first.

    without: an owner whose memory counts as free.
    """
    found = []
    for span in free_spans(search, without=without):
        if room(span, align) < size:
            continue
        low, high = round_up(span.start, align), round_down(span.end - size, align)
        found.append(Span.sized(min(max(round_down(wanted, align), low), high), size))
    return sorted(found, key=lambda place: abs(place.start - wanted))[:most]


def lowest_bit(address: int) -> int:
    """Return the alignment an address has: its lowest bit; 1 for address 0."""
    return address & -address or 1
