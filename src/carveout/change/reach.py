# SPDX-License-Identifier: Apache-2.0
"""What memory a device can reach: the dma-ranges of its bus, and how wide its addresses are.

Source: of_dma_get_range(), drivers/of/address.c: the nearest dma-ranges above the device counts, and a bus without
one passes addresses on as they are (kernel-semantics 1.2).
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from carveout.boot.result import Outcome
from carveout.check.consumers import bus_above
from carveout.errors import UsageError
from carveout.span import Span, intersect, union
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from carveout.board import Board, DmaRanges
    from carveout.boot import Boot
    from carveout.boot.result import PlacedRegion

_EVERYTHING = 1 << 64


class Window(NamedTuple):
    """Memory as a device sees it: addresses of the CPU, and what the device adds to them."""

    span: Span
    offset: int = 0
    """The device's address less the CPU's."""


class Reach(NamedTuple):
    """What a device can reach."""

    windows: tuple[Window, ...]
    """Ascending by address of the CPU."""
    bus: str | None = None
    """The node whose dma-ranges says so; None: nothing limits it."""
    has_iommu: bool = False
    """An IOMMU stands between it and memory: the bus's limits are not its own."""

    def offset_at(self, span: Span) -> int | None:
        """Return what the device adds to the CPU's address of a span; None when it does not reach it in one piece."""
        found = [window.offset for window in self.windows if window.span.contains(span)]
        return found[0] if found else None


def reach_of(board: Board, device: str | None, dma_bits: int | None) -> Reach:
    """Return what a device can reach. device: its path, or None for none in particular.

    dma_bits: how wide the addresses are that it can put on its bus, None: wide enough.
    Raises: UsageError when there is no such device, or its bus cannot be read.
    """
    limit = _EVERYTHING if dma_bits is None else 1 << dma_bits
    if device is None:
        return Reach((Window(Span(0, limit)),))
    node = board.tree.node(device)
    if node is None:
        raise UsageError(f"there is no node {device} in the tree")
    bus = bus_above({ranges.path: ranges for ranges in board.dma_ranges}, device)
    if "iommus" in node or bus is None:
        return Reach((Window(Span(0, limit)),), has_iommu="iommus" in node)
    windows = _windows(bus, limit)
    if windows is None:
        raise UsageError(
            f"dma-ranges of {bus.path} cannot be read, so it is not known what {device} reaches; "
            "say where with --within instead of --for"
        )
    return Reach(windows, bus.path)


def windows_of(board: Board, region: PlacedRegion) -> list[Span] | None:
    """Return where a region may be: in its alloc-ranges, and where the buses of its devices reach. None: anywhere."""
    limits = [union(region.alloc_ranges)] if region.alloc_ranges else []
    buses = {bus.path: bus for bus in board.dma_ranges}
    for consumer in board.consumers if buses else ():
        bus = bus_above(buses, consumer.path)
        if consumer.region != region.path or not consumer.enabled or bus is None or "iommus" in consumer.node:
            continue
        windows = _windows(bus, _EVERYTHING)
        if windows is not None:
            limits.append(union(window.span for window in windows))
    if not limits:
        return None
    return reduce(intersect, limits)


def out_of_reach(board: Board, boot: Boot) -> dict[tuple[str, str], Span]:
    """Return the regions that their devices do not reach, by paths of device and region, with where they are.

    Devices behind an IOMMU, and behind a bus that cannot be read, are left out.
    """
    if not board.dma_ranges:
        return {}
    buses = {ranges.path: ranges for ranges in board.dma_ranges}
    places = {region.path: place for region in boot.regions if (place := place_of(region)) is not None}
    found = {}
    for use in boot.consumers:
        place, bus = places.get(use.region or ""), bus_above(buses, use.path)
        if place is None or bus is None or use.errno is not None:
            continue
        node, windows = board.tree.node(use.path), _windows(bus, _EVERYTHING)
        if node is None or "iommus" in node or windows is None:
            continue
        if Reach(windows).offset_at(place) is None:
            found[use.path, use.region or ""] = place
    return found


def place_of(region: PlacedRegion) -> Span | None:
    """Return where a region is, or None when it has no place."""
    if region.outcome is not Outcome.PLACED or region.base is None or not region.size:
        return None
    return Span.sized(region.base, region.size)


def _windows(bus: DmaRanges, limit: int) -> tuple[Window, ...] | None:
    # None: the bus cannot be read.
    if bus.unread or not bus.entries:
        return None
    windows = []
    for on_bus, (base, size) in zip(bus.device, bus.entries, strict=True):
        length = min(size, limit - on_bus)
        if length > 0:
            windows.append(Window(Span.sized(base, length), on_bus - base))
    return _joined(windows)


def _joined(windows: list[Window]) -> tuple[Window, ...]:
    # Neighbours that translate alike are one piece to the device.
    found: list[Window] = []
    for window in sorted(windows):
        last = found[-1] if found else None
        if last is not None and last.offset == window.offset and window.span.start <= last.span.end:
            found[-1] = Window(Span(last.span.start, max(last.span.end, window.span.end)), last.offset)
        else:
            found.append(window)
    return tuple(found)
