# SPDX-License-Identifier: Apache-2.0
"""A Boot made out of a recording, to try the comparison on: it agrees with that recording and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from carveout.boot.result import (
    Boot,
    BootOutcome,
    CmaArea,
    Exactness,
    LogLine,
    MemoryRange,
    Outcome,
    PlacedRegion,
    RegionKind,
    ReservedRange,
)
from support.compare import recorded_cma, reduced_cma, reference_dump
from support.compare_regions import dies_here

if TYPE_CHECKING:
    from support.recordings import RecordedCma, RecordedRegion, Recording


def boot_of(recorded: Recording) -> Boot:
    """Return a boot that says all that the recording knows. scene and profile are not filled in."""
    early = recorded.early_console
    dump = reference_dump(recorded)
    taken: set[int] = set()
    regions = recorded.regions if early is None else early.regions
    return Boot(
        scene=cast("Any", None),
        profile=cast("Any", None),
        regions=tuple(_region(recorded, region, taken) for region in regions),
        cma=_areas(recorded),
        memory=tuple(
            MemoryRange(base=e.base, size=e.size, nomap=bool(e.flags & 4), flags=e.flags, nid=e.nid)
            for e in (() if dump is None else dump.memory)
        ),
        reserved=tuple(
            ReservedRange(base=e.base, size=e.size, who="?", flags=e.flags)
            for e in (() if dump is None else dump.reserved)
        ),
        claims=(),
        consumers=(),
        outcome=BootOutcome(recorded.outcome),
        failure=recorded.panic,
        log_lines=tuple(LogLine(text=text, level="info", step=0) for text in _log(recorded)),
        trace=(),
        notes=(),
        exactness=Exactness.EXACT,
        ram_known=True,
    )


def _log(recorded: Recording) -> list[str]:
    if recorded.early_console is not None:
        return list(recorded.early_console.messages)
    warned = [line for line in recorded.warnings if line.startswith("cma: ")]
    return [*recorded.messages, *_cma_lines(list(recorded.cma), warned), *recorded.crashkernel]


def _cma_lines(areas: list[RecordedCma], warned: list[str]) -> list[str]:
    """Return the `cma:` lines in order. A failure is among the warnings as well, with its exact text."""
    lines = []
    for warning in warned:
        for failed in reduced_cma([warning]):
            lines += [_cma_line(area) for area in areas[: areas.index(failed)]]
            areas = areas[areas.index(failed) + 1 :]
        lines.append(warning)
    return lines + [_cma_line(area) for area in areas]


def _cma_line(area: RecordedCma) -> str:
    return (
        f"cma: Reserved {area.mib} MiB " + ("in 1 range" if area.base is None else f"at 0x{area.base:x}")
        if area.ok
        else f"cma: Failed to reserve {area.mib} MiB"
    )


def _areas(recorded: Recording) -> tuple[CmaArea, ...]:
    regions = recorded.regions if recorded.early_console is None else recorded.early_console.regions
    places = [(a.base, a.mib << 20) for a in recorded_cma(recorded) if a.ok]
    places += [(r.base, r.size or 0) for r in regions if r.pool == "cma"]
    known = recorded.cma_reserved_kib
    if known is not None and places:
        # 7.2 logs the size that was asked for, not the one that was rounded up and taken.
        base, size = places[0]
        places[0] = (base, size + (known << 10) - sum(size for _, size in places))
    return tuple(
        # An area that may be of several ranges says nothing of its place.
        CmaArea(name="", base=base or 0, size=size, is_default=False, exactness=Exactness.EXACT, why="")
        for base, size in places
    )


def _outcome(whole: Recording, recorded: RecordedRegion, base: int | None) -> Outcome:
    if dies_here(whole, recorded):
        return Outcome.RESERVE_FAILED
    if recorded.alloc_failed:
        return Outcome.ALLOC_FAILED
    if recorded.reserve_failed:
        return Outcome.RESERVE_FAILED
    if recorded.no_match:
        return Outcome.RELEASED
    return Outcome.IGNORED if base is None else Outcome.PLACED


def _region(whole: Recording, recorded: RecordedRegion, taken: set[int]) -> PlacedRegion:
    free = [base for base in recorded.candidates if base not in taken]
    base = free[0] if free and recorded.source is None else recorded.base
    if base is not None and recorded.candidates:
        taken.add(base)
    outcome = _outcome(whole, recorded, base)
    return PlacedRegion(
        path=f"/reserved-memory/{recorded.name}",
        name=recorded.name,
        kind=RegionKind(recorded.kind),
        base=None if outcome is Outcome.RESERVE_FAILED else base,
        size=None if outcome is Outcome.RESERVE_FAILED else recorded.size,
        requested_size=recorded.size,
        requested_base=recorded.base,
        align=None,
        alloc_ranges=(),
        nomap=bool(recorded.nomap),
        reusable=bool(recorded.reusable),
        pool=recorded.pool,
        driver=recorded.initialized,
        outcome=outcome,
        exactness=Exactness.EXACT,
        why="made from the recording",
    )
