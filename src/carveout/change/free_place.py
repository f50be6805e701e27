# SPDX-License-Identifier: Apache-2.0
"""Which memory is free for a region in every scene, and the highest place for it there.

The kernel's own early allocations (page tables, its table of regions, the default contiguous area, ...) give way
when a region has a fixed place, since they are made later. Everything else stays where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import StepKind
from carveout.check.consumers import bus_above
from carveout.span import Span, intersect, round_down, subtract, union

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.board import Board
    from carveout.boot import Boot
    from carveout.boot.result import PlacedRegion

_GIVE_WAY = frozenset({"default cma", "crashkernel"})
_ALLOCATED = frozenset({StepKind.ALLOC, StepKind.CMA})


def free_of(result: Boot) -> list[Span]:
    """Return the mapped RAM of a boot that nobody holds but those who give way."""
    paths = {region.path for region in result.regions}
    yielding = {step.subject for step in result.trace if step.kind in _ALLOCATED} - paths | _GIVE_WAY
    ram = union(Span.sized(entry.base, entry.size) for entry in result.memory if not entry.nomap)
    held = (Span.sized(claim.base, claim.size) for claim in result.claims if claim.who not in yielding)
    return subtract(ram, union(held))


def windows_of(board: Board, region: PlacedRegion) -> list[Span] | None:
    """Return where a region may be: in its alloc-ranges, and where the buses of its devices reach. None: anywhere."""
    limits = [union(region.alloc_ranges)] if region.alloc_ranges else []
    buses = {bus.path: bus for bus in board.dma_ranges}
    for consumer in board.consumers if buses else ():
        bus = bus_above(buses, consumer.path)
        node = board.tree.node(consumer.path)
        if consumer.region != region.path or not consumer.enabled or bus is None or node is None:
            continue
        if not bus.unread and bus.entries and "iommus" not in node:
            limits.append(union(Span.sized(*entry) for entry in bus.entries))
    if not limits:
        return None
    found = limits[0]
    for limit in limits[1:]:
        found = intersect(found, limit)
    return found


def highest(spans: Sequence[Span], size: int, align: int) -> int | None:
    """Return the highest base, a multiple of `align` other than 0, at which `size` bytes lie in one span, or None."""
    for span in reversed(spans):
        base = round_down(span.end - size, align)
        if span.end >= size and base >= span.start and base > 0:
            return base
    return None


def largest(spans: Sequence[Span], align: int) -> Span | None:
    """Return the span that holds most once its start is aligned, cut to that, or None."""
    cut = [Span(-(-span.start // align) * align, span.end) for span in spans]
    return max((span for span in cut if span.start < span.end), key=lambda span: span.size, default=None)
