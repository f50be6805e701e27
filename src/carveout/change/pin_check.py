# SPDX-License-Identifier: Apache-2.0
"""Whether a tree with pinned regions boots as promised: every region where it should be, nothing worse than before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import BootOutcome, Outcome
from carveout.check.model import Severity
from carveout.check.registry import all_rules
from carveout.check.run import check_board
from carveout.span import Span, union
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from carveout.board import Board
    from carveout.boot import Boot
    from carveout.boot.result import PlacedRegion
    from carveout.change.trial import Trial
    from carveout.check.model import Finding
    from carveout.check.run import NamedScene

_BAD = (Severity.ERROR, Severity.WARNING)


class Obstacle(NamedTuple):
    """Why a change does not do what it should."""

    path: str
    """The region that has to be elsewhere; empty when it is not known which."""
    text: str
    is_about_others: bool = False
    """A region that is not pinned would be elsewhere."""


def obstacles(
    scenes: Sequence[NamedScene], before: Trial, after: Trial, places: Mapping[str, Span]
) -> tuple[Obstacle, ...]:
    """Return what is wrong with a tree whose regions were given these places. before: the tree without them."""
    found: dict[Obstacle, None] = {}
    for named, old, new in zip(scenes, before.boots, after.boots, strict=True):
        for path, text in (*_of_one_boot(old, new, places), *_of_consumers(old, new)):
            found.setdefault(Obstacle(path, f"{text} ({named.name})"))
        for text in _of_others(old, new, places):
            found.setdefault(Obstacle("", f"{text} ({named.name})", is_about_others=True))
    return tuple(found)


class NewFindings:
    """The errors and warnings about boots that a changed board has and the board as it was has not."""

    def __init__(self, scenes: Sequence[NamedScene], before: Board) -> None:
        """Nothing is checked until it is asked for."""
        self._scenes = scenes
        self._before = before
        self._known: set[tuple[str, str, str | None]] | None = None

    def of(self, after: Board) -> tuple[Finding, ...]:
        """Return what is found in the changed board only."""
        if self._known is None:
            self._known = {_identity(finding) for finding in self._findings(self._before)}
        return tuple(
            finding
            for finding in self._findings(after)
            if finding.severity in _BAD and _identity(finding) not in self._known
        )

    def _findings(self, board: Board) -> tuple[Finding, ...]:
        rules = [rule for rule in all_rules() if rule.boot is not None]
        return check_board(board, self._scenes, rules, file="").findings


def _identity(finding: Finding) -> tuple[str, str, str | None]:
    return finding.code, finding.path, finding.prop


def _of_one_boot(old: Boot, new: Boot, places: Mapping[str, Span]) -> Iterator[tuple[str, str]]:
    if new.outcome is not BootOutcome.OK and old.outcome is BootOutcome.OK:
        why = f": {new.failure}" if new.failure else ""
        yield next(iter(places), ""), f"the boot ends in a {new.outcome}{why}"
        return
    had = {region.path: region for region in old.regions}
    for region in new.regions:
        past, wanted = had.get(region.path), places.get(region.path)
        if past is not None and wanted is not None:
            yield from ((region.path, text) for text in _of_pinned(past, region, wanted))
            yield from ((region.path, text) for text in _of_images(new, region.path, wanted))
            # Where the kernel puts it itself nothing else is asked.
            if region.base == wanted.start != past.base:
                yield from (
                    (region.path, text) for text in _of_new_place(old, new, region.path, wanted, places)
                )


def _of_others(old: Boot, new: Boot, places: Mapping[str, Span]) -> Iterator[str]:
    # What was given back is nowhere, wherever it was for a while; one that had no place may get one.
    had = {region.path: region for region in old.regions}
    for region in new.regions:
        past = had.get(region.path)
        if past is None or region.path in places or region.outcome is past.outcome is Outcome.RELEASED:
            continue
        if past.base is None and region.outcome is Outcome.PLACED:
            continue
        if (region.base, region.size, region.outcome) != (past.base, past.size, past.outcome):
            yield f"{region.path} is {_place(region)} then, not {_place(past)}"


def _of_pinned(past: PlacedRegion, region: PlacedRegion, wanted: Span) -> Iterator[str]:
    if region.outcome is not Outcome.PLACED or (region.base, region.size) != (wanted.start, wanted.size):
        yield f"{region.path} is {_place(region)}, not at 0x{wanted.start:x}: {region.why or 'no reason is known'}"
        return
    if past.outcome is Outcome.PLACED and (region.pool, region.driver) != (past.pool, past.driver):
        yield (
            f"{region.path} is {_pool(region)} at 0x{wanted.start:x}, and was {_pool(past)}"
            + (f": {region.why}" if region.why else "")
        )


def _of_images(new: Boot, path: str, wanted: Span) -> Iterator[str]:
    # powerpc puts dynamic regions on the initrd, which it reserves afterwards. That is no place to keep.
    scene = new.scene
    for name, image in (("kernel", scene.kernel_image), ("tree", scene.dtb), ("initrd", scene.initrd)):
        if image is not None and image.overlaps(wanted):
            yield f"{path} lies on the {name} at 0x{wanted.start:x}"


def _of_new_place(old: Boot, new: Boot, path: str, wanted: Span, places: Mapping[str, Span]) -> Iterator[str]:
    # A kernel that takes no-map memory out of its list of RAM had it there before.
    removed = [region for region in old.regions if region.path in places and region.nomap]
    ram = union(
        [
            *(Span.sized(entry.base, entry.size) for entry in (*old.memory, *new.memory)),
            *(Span.sized(region.base, region.size) for region in removed if region.base and region.size),
        ]
    )
    if not any(bank.contains(wanted) for bank in ram):
        yield f"{path} is not in RAM at 0x{wanted.start:x}"
    others = dict.fromkeys(
        claim.who
        for claim in new.claims
        if claim.who != path and Span.sized(claim.base, claim.size).overlaps(wanted)
    )
    if others:
        yield f"{path} lies on what belongs to {', '.join(others)} at 0x{wanted.start:x}"


def _of_consumers(old: Boot, new: Boot) -> Iterator[tuple[str, str]]:
    had = {(entry.path, entry.index): entry for entry in old.consumers}
    for entry in new.consumers:
        past = had.get((entry.path, entry.index))
        if past is not None and past.errno is None and entry.errno is not None:
            text = entry.message or f"errno {entry.errno}"
            yield entry.region or "", f"{entry.path} does not get {entry.region or 'its region'}: {text}"


def _place(region: PlacedRegion) -> str:
    if region.base is None:
        return "placed nowhere"
    return f"at 0x{region.base:x}" + ("" if region.outcome is Outcome.PLACED else f" ({region.outcome})")


def _pool(region: PlacedRegion) -> str:
    return (
        f"a {region.pool} pool"
        if region.pool
        else f"for {region.driver}"
        if region.driver
        else "plain memory"
    )
