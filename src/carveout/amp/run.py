# SPDX-License-Identifier: Apache-2.0
"""One firmware, one processor, one boot → what goes where, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.amp.mdt import check_mdt, is_relocatable, mdt_uses
from carveout.amp.model import Fit, Gravity, Problem
from carveout.amp.places import base_name, is_mdt, remote_of
from carveout.amp.regions import check_knowledge, check_regions
from carveout.amp.resources import Resources
from carveout.amp.segments import check_segments, place_of, segment_uses
from carveout.amp.table import read_table
from carveout.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carveout.amp.model import Firmware, Place, Remote, Use
    from carveout.board import Board
    from carveout.boot.result import Boot

_RANKS = {Gravity.ERROR: 0, Gravity.WARNING: 1, Gravity.NOTE: 2}
_CAUSED_BY_HEADER = "and the kernel does not start the processor (-22)"


def fit(board: Board, boot: Boot, firmware: Firmware, *, path: str, entry: int = 0) -> Fit:
    """Set a firmware against a processor. path: of its node. entry: of this file in firmware-name.

    Raises ValueError when the tree has no such node.
    """
    remote = remote_of(board, boot, path)
    problems = [
        Problem("AMP003", f"{fault}, {_CAUSED_BY_HEADER}", Gravity.ERROR) for fault in firmware.faults
    ]
    problems += check_regions(board, boot, remote, is_movable=is_mdt(remote) and is_relocatable(firmware))
    if is_mdt(remote):
        region = remote.regions[entry] if entry < len(remote.regions) else None
        uses: list[Use] = list(mdt_uses(firmware, region))
        problems += check_mdt(firmware, region)
    else:
        uses, found = _by_the_core(firmware, remote, page_size=boot.scene.page_size)
        problems += found
    problems += check_knowledge(remote)
    problems.sort(key=lambda problem: _RANKS[problem.gravity])
    return Fit(firmware, remote, tuple(uses), tuple(problems))


def _by_the_core(firmware: Firmware, remote: Remote, *, page_size: int) -> tuple[list[Use], list[Problem]]:
    problems: list[Problem] = []
    resources = None
    if firmware.table is not None:
        resources = Resources(remote, read_table(firmware.table.data), page_size=page_size)
        problems += resources.check()
    places = [*remote.places, *(resources.made if resources else ())]
    problems = [*check_segments(firmware, remote, places), *problems]
    problems += _table(firmware, remote, places)
    return [*segment_uses(firmware, places), *(resources.uses if resources else ())], problems


def _table(firmware: Firmware, remote: Remote, places: Sequence[Place]) -> Iterator[Problem]:
    if firmware.table is None:
        shared = [
            region for region in remote.regions if region is not None and base_name(region).startswith("vdev")
        ]
        if shared:
            yield Problem(
                "AMP201",
                f"it has no .resource_table, so nothing uses {', '.join(region.name for region in shared)}: no messages",
                Gravity.WARNING,
                related=tuple(region.path for region in shared),
            )
        return
    span = Span.sized(firmware.table.address, max(1, len(firmware.table.data)))
    if any(segment.span.contains(span) for segment in firmware.segments):
        # Where its segment is not loaded, that is the problem, and it is reported.
        return
    if place_of(places, span) is None:
        yield Problem(
            "AMP204",
            f"its resource table is at 0x{firmware.table.address:x}, where nothing is loaded: the processor does not learn "
            "where its rings are",
            Gravity.WARNING,
        )


def clashes(fits: Sequence[Fit]) -> Iterator[tuple[Fit, Problem]]:
    """Yield the pairs of firmware files whose segments are loaded into the same memory, at the later of the two."""
    loaded: list[tuple[Fit, Span]] = []
    for one in fits:
        mine = list(_cpu_spans(one))
        for other, span in loaded:
            for own in mine:
                if span.overlaps(own):
                    yield (
                        one,
                        Problem(
                            "AMP307",
                            f"it is loaded over {other.firmware.name} (for {other.remote.path}) at CPU address "
                            f"0x{max(span.start, own.start):08x}",
                            Gravity.ERROR,
                        ),
                    )
                    break
        loaded += [(one, span) for span in mine]


def _cpu_spans(one: Fit) -> Iterator[Span]:
    if is_mdt(one.remote):
        return
    for segment in one.firmware.segments:
        place = place_of(one.remote.places, segment.span)
        if place is not None and place.region is not None:
            yield Span.sized(place.cpu + segment.span.start - place.span.start, segment.span.size)
