# SPDX-License-Identifier: Apache-2.0
"""What a change does to everything else: what worked and does not any more, and what is somewhere else now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import BootOutcome, Outcome, RegionKind
from carveout.change.reach import out_of_reach, place_of
from carveout.span import Span, subtract, union
from carveout.units import format_range, format_size
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from carveout.board import Board
    from carveout.boot import Boot
    from carveout.boot.result import CmaArea, ConsumerResult, PlacedRegion

DEFAULT_AREA = "the default contiguous area"
IMAGES = ("the kernel image", "the tree", "the initrd")
_HELD = (Outcome.PLACED, Outcome.RESERVE_FAILED)


class Effect(NamedTuple):
    """One thing that is otherwise after a change."""

    subject: str
    """A node's path, or `the default contiguous area`, or `the boot`."""
    text: str
    """What is so, to follow the subject."""
    is_loss: bool
    """It worked before and does not now; else it works, somewhere else."""
    before: Span | None = None
    after: Span | None = None


def effects(board: Board, before: Boot, after: Boot, *, besides: Collection[str] = ()) -> tuple[Effect, ...]:
    """Return what a change does to a boot. board: says what devices reach. besides: regions the change is about."""
    if before.outcome is BootOutcome.OK and after.outcome is not BootOutcome.OK:
        text = f"ends in a {after.outcome}" + (f": {after.failure}" if after.failure else "")
        return (Effect("the boot", text, is_loss=True),)
    return (
        *_images(before, after),
        *_regions(before, after, besides),
        *_areas(before, after),
        *_consumers(before, after),
        *_reach(board, before, after),
        *_overlaps(before, after, besides),
    )


def ram_of(boot: Boot) -> list[Span]:
    """Return all RAM that the kernel knows of after early boot, no-map memory too."""
    return union(Span.sized(entry.base, entry.size) for entry in boot.memory)


def holdings(boot: Boot) -> list[tuple[Span, str]]:
    """Return every span that somebody holds or asked for with `reg`, with its owner; ascending."""
    held = {(Span.sized(claim.base, claim.size), claim.who) for claim in boot.claims if claim.size}
    for region in boot.regions:
        if region.outcome in _HELD and region.base is not None and region.size:
            held.add((Span.sized(region.base, region.size), region.path))
            held.update((span, region.path) for span in region.extra)
    return sorted(held)


def _images(before: Boot, after: Boot) -> Iterator[Effect]:
    # What the boot loader put into RAM, and where there is none any more.
    ram_before, ram_after = union(before.scene.memory), union(after.scene.memory)
    for subject, was, here in zip(IMAGES, _loaded(before), _loaded(after), strict=True):
        if (
            was is not None
            and here is not None
            and not subtract([was], ram_before)
            and subtract([here], ram_after)
        ):
            yield Effect(
                subject,
                f"at {format_range(here)} is not in RAM any more",
                is_loss=True,
                before=was,
                after=here,
            )


def _loaded(boot: Boot) -> tuple[Span | None, Span | None, Span | None]:
    return boot.scene.kernel_image, boot.scene.dtb, boot.scene.initrd


def _regions(before: Boot, after: Boot, besides: Collection[str]) -> Iterator[Effect]:
    now = {region.path: region for region in after.regions}
    ram_before, ram_after = ram_of(before), ram_of(after)
    for region in before.regions:
        was = place_of(region)
        if was is None or region.path in besides:
            continue
        found = now.get(region.path)
        here = place_of(found) if found is not None else None
        if found is None or here is None:
            yield Effect(region.path, _why_lost(found), is_loss=True, before=was)
        elif here.size < was.size:
            text = f"has {format_size(here.size)} instead of {format_size(was.size)}"
            yield Effect(region.path, text, is_loss=True, before=was, after=here)
        elif found.pool != region.pool:
            yield Effect(
                region.path, f"is no {region.pool} pool any more", is_loss=True, before=was, after=here
            )
        elif not subtract([was], ram_before) and subtract([here], ram_after):
            text = f"at {format_range(here)} is not in RAM any more"
            yield Effect(region.path, text, is_loss=True, before=was, after=here)
        elif here != was:
            text = f"moves from {format_range(was)} to {format_range(here)}"
            yield Effect(region.path, text, is_loss=False, before=was, after=here)


