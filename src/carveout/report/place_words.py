# SPDX-License-Identifier: Apache-2.0
"""Why a place is a good one, and why there is none, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.change.place import kept_ranges, may_hold_kernel
from carveout.change.place_node import region_path
from carveout.change.place_refusal import refusal
from carveout.change.request import Kind, page_sizes
from carveout.change.room import largest
from carveout.change.space import free_ranges
from carveout.span import KIB, MIB, Span, intersect
from carveout.units import format_range, format_size, format_size_about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot.result import Boot
    from carveout.change.place import Placement
    from carveout.change.place_judge import Verdict
    from carveout.change.request import Wanted

_KIND_WORDS = {
    Kind.PLAIN: "",
    Kind.NO_MAP: "no-map",
    Kind.COHERENT: "no-map, a DMA pool of its device",
    Kind.REUSABLE: "reusable, a contiguous area",
}
_EARLY_SHOWN = 3


def asked(wanted: Wanted) -> str:
    """Return a request in words: `64 MiB aligned to 4 MiB, reusable, for /soc/vpu, within ...`."""
    request = wanted.request
    parts = [f"{format_size(wanted.size)} aligned to {format_size(wanted.align)}", _KIND_WORDS[request.kind]]
    if request.device is not None:
        parts.append(f"for {request.device}")
    if request.within:
        parts.append("within " + " or ".join(format_range(span) for span in request.within))
    if request.dma_bits is not None:
        parts.append(f"with {request.dma_bits} address bits")
    return ", ".join(part for part in parts if part)


def place_reasons(placement: Placement, verdict: Verdict, index: int) -> list[str]:
    """Return what speaks for, and against, the place of one region of an answer. index: of the request."""
    wanted = placement.wanted[index]
    place = Span.sized(verdict.layout[index], wanted.size)
    reasons = [
        _in_range(placement, place),
        _kernel(placement, place),
        _reach(wanted, place),
        _entry(placement, verdict, index),
        _borders(wanted, place),
    ]
    return [reason for reason in reasons if reason]


def answer_reasons(placement: Placement, verdict: Verdict) -> list[str]:
    """Return what an answer does to the board as a whole."""
    return [*_largest(placement, verdict), *_moves(placement, verdict)]


def _in_range(placement: Placement, place: Span) -> str:
    home = next((span for span in placement.space.free if span.contains(place)), None)
    if home is None:
        return _displaced(placement, place)
    below, above = place.start - home.start, home.end - place.end
    where = f"the free range {format_range(home)} ({format_size_about(home.size)})"
    if not below and not above:
        return f"fills {where}"
    if not below:
        return f"at the lower end of {where}; {format_size_about(above)} stay free above"
    if not above:
        return f"at the upper end of {where}; {format_size_about(below)} stay free below"
    return f"in {where}; {format_size_about(below)} stay free below, {format_size_about(above)} above"


def _displaced(placement: Placement, place: Span) -> str:
    owners: dict[str, None] = {}
    for boot in placement.boots:
        for claim in boot.claims:
            if Span.sized(claim.base, claim.size).overlaps(place):
                owners[claim.who] = None
    names = list(owners)
    more = f" and {len(names) - _EARLY_SHOWN} more" if len(names) > _EARLY_SHOWN else ""
    held = ", ".join(names[:_EARLY_SHOWN]) + more
    return f"where the kernel now puts {held or 'a region'}, which it puts elsewhere"


def _reach(wanted: Wanted, place: Span) -> str:
    reach, device = wanted.reach, wanted.request.device
    if device is None:
        bits = wanted.request.dma_bits
        return f"within the first {bits} address bits" if bits is not None else ""
    if reach.has_iommu:
        return f"{device} stands behind an IOMMU, which can map any place for it"
    if reach.bus is None:
        return f"{device} reaches it: no bus above it has dma-ranges that limit it"
    offset = reach.offset_at(place) or 0
    text = f"{device} reaches it through dma-ranges of {reach.bus}"
    return text + (f", where it is 0x{place.start + offset:x}" if offset else "")


def _kernel(placement: Placement, place: Span) -> str:
    if any(may_hold_kernel(boot, place) for boot in placement.boots):
        return "low in RAM, where boot loaders put the kernel: pass --kernel-image BASE+SIZE to be sure"
    return ""


def _entry(placement: Placement, verdict: Verdict, index: int) -> str:
    wanted = placement.wanted[index]
    device = wanted.request.device
    path = region_path(placement.parent, wanted, verdict.layout[index])
    uses = [use for use in verdict.trial.boots[0].consumers if use.region == path and use.path == device]
    if not uses:
        return ""
    use = uses[0]
    text = f"{device} gets it as entry {use.index} of memory-region"
    if not use.enabled:
        return f"{text}, but is disabled"
    return text + (": its driver has to ask for it by number" if use.index and use.bound_by else "")


def _borders(wanted: Wanted, place: Span) -> str:
    sizes = page_sizes(place.start, place.size)
    pages = ", ".join(str(size // KIB) for size in sizes)
    text = f"aligned to {format_size(place.start & -place.start)}" if place.start else "at address 0"
    if wanted.request.kind is Kind.REUSABLE:
        return f"{text}; {wanted.need_why}"
    return f"{text}; whole pages with pages of {pages} KiB" if sizes else text


def _largest(placement: Placement, verdict: Verdict) -> Iterator[str]:
    before = min((_largest_of(boot) for boot in placement.boots), default=0)
    after = min((_largest_of(boot) for boot in verdict.trial.boots), default=0)
    if before // MIB == after // MIB:
        yield f"the largest free range stays {format_size_about(after)}"
    else:
        yield f"the largest free range is {format_size_about(after)} afterwards, {format_size_about(before)} now"


def _largest_of(boot: Boot) -> int:
    found = largest(free_ranges(boot))
    return 0 if found is None else found.size


def _moves(placement: Placement, verdict: Verdict) -> Iterator[str]:
    texts: dict[str, list[int]] = {}
    for scene, effect in verdict.effects:
        texts.setdefault(f"{effect.subject} {effect.text}", []).append(scene)
    for text, scenes in texts.items():
        several = len(scenes) < len(placement.scenes)
        yield text + (f" ({', '.join(placement.scenes[scene] for scene in scenes)})" if several else "")
    if not texts:
        yield "nothing that had a place moves"


def refusal_reasons(placement: Placement) -> list[str]:
    """Return why there is no answer."""
    reasons: list[str] = []
    blocked = [refusal(placement, wanted) for wanted in placement.wanted]
    for wanted, why in zip(placement.wanted, blocked, strict=True):
        if why.fits:
            continue
        if why.span is None:
            if why.holders:
                names = ", ".join(why.holders[:_EARLY_SHOWN])
                reasons.append(f"{wanted.name}: all RAM where it may be is held by what stays: {names}")
            else:
                limits = " or ".join(format_range(window) for window in wanted.windows[:_EARLY_SHOWN])
                reasons.append(f"{wanted.name}: there is no RAM where it may be, {limits}")
            continue
        reasons.append(
            f"{wanted.name}: the largest range that could be had is {format_range(why.span)}, "
            f"{format_size_about(why.span.size)}, of which {format_size_about(why.usable)} can be used once aligned; "
            f"it ends at {why.below} below and at {why.above} above"
        )
        reasons += [
            f"{wanted.name}: there would be room if {holder.who} at {format_range(holder.span)} were elsewhere"
            for holder in why.in_the_way[:_EARLY_SHOWN]
        ]
    if len(blocked) > 1 and all(why.fits for why in blocked):
        reasons.append("each request has room by itself, all together have not")
    reasons += [
        f"{text} (in {count} of {placement.search.tried} layouts tried)"
        for text, count in placement.objections[:5]
    ]
    if placement.search.is_complete:
        reasons.append("every place was looked at: there is no other")
    else:
        reasons.append(
            f"not every place was looked at: {placement.search.tried} layouts were tried; "
            "--boots N allows more, --within narrows the search"
        )
    return reasons


def spare_ranges(verdict: Verdict) -> list[int]:
    """Return the largest free ranges that an answer leaves in every scene, in bytes, largest first."""
    return [size * MIB for size in kept_ranges(verdict) if size]


def on_early(placement: Placement, place: Span) -> bool:
    """Say whether something that the kernel allocates lies there now."""
    return intersect(placement.space.free, [place]) != [place]
