# SPDX-License-Identifier: Apache-2.0
"""What is worth trying for a region that the kernel did not place, by what went wrong.

Every candidate goes through a boot (`Trials.test`); nothing here decides that something helps.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from carveout.boot.result import BootOutcome, Outcome, RegionKind
from carveout.change.candidates_room import room_candidates
from carveout.change.region_facts import granule_of, lowest_bit, nearest_places, node_of, reg_edit, state_at
from carveout.change.remedies import Change, RemedyKind
from carveout.check.context import BoardContext, cells
from carveout.check.model import Edit, EditKind
from carveout.span import Span, round_down, round_up
from carveout.units import format_range, format_size
from carveout.values import replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.board import RegionNode
    from carveout.boot.result import PlacedRegion
    from carveout.change.remedies import Remedy, Trials

_MOST_FIXES = 8
_POOLS = ("shared-dma-pool", "restricted-dma-pool")


def candidates(trials: Trials, region: PlacedRegion) -> Iterator[Remedy | None]:
    """Yield what became of each change worth trying for a region that is not placed."""
    raw = node_of(trials, region.path)
    if raw is None:
        return
    if region.outcome is Outcome.ALLOC_FAILED:
        if region.hole is None:
            yield from _forms(trials, raw)
        yield from room_candidates(trials, region)
    elif region.outcome is Outcome.RELEASED:
        yield from _granule(trials, region)
        yield from _flags(trials, raw, region)
        yield from _command_line(trials, raw)
    elif region.outcome is Outcome.RESERVE_FAILED:
        yield from _own_place(trials, region)
        yield from _reserve_map(trials, region)
        yield from _flags(trials, raw, region)
    elif region.outcome is Outcome.IGNORED and trials.before.outcome is BootOutcome.OK:
        yield from _forms(trials, raw)
        yield from _command_line(trials, raw)


def use_candidates(trials: Trials, region: PlacedRegion, device: str) -> Iterator[Remedy | None]:
    """Yield what became of each change worth trying for a device that is refused a region which has its place."""
    raw = node_of(trials, region.path)
    if raw is None:
        return
    yield from _flags(trials, raw, region)
    yield from _rule_fixes(trials, raw, device)


def _set(path: str, name: str, value: bytes = b"") -> Edit:
    return Edit(EditKind.SET, path, name, value)


# ---- what cannot be read, or is switched off --------------------------------------------------------------
def _forms(trials: Trials, raw: RegionNode) -> Iterator[Remedy | None]:
    if raw.status is not None:
        yield trials.test(
            Change(
                kind=RemedyKind.FORM,
                what='switch the node on: status = "okay"',
                edits=(_set(raw.path, "status", b"okay\0"),),
            )
        )  # fmt: skip
    yield from _rule_fixes(trials, raw)


def _rule_fixes(trials: Trials, raw: RegionNode, device: str = "") -> Iterator[Remedy | None]:
    # What `carveout check` would change at the region or the node above it: one by one, then all together.
    from carveout.check.registry import all_rules  # a hundred modules, for a region that cannot be read
    from carveout.check.run import NamedScene, check_board

    findings = check_board(trials.board, [NamedScene("", trials.scene)], all_rules(), file="").findings
    above = raw.path.rpartition("/")[0]
    fixes = [
        Change(
            kind=RemedyKind.FORM,
            what=(finding.fix or finding.slug.replace("-", " ")).rstrip("."),
            edits=finding.edits,
        )
        for finding in findings
        if finding.edits
        and (finding.path == above or any(edit.path in (raw.path, device) for edit in finding.edits))
    ]
    helped = [trials.test(fix) for fix in fixes[:_MOST_FIXES]]
    yield from helped
    if len(fixes) > 1 and not any(helped):
        together = tuple(dict.fromkeys(edit for fix in fixes for edit in fix.edits))
        yield trials.test(
            Change(kind=RemedyKind.FORM, what="; ".join(fix.what for fix in fixes), edits=together)
        )


# ---- refused by its region driver -------------------------------------------------------------------------
def _granule(trials: Trials, region: PlacedRegion) -> Iterator[Remedy | None]:
    granule, size = granule_of(trials, region), region.requested_size
    if not size or granule <= trials.before.profile.config.page_size:
        return
    if region.kind is RegionKind.DYNAMIC:
        for value in dict.fromkeys((round_up(size, granule), round_down(size, granule))):
            if value and value != size:
                yield trials.test(partial(_of_size, trials, region, value, granule))
        return
    base = region.requested_base or 0
    wide = Span(round_down(base, granule), round_up(base + size, granule))
    narrow = Span(round_up(base, granule), round_down(base + size, granule))
    for span in dict.fromkeys((wide, Span.sized(narrow.start, wide.size), narrow)):
        if span.size > 0 and span != Span.sized(base, size):
            yield trials.test(partial(_new_reg, trials, region, span, f"multiples of {format_size(granule)}"))


def _of_size(trials: Trials, region: PlacedRegion, value: int, granule: int) -> Change:
    width = BoardContext(trials.board).size_cells
    return Change(
        kind=RemedyKind.SIZE,
        what=f"make it {format_size(value)}: a multiple of {format_size(granule)}",
        edits=(_set(region.path, "size", cells(value, width=width)),),
    )


def _flags(trials: Trials, raw: RegionNode, region: PlacedRegion) -> Iterator[Remedy | None]:
    is_pool = any(name in region.compatible for name in _POOLS)
    takes: list[tuple[str, bool]] = [("no-map", raw.no_map)]
    if is_pool:
        takes.append(("reusable", raw.reusable))
    for name, is_there in takes:
        if is_there:
            yield trials.test(
                Change(
                    kind=RemedyKind.FLAGS,
                    what=f"take {name} away",
                    edits=(Edit(EditKind.REMOVE, region.path, name),),
                    caution="the kernel then maps the region" if name == "no-map" else "",
                )
            )
        elif is_pool and not (raw.no_map or raw.reusable):
            yield trials.test(
                Change(kind=RemedyKind.FLAGS, what=f"add {name}", edits=(_set(region.path, name),))
            )


def _command_line(trials: Trials, raw: RegionNode) -> Iterator[Remedy | None]:
    cmdline = trials.before.scene.cmdline
    words = [word for word in cmdline.split() if not word.startswith("cma=")]
    if not raw.cma_default or len(words) == len(cmdline.split()):
        return
    yield trials.test(
        Change(
            kind=RemedyKind.COMMAND_LINE,
            what="take cma= off the command line",
            scene=replace(trials.scene, cmdline=" ".join(words)),
        )
    )


# ---- a fixed place that is taken ----------------------------------------------------------------------------
def _own_place(trials: Trials, region: PlacedRegion) -> Iterator[Remedy | None]:
    size = region.requested_size
    search = state_at(trials, region.path)
    if search is None or not size or region.requested_base is None:
        return
    align = max(granule_of(trials, region), lowest_bit(region.requested_base))
    for span in nearest_places(search, size, align, region.requested_base, without=region.path):
        caution = "whoever else uses these addresses must agree"
        yield trials.test(partial(_new_reg, trials, region, span, "", caution))


def _reserve_map(trials: Trials, region: PlacedRegion) -> Iterator[Remedy | None]:
    if region.requested_base is None or not region.requested_size:
        return
    own = Span.sized(region.requested_base, region.requested_size)
    kept = [
        (entry.address, entry.size)
        for entry in trials.board.reserve_map
        if not own.overlaps(Span.sized(entry.address, entry.size))
    ]
    if len(kept) < len(trials.board.reserve_map):
        yield trials.test(
            Change(
                kind=RemedyKind.MOVE,
                what="drop the /memreserve/ entry on it, which the region makes needless",
                reserve_map=tuple(kept),
                caution="the boot loader must not add it again",
            )
        )


def _new_reg(trials: Trials, region: PlacedRegion, span: Span, why: str, caution: str = "") -> Change:
    return Change(
        kind=RemedyKind.MOVE,
        what=f"put it at {format_range(span)}, {format_size(span.size)}" + (f" ({why})" if why else ""),
        edits=(reg_edit(trials, region.path, span),),
        caution=caution,
    )
