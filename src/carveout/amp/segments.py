# SPDX-License-Identifier: Apache-2.0
"""The segments of a firmware against the memory of its processor.

Source: rproc_elf_load_segments(), drivers/remoteproc/remoteproc_elf_loader.c; rproc_da_to_va(),
drivers/remoteproc/remoteproc_core.c; qcom_mdt_load(), drivers/soc/qcom/mdt_loader.c.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from carveout.amp.model import Gravity, Problem, Use
from carveout.amp.places import base_name
from carveout.span import Span
from carveout.units import format_range, format_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carveout.amp.model import Firmware, Place, Remote, Segment

_EINVAL = "the kernel says 'bad phdr da 0x{da:x} mem 0x{size:x}' and does not start the processor (-22)"
_MOST_OVERLAPS = 8
_SHARED = ("vdev",)


def place_of(places: Sequence[Place], span: Span) -> Place | None:
    """Return the memory in which the driver finds a range of the processor's addresses, as it looks for it."""
    return next((place for place in places if place.takes(span)), None)


def segment_uses(firmware: Firmware, places: Sequence[Place]) -> Iterator[Use]:
    """Yield a line for each segment."""
    for segment in firmware.segments:
        place = place_of(places, segment.span)
        where = "nowhere" if place is None else place.name
        if place is not None and segment.span.start != place.span.start:
            where += f" + 0x{segment.span.start - place.span.start:x}"
        yield Use(f"segment {segment.number}", segment.span, segment.span.size, where)


def check_segments(firmware: Firmware, remote: Remote, places: Sequence[Place]) -> Iterator[Problem]:
    """Yield what is wrong with the segments of a firmware that the remoteproc core loads."""
    for segment in firmware.segments:
        broken = broken_segment(firmware, segment)
        if broken is not None:
            yield broken
        place = place_of(places, segment.span)
        if place is None:
            yield _without_place(segment, remote, places)
        elif place.region is not None and base_name(place.region).startswith(_SHARED):
            yield Problem(
                "AMP106",
                f"segment {segment.number}, {_shown(segment)}, lies in {place.name}, which is for rings and buffers: the "
                "kernel writes over it when messages are set up",
                Gravity.WARNING,
                related=(place.region.path,),
            )
    yield from _overlaps(firmware)
    yield from _entry(firmware, remote)


def broken_segment(firmware: Firmware, segment: Segment) -> Problem | None:
    """Return what is wrong with a segment itself: not all of it in the file, or more of it there than in memory."""
    if segment.file_size > segment.span.size:
        return Problem(
            "AMP105",
            f"segment {segment.number} has 0x{segment.file_size:x} bytes in the file and 0x{segment.span.size:x} in memory: "
            "the kernel says 'bad phdr filesz' and does not start the processor (-22)",
            Gravity.ERROR,
        )
    if segment.offset + segment.file_size > firmware.size:
        return Problem(
            "AMP105",
            f"segment {segment.number} ends at 0x{segment.offset + segment.file_size:x} of a file of 0x{firmware.size:x} bytes: "
            "the kernel says 'truncated fw' and does not start the processor (-22)",
            Gravity.ERROR,
        )
    return None


def _without_place(segment: Segment, remote: Remote, places: Sequence[Place]) -> Problem:
    span = segment.span
    error = _EINVAL.format(da=span.start, size=span.size)
    gravity = Gravity.ERROR if remote.driver.knows_all_memory else Gravity.WARNING
    for place in places:
        if place.is_loadable and place.span.start <= span.start < place.span.end:
            return _too_large(segment, place, error)
    for place in places:
        cpu = Span.sized(place.cpu, place.span.size)
        if place.is_loadable and cpu.contains(span) and place.cpu != place.span.start:
            there = place.span.start + (span.start - place.cpu)
            return Problem(
                "AMP102",
                f"segment {segment.number}, {_shown(segment)}, is linked at the CPU's address of {place.name}; the processor "
                f"sees that at {format_range(place.span)}: {error}",
                gravity,
                fix=f"link it at 0x{there:08x}",
                related=_related(place),
            )
    for place in places:
        if place.span.contains(span):
            return Problem(
                "AMP106",
                f"segment {segment.number}, {_shown(segment)}, lies in {place.name}, which the driver keeps for rings and "
                f"buffers: {error}",
                Gravity.ERROR,
                related=_related(place),
            )
    had = "; ".join(f"{format_range(p.span)} {p.name}" for p in places if p.is_loadable) or "nothing"
    doubt = "" if remote.driver.knows_all_memory else "; memory that only the driver knows of may be there"
    return Problem(
        "AMP101",
        f"segment {segment.number}, {_shown(segment)}, is outside of what the processor has ({had}): {error}{doubt}",
        gravity,
    )


def _too_large(segment: Segment, place: Place, error: str) -> Problem:
    over = segment.span.end - place.span.end
    if over <= 0:
        # Only where the driver wants a byte to spare.
        return Problem(
            "AMP103",
            f"segment {segment.number}, {_shown(segment)}, ends with the last byte of {place.name}, and this driver wants "
            f"it to end before: {error}",
            Gravity.ERROR,
            fix="leave the last byte of that memory free",
            related=_related(place),
        )
    return Problem(
        "AMP103",
        f"segment {segment.number}, {_shown(segment)}, ends {format_size(over)} behind {place.name} "
        f"({format_range(place.span)}): {error}",
        Gravity.ERROR,
        fix=f"make {place.name} at least {format_size(segment.span.end - place.span.start)}, or the firmware smaller",
        related=_related(place),
    )


def _overlaps(firmware: Firmware) -> Iterator[Problem]:
    ordered = sorted(firmware.segments, key=lambda segment: segment.span)
    found = 0
    for before, after in pairwise(ordered):
        if before.span.overlaps(after.span):
            found += 1
            if found > _MOST_OVERLAPS:
                return
            yield Problem(
                "AMP104",
                f"segments {before.number} ({_shown(before)}) and {after.number} ({_shown(after)}) overlap: what is loaded "
                "second overwrites the first",
                Gravity.ERROR,
            )


def _entry(firmware: Firmware, remote: Remote) -> Iterator[Problem]:
    align = remote.driver.entry_align
    if firmware.entry % align:
        yield Problem(
            "AMP108",
            f"the entry point 0x{firmware.entry:x} is no multiple of 0x{align:x}: the driver says 'invalid boot address' "
            "and does not start the processor (-22)",
            Gravity.ERROR,
        )
    code = [segment for segment in firmware.segments if segment.is_executable]
    if firmware.segments and not any(s.span.start <= firmware.entry < s.span.end for s in code):
        yield Problem(
            "AMP107",
            f"the entry point 0x{firmware.entry:x} is in no segment with code; it may be another address space's",
            Gravity.NOTE,
        )


def _shown(segment: Segment) -> str:
    return f"{format_range(segment.span)}, {format_size(segment.span.size)}"


def _related(place: Place) -> tuple[str, ...]:
    return () if place.region is None else (place.region.path,)
