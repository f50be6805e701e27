# SPDX-License-Identifier: Apache-2.0
"""What a recording lacks, gathered while it is read, and said in sentences for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.pool.trace_areas import SeenArea
    from carveout.pool.trace_lines import Lost

_LINES_SHOWN = 5


class Gaps:
    """Events that are missing, and what cannot be told from those that are there."""

    def __init__(self) -> None:
        """Begin with a recording that lacks nothing."""
        self.lost: list[Lost] = []
        self.overlaps = 0
        """Requests that began while another one was running."""
        self.partial = 0
        """Releases of a part of an allocation."""
        self.unsure: list[int] = []
        """Lines of requests whose area cannot be told."""

    def notes(self, areas: Iterable[SeenArea], *, unseen_releases: int) -> list[str]:
        """Return a sentence for each thing. unseen_releases: allocations that were replaced without a release."""
        notes = self._lost_notes()
        for area in areas:
            notes += _area_notes(area)
        if unseen_releases:
            notes.append(f"{unseen_releases} releases are missing: their pages were given to a later request")
        if self.overlaps:
            notes.append(
                f"{self.overlaps} requests began while another one was running: "
                "their order is that of their start events, the kernel's may differ"
            )
        if self.partial:
            notes.append(
                f"{self.partial} releases gave back a part of an allocation: it counts until its last page is back"
            )
        if self.unsure:
            shown = ", ".join(str(line) for line in self.unsure[:_LINES_SHOWN])
            more = ", ..." if len(self.unsure) > _LINES_SHOWN else ""
            notes.append(
                f"the area of {len(self.unsure)} failed requests cannot be told, since events of this kernel do not "
                f"name it (lines {shown}{more})"
            )
        return notes

    def _lost_notes(self) -> list[str]:
        notes = []
        at_start = sum(lost.events or 0 for lost in self.lost if lost.at_start)
        inside = [lost for lost in self.lost if not lost.at_start]
        if at_start:
            notes.append(f"{at_start} older events were overwritten: the capture begins late")
        if inside:
            known = sum(lost.events or 0 for lost in inside)
            notes.append(f"events were lost in {len(inside)} places ({known or 'nobody knows how many'})")
        return notes


def _area_notes(area: SeenArea) -> list[str]:
    notes = []
    if area.initially.pages:
        notes.append(
            f"{area.name}: {area.initially.pages} pages were released that no request took: "
            "they were allocated before the capture began"
        )
    if area.strange_releases:
        notes.append(
            f"{area.name}: {area.strange_releases} releases fit no allocation: events are missing before them"
        )
    return notes
