# SPDX-License-Identifier: Apache-2.0
"""Firmware for Qualcomm's loader: all segments go into one region, moved there when the image may be moved.

Source: qcom_mdt_get_size(), qcom_mdt_load(), drivers/soc/qcom/mdt_loader.c; include/linux/soc/qcom/mdt_loader.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.amp.model import Gravity, Problem, Use
from carveout.amp.places import has_place
from carveout.amp.segments import broken_segment
from carveout.span import Span, round_up
from carveout.units import format_range, format_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.amp.model import Firmware, Segment
    from carveout.boot.result import PlacedRegion

_TYPE_MASK, _TYPE_HASH = 7 << 24, 2 << 24
_RELOCATABLE = 1 << 27
_PAGE = 4096
_SPLIT = ".mdt"
"""A file of this name holds the headers; each segment is a file of its own."""


def _loaded(firmware: Firmware) -> list[Segment]:
    return [segment for segment in firmware.segments if segment.flags & _TYPE_MASK != _TYPE_HASH]


def _extent(segments: list[Segment]) -> Span:
    # As the loader works it out: the end is that of the last segment that ends highest so far, in whole pages.
    start = min(segment.span.start for segment in segments)
    end = 0
    for segment in segments:
        if segment.span.end > end:
            end = round_up(segment.span.end, _PAGE)
    return Span(start, end)


def is_relocatable(firmware: Firmware) -> bool:
    """Say whether Qualcomm's loader may put an image anywhere."""
    return any(segment.flags & _RELOCATABLE for segment in _loaded(firmware))


def mdt_uses(firmware: Firmware, region: PlacedRegion | None) -> Iterator[Use]:
    """Yield a line for each segment: where in the region it goes."""
    segments = _loaded(firmware)
    if not segments or region is None or region.base is None:
        return
    start = _extent(segments).start if is_relocatable(firmware) else region.base
    for segment in segments:
        at = segment.span.start - start
        inside = region.size is not None and at >= 0 and at + segment.span.size <= region.size
        where = f"{region.name} + 0x{at:x}" if inside else "nowhere"
        yield Use(f"segment {segment.number}", segment.span, segment.span.size, where)


def check_mdt(firmware: Firmware, region: PlacedRegion | None) -> Iterator[Problem]:
    """Yield what Qualcomm's loader would not accept of a firmware for one region."""
    if not firmware.name.lower().endswith(_SPLIT):
        for segment in _loaded(firmware):
            broken = broken_segment(firmware, segment)
            if broken is not None:
                yield broken
    segments = _loaded(firmware)
    if not segments:
        yield Problem("AMP003", "it has no segment to load: the kernel refuses it (-22)", Gravity.ERROR)
        return
    if region is None:
        yield Problem(
            "AMP301",
            "the node has no entry of memory-region for this file, so where it is loaded is not known; older bindings have "
            "it in nodes below",
            Gravity.WARNING,
        )
        return
    if not has_place(region) or region.base is None or region.size is None:
        return
    extent = _extent(segments)
    if is_relocatable(firmware):
        if extent.size > region.size:
            yield _too_small(extent, region)
        return
    place = Span.sized(region.base, region.size)
    for segment in segments:
        if not place.contains(segment.span):
            yield Problem(
                "AMP103" if place.start <= segment.span.start < place.end else "AMP101",
                f"segment {segment.number}, {format_range(segment.span)}, is not in {region.name} ({format_range(place)}), and "
                "the image cannot be moved: the kernel says 'segment outside memory range' (-22)",
                Gravity.ERROR,
                fix=f"put {region.name} at 0x{extent.start:08x} with {format_size(extent.size)}"
                if segment is segments[0]
                else None,
                related=(region.path,),
            )


def _too_small(extent: Span, region: PlacedRegion) -> Problem:
    size = region.size or 0
    return Problem(
        "AMP103",
        f"its segments span {format_size(extent.size)}, and {region.name} has {format_size(size)}: the kernel says "
        "'segment outside memory range' and does not start the processor (-22)",
        Gravity.ERROR,
        fix=f"make {region.name} at least 0x{extent.size:x} bytes",
        related=(region.path,),
    )
