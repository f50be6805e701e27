# SPDX-License-Identifier: Apache-2.0
"""What is exported: the places of a boot that can be told, each with its name and where its number is from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Exactness, Outcome, RegionKind
from carveout.report.export.names import identifiers
from carveout.report.words import outcome_text
from carveout.values import NamedTuple, dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.board import Board
    from carveout.boot.result import Boot, PlacedRegion


class Entry(NamedTuple):
    """One range of addresses that goes into the export."""

    identifier: str
    """In lower case, with the prefix; unique."""
    region: PlacedRegion
    part: int
    """0: the region; 1 and more: a further entry of its `reg`."""
    base: int
    size: int
    device_base: int | None = None
    """The address at which the device that was asked for sees it; None: nobody asked."""

    @property
    def address(self) -> int:
        """The address for whoever the export is for: the device's if one was named, else the CPU's."""
        return self.base if self.device_base is None else self.device_base


class LeftOut(NamedTuple):
    """A region that is not exported, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """All that an exporter needs."""

    title: str
    """What the board is called."""
    board: Board
    boot: Boot
    entries: tuple[Entry, ...]
    """Tree order."""
    left_out: tuple[LeftOut, ...]
    prefix: str = ""
    """As given, for names of the whole: a header's guard, a table."""
    device: str | None = None
    """The path of the device whose view of memory is exported."""
    chosen: tuple[tuple[str, str], ...] = ()
    """Zephyr: (property of /chosen, identifier) asked for."""


def collect(boot: Boot, *, prefix: str, exact_only: bool = False) -> tuple[list[Entry], list[LeftOut]]:
    """Return what can be exported of a boot, and what cannot, each in tree order.

    exact_only: leave out what is modelled, too.
    """
    parts: list[tuple[PlacedRegion, int, int, int]] = []
    left_out: list[LeftOut] = []
    for region in boot.regions:
        reason = _refusal(region, exact_only=exact_only)
        if reason is not None or region.base is None or not region.size:
            left_out.append(LeftOut(region.path, reason or "it has no size"))
            continue
        parts.append((region, 0, region.base, region.size))
        parts += [(region, n, span.start, span.size) for n, span in enumerate(region.extra, 1) if span.size]
    names = identifiers([(r.name, f"_part{n}" if n else "") for r, n, _, _ in parts], prefix=prefix)
    entries = [Entry(name, *part) for name, part in zip(names, parts, strict=True)]
    return entries, left_out


def _refusal(region: PlacedRegion, *, exact_only: bool) -> str | None:
    if region.outcome is not Outcome.PLACED:
        return f"{outcome_text(region)}: {region.why}" if region.why else outcome_text(region)
    if region.exactness is Exactness.UNKNOWN:
        return f"not known: {region.why}"
    if exact_only and region.exactness is not Exactness.EXACT:
        return f"{region.exactness}: {region.why}"
    return None


def matching(entries: Sequence[Entry], wanted: str) -> list[Entry]:
    """Return the entries a person means by a word: a path, a node's name with or without address, a label."""
    return [entry for entry in entries if wanted in (entry.identifier, *region_names(entry.region))]


def region_names(region: PlacedRegion) -> tuple[str, ...]:
    """Return every word by which a person may call a region."""
    names = (region.path, region.name, region.name.partition("@")[0])
    return (*names, region.label) if region.label else names


def origin(entry: Entry, boot: Boot) -> str:
    """Say where the numbers of an entry are from, in one sentence without a full stop."""
    if entry.region.kind is RegionKind.DYNAMIC:
        return f"placed by Linux {boot.scene.kernel}"
    return "reg of the node" if not entry.part else f"entry {entry.part + 1} of reg of the node"


def doubts(entries: Sequence[Entry]) -> tuple[str, ...]:
    """Return why places that are not exact are not, each reason once."""
    return tuple(
        dict.fromkeys(
            entry.region.why
            for entry in entries
            if entry.region.exactness is not Exactness.EXACT and entry.region.why
        )
    )
