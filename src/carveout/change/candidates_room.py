# SPDX-License-Identifier: Apache-2.0
"""What is worth trying for a dynamic region that found no room: less of it, another window, others elsewhere."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from carveout.boot.result import RegionKind
from carveout.change import region_facts as shared
from carveout.change.past_space import free_spans
from carveout.change.remedies import Change, RemedyKind
from carveout.change.room import room
from carveout.check.context import BoardContext, cells
from carveout.check.model import Edit, EditKind
from carveout.span import Span, round_down, round_up, subtract
from carveout.units import format_address, format_range, format_size
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from carveout.boot.result import PlacedRegion
    from carveout.boot.watch import Search
    from carveout.change.remedies import Remedy, Trials

_MAX_OWNERS = 8
_MAX_CONSIDERED = 128
_MAX_PLACES = 3
_MAX_RAM_FACTOR = 8
_PLACES_TRIED = 3
_MOST_ALIGNED = 1 << 21
_LEAST_ALIGNED = 1 << 12
_OTHERS_MUST_AGREE = "whoever else uses these addresses must agree"


def room_candidates(trials: Trials, region: PlacedRegion) -> Iterator[Remedy | None]:
    """Yield what became of each change worth trying for a dynamic region without a place."""
    search = shared.state_at(trials, region.path)
    size, align = region.requested_size, region.align
    if search is None or not size or not align:
        return
    if region.hole is not None:
        yield _smaller(trials, region)
    yield from _alignment(trials, region)
    yield from _windows(trials, region, search)
    wanted = _Request(size, align, region.alloc_ranges or (Span(search.start, search.end),))
    for blocker in _blockers(search, wanted):
        yield from _move(trials, blocker, search, wanted)
    yield from _more_ram(trials)


def _set(path: str, name: str, value: bytes) -> Edit:
    return Edit(EditKind.SET, path, name, value)


def _smaller(trials: Trials, region: PlacedRegion) -> Remedy | None:
    granule, width = shared.granule_of(trials, region), BoardContext(trials.board).size_cells
    usable = region.hole.usable if region.hole is not None else 0
    wanted = region.requested_size or 0

    def make(blocks: int) -> Change:
        value = blocks * granule
        return Change(
            kind=RemedyKind.SIZE,
            what=f"make it {format_size(value)}, {format_size(wanted - value)} less",
            edits=(_set(region.path, "size", cells(value, width=width)),),
        )

    return trials.largest(1, min(usable, wanted - 1) // granule, make)


def _alignment(trials: Trials, region: PlacedRegion) -> Iterator[Remedy | None]:
    raw = shared.node_of(trials, region.path)
    if raw is None or raw.alignment is None or not region.align:
        return
    floor = shared.granule_of(trials, region)
    align = 1 << (region.align.bit_length() - 1)
    if align == region.align:
        align >>= 1
    width = BoardContext(trials.board).address_cells
    while align >= floor:
        found = trials.test(
            Change(
                kind=RemedyKind.ALIGNMENT,
                what=f"align it to {format_size(align)} instead of {format_size(region.align)}",
                edits=(_set(region.path, "alignment", cells(align, width=width)),),
            )
        )
        if found is not None:
            yield found
            return
        align >>= 1


def _windows(trials: Trials, region: PlacedRegion, search: Search) -> Iterator[Remedy | None]:
    size, align, windows = region.requested_size or 0, region.align or 1, region.alloc_ranges
    raw = shared.node_of(trials, region.path)
    if raw is None or raw.alloc_ranges is None:
        return
    for window in windows[:1]:
        for place in shared.nearest_places(search, size, align, window.start, most=_MAX_PLACES):
            yield trials.test(partial(_widened, trials, region, windows, place))
    yield trials.test(
        Change(
            kind=RemedyKind.ALLOC_RANGES,
            what="take alloc-ranges away: anywhere in RAM",
            edits=(Edit(EditKind.REMOVE, region.path, "alloc-ranges"),),
            caution="the device must reach the place",
        )
    )


def _widened(trials: Trials, region: PlacedRegion, windows: tuple[Span, ...], place: Span) -> Change:
    # The window that is nearest to the place reaches there; the others stay.
    context = BoardContext(trials.board)
    nearest = min(windows, key=lambda w: max(w.start - place.start, place.end - w.end, 0))
    wide = Span(min(nearest.start, place.start), max(nearest.end, place.end))
    value = b"".join(shared.entry(context, wide if window == nearest else window) for window in windows)
    return Change(
        kind=RemedyKind.ALLOC_RANGES,
        what=f"widen alloc-ranges to {format_range(wide)}, {format_size(wide.size)}",
        edits=(_set(region.path, "alloc-ranges", value),),
        caution="the device must reach the place",
    )


# ---- others in the way --------------------------------------------------------------------------------------
class _Request(NamedTuple):
    # What the region without a place asks for.
    size: int
    align: int
    windows: tuple[Span, ...]

    def fits(self, spans: list[Span]) -> Span | None:
        # The first range in a window that would be large enough.
        for span in spans:
            for window in self.windows:
                clipped = Span(max(span.start, window.start), min(span.end, window.end))
                if clipped.size > 0 and room(clipped, self.align) >= self.size:
                    return clipped
        return None


class _Blocker(NamedTuple):
    # Somebody without whom there would be room.
    who: str
    own: Span
    joined: Span
    """The free range that there would be."""


def _blockers(search: Search, wanted: _Request) -> list[_Blocker]:
    held: dict[str, list[Span]] = {}
    for claim in search.claims:
        place = Span.sized(claim.base, claim.size)
        if any(window.overlaps(place) for window in wanted.windows):
            held.setdefault(claim.who, []).append(place)
    found: list[_Blocker] = []
    # The smallest first: that is the smallest change.
    for who in sorted(held, key=lambda name: sum(place.size for place in held[name]))[:_MAX_CONSIDERED]:
        joined = wanted.fits(free_spans(search, without=who))
        if joined is not None:
            own = Span(min(place.start for place in held[who]), max(place.end for place in held[who]))
            found.append(_Blocker(who, own, joined))
        if len(found) == _MAX_OWNERS:
            break
    return found


def _move(trials: Trials, blocker: _Blocker, search: Search, wanted: _Request) -> Iterator[Remedy | None]:
    other = next((r for r in trials.before.regions if r.path == blocker.who), None)
    make = _mover(trials, blocker, other)
    if make is not None:
        lowest_bit = min(shared.lowest_bit(blocker.own.start), _MOST_ALIGNED)
        step = max(lowest_bit, _LEAST_ALIGNED, (other and other.align) or 0)
        places = _places_for(search, blocker, wanted, step)[:_PLACES_TRIED]
        yield next(
            (found for place in places if (found := trials.test(partial(make, place))) is not None), None
        )
    if other is not None and other.kind is RegionKind.DYNAMIC and other.requested_size:
        yield _shrink(trials, other)


def _places_for(search: Search, blocker: _Blocker, wanted: _Request, step: int) -> list[Span]:
    # Where somebody else could lie so that the region fits: elsewhere, or at either end of the joined range.
    own, joined = blocker.own, blocker.joined
    highest = Span.sized(round_down(joined.end - wanted.size, wanted.align), wanted.size)
    lowest = Span.sized(round_up(joined.start, wanted.align), wanted.size)
    free = free_spans(search, without=blocker.who)
    edges = [
        place
        for place in (
            Span.sized(round_up(at, step), own.size) for at in (joined.start, highest.end, lowest.end)
        )
        if any(span.contains(place) for span in free)
        and not (place.overlaps(highest) and place.overlaps(lowest))
    ]
    elsewhere = [
        Span.sized(round_down(span.end - own.size, step), own.size)
        for span in subtract(free, [joined])
        if room(span, step) >= own.size
    ]
    return sorted([*edges, *elsewhere], key=lambda place: abs(place.start - own.start))


def _mover(trials: Trials, blocker: _Blocker, region: PlacedRegion | None) -> Callable[[Span], Change] | None:
    scene, who, own = trials.scene, blocker.who, blocker.own
    if region is not None and region.kind is RegionKind.STATIC and not region.extra:
        return lambda place: Change(
            kind=RemedyKind.MOVE,
            what=f"move {who} from {format_address(own.start)} to {format_address(place.start)}",
            edits=(shared.reg_edit(trials, who, place),),
            caution=_OTHERS_MUST_AGREE,
        )
    if region is not None and region.kind is RegionKind.DYNAMIC:
        context = BoardContext(trials.board)
        return lambda place: Change(
            kind=RemedyKind.MOVE,
            what=f"keep {who} within {format_range(place)} by its alloc-ranges",
            edits=(_set(who, "alloc-ranges", shared.entry(context, place)),),
            caution="its users must reach the place",
        )
    if who == "dtb" and scene.dtb_at is not None:
        return lambda place: Change(
            kind=RemedyKind.MOVE,
            what=f"load the device tree blob at {format_address(place.start)}, not at {format_address(own.start)}",
            scene=replace(scene, dtb_at=place.start),
            caution="the boot loader decides this (U-Boot: fdt_addr_r, fdt_high)",
        )
    initrd = trials.before.scene.initrd
    if who == "initrd" and initrd is not None:
        return lambda place: Change(
            kind=RemedyKind.MOVE,
            what=f"load the initrd at {format_address(place.start)}, not at {format_address(own.start)}",
            scene=replace(scene, initrd=Span.sized(place.start, initrd.size)),
            caution="the boot loader decides this (U-Boot: ramdisk_addr_r, initrd_high)",
        )
    return None


def _shrink(trials: Trials, other: PlacedRegion) -> Remedy | None:
    granule, width = shared.granule_of(trials, other), BoardContext(trials.board).size_cells
    wanted = other.requested_size or 0

    def make(blocks: int) -> Change:
        value = blocks * granule
        return Change(
            kind=RemedyKind.SHRINK_OTHER,
            what=f"make {other.path} {format_size(value)} instead of {format_size(wanted)}",
            edits=(_set(other.path, "size", cells(value, width=width)),),
            caution="its users must do with less",
        )

    return trials.largest(1, (wanted - 1) // granule, make)


def _more_ram(trials: Trials) -> Iterator[Remedy | None]:
    ram = trials.before.scene.memory
    if not ram or trials.scene.efi_map is not None:
        return
    factor = 2
    while factor <= _MAX_RAM_FACTOR:
        last = ram[-1]
        grown = Span(last.start, last.end + (factor - 1) * sum(bank.size for bank in ram))
        banks = (*ram[:-1], grown)
        options = " ".join(f"--memory 0x{bank.size:x}@0x{bank.start:x}" for bank in banks)
        found = trials.test(
            Change(
                kind=RemedyKind.MEMORY,
                what=f"on a board with {format_size(sum(bank.size for bank in banks))} of RAM it fits ({options})",
                scene=replace(trials.scene, memory=banks),
            )
        )
        if found is not None:
            yield found
            return
        factor *= 2