def _why_lost(found: PlacedRegion | None) -> str:
    if found is None:
        return "is not in the tree any more"
    if found.outcome is Outcome.ALLOC_FAILED:
        room = f"; the largest free range has {format_size(found.hole.usable)}" if found.hole else ""
        return f"finds no place{room}" if found.kind is RegionKind.DYNAMIC else "gets no place"
    return f"is {found.outcome}" + (f": {found.why}" if found.why else "")


def _areas(before: Boot, after: Boot) -> Iterator[Effect]:
    # Areas made of a region are the region's matter, except whether they can be used.
    now = {_area_key(area): area for area in after.cma}
    for area in before.cma:
        found = now.get(_area_key(area))
        subject = area.from_region or (
            DEFAULT_AREA if area.is_default else f"the contiguous area {area.name}"
        )
        was = Span.sized(area.base, area.size)
        if found is None:
            heir = next((other for other in after.cma if other.is_default), None) if area.is_default else None
            if heir is not None and heir.from_region is not None:
                yield Effect(subject, f"is {heir.from_region} now", is_loss=False, before=was)
            elif area.from_region is None:
                yield Effect(subject, "cannot be made any more", is_loss=True, before=was)
            continue
        here = Span.sized(found.base, found.size)
        if area.activated and not found.activated:
            text = f"at {format_range(here)} crosses the border of two zones: nobody can allocate from it"
            yield Effect(subject, text, is_loss=True, before=was, after=here)
        elif area.from_region is None and here.size < was.size:
            text = f"has {format_size(here.size)} instead of {format_size(was.size)}"
            yield Effect(subject, text, is_loss=True, before=was, after=here)
        elif area.from_region is None and here != was:
            text = f"moves from {format_range(was)} to {format_range(here)}"
            yield Effect(subject, text, is_loss=False, before=was, after=here)


def _area_key(area: CmaArea) -> str:
    return area.from_region or f"area {area.name}"


def _consumers(before: Boot, after: Boot) -> Iterator[Effect]:
    now = {(use.path, use.index): use for use in after.consumers}
    for use in before.consumers:
        if use.errno is not None or use.region is None:
            continue
        found = now.get((use.path, use.index))
        if found is None or found.region != use.region:
            yield Effect(use.path, f"does not have entry {use.index} of memory-region any more", is_loss=True)
        elif found.errno is not None:
            yield Effect(use.path, f"gets -{found.errno} for {use.region}: {found.message}", is_loss=True)
        elif use.bound_by is not None and found.bound_by != use.bound_by:
            yield Effect(use.path, _unbound(use), is_loss=True)


def _reach(board: Board, before: Boot, after: Boot) -> Iterator[Effect]:
    # The kernel does not look: the device is given addresses that its bus cannot carry.
    known = out_of_reach(board, before)
    for (device, region), place in out_of_reach(board, after).items():
        if (device, region) not in known:
            text = f"does not reach {region} at {format_range(place)} any more"
            yield Effect(device, text, is_loss=True, after=place)


def _unbound(use: ConsumerResult) -> str:
    return f"does not get {use.region} as its {use.bound_by} pool any more"


def _overlaps(before: Boot, after: Boot, besides: Collection[str]) -> Iterator[Effect]:
    # Some kernels place a region on what they reserve only later, and say nothing.
    known = _pairs(before)
    for pair, span in sorted(_pairs(after).items()):
        if pair not in known and not set(pair) & set(besides):
            low, high = pair
            yield Effect(high, f"overlaps {low} at {format_range(span)}", is_loss=True, after=span)


def _pairs(boot: Boot) -> dict[tuple[str, str], Span]:
    # Who overlaps whom, and where. Two allocations of one owner count as one.
    found: dict[tuple[str, str], Span] = {}
    open_spans: list[tuple[Span, str]] = []
    for span, who in holdings(boot):
        open_spans = [(other, owner) for other, owner in open_spans if other.end > span.start]
        for other, owner in open_spans:
            if owner != who:
                pair = (owner, who) if owner < who else (who, owner)
                found.setdefault(pair, Span(span.start, min(span.end, other.end)))
        open_spans.append((span, who))
    return found
