# SPDX-License-Identifier: Apache-2.0
"""The state of pools, and what came of a trace, as text."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from carveout.pool.differences import CAUSES
from carveout.pool.result import Reason
from carveout.report.pool_words import (
    asked_text,
    extent_text,
    failures_text,
    fitted,
    holes_text,
    legend,
    pages_text,
    place_text,
    plural,
    pool_title,
    reason_text,
    strip_lines,
)
from carveout.report.terminal import wrap
from carveout.report.words import errno_name, safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from carveout.pool.differences import Difference
    from carveout.pool.lending import Calibration
    from carveout.pool.trace import TraceHeader
    from carveout.pool.view import PoolView
    from carveout.pool.watch import Failed, Watched
    from carveout.report.terminal import Terminal

_EXTENTS_SHOWN = 8
_FAILED_SHOWN = 10
_DIFFERENCES_SHOWN = 5
_PROBLEMS_SHOWN = 10
_INDENT = 2


def render_views(
    views: Sequence[PoolView], *, title: str, notes: Sequence[str], terminal: Terminal, show_all: bool = False
) -> str:
    """Return the state of pools as text. title: what they are of."""
    lines = [terminal.paint("heading", safe(title, ascii_only=terminal.ascii_only))]
    for view in views:
        lines += ["", *_view(view, terminal, show_all=show_all)]
    if views:
        lines += ["", terminal.paint("dim", legend(terminal))]
    return "\n".join([*lines, *notes_lines(notes, terminal)]) + "\n"


def _view(view: PoolView, terminal: Terminal, *, show_all: bool) -> list[str]:
    page = view.page_size
    lines = [pool_title(view.spec, page, ascii_only=terminal.ascii_only)]
    lines += strip_lines(view, terminal, indent=_INDENT)
    free = plural(len(view.free), "free extent")
    lines.append(
        f"  in use {pages_text(view.used_pages, page)}, free {pages_text(view.free_pages, page)} in {free}"
    )
    lines += fitted(f"  largest request that fits: {holes_text(view.holes, page)}", terminal)
    if view.lent:
        lines.append(f"  {pages_text(view.lent, page)} of what is free are lent to the system")
    if view.pinned:
        lines.append(f"  {plural(len(view.pinned), 'page')} cannot be moved")
    largest = sorted(view.free, key=lambda extent: (-extent.pages, extent.pfn))
    shown = view.free if show_all else sorted(largest[:_EXTENTS_SHOWN])
    if len(view.free) > 1 or show_all:
        lines.append("  free:" if len(shown) == len(view.free) else f"  free, the {len(shown)} largest:")
        lines += [f"    {extent_text(extent, page)}  {pages_text(extent.pages, page)}" for extent in shown]
    return lines


def render_replay(
    watched: Watched,
    *,
    title: str,
    terminal: Terminal,
    calibration: Calibration | None = None,
    unit: str = "",
) -> str:
    """Return what came of a trace as text: use of each pool, what failed and why, where a recording differs."""
    header = watched.trace.header
    lines = [terminal.paint("heading", safe(title, ascii_only=terminal.ascii_only)), scene_text(watched)]
    for pool in header.pools:
        lines += ["", *_use(watched, pool.id, terminal)]
    lines += ["", terminal.paint("dim", legend(terminal))]
    lines += _failed(watched, terminal)
    lines += _cost(watched, calibration, unit)
    lines += _differences(watched, terminal)
    lines += problems_lines(watched.trace.problems, terminal)
    return "\n".join([*lines, *notes_lines(header.notes, terminal)]) + "\n"


def scene_text(watched: Watched) -> str:
    """Say what was replayed, and as what."""
    header = watched.trace.header
    policy = "" if watched.policy == "first-fit" else f", {watched.policy}"
    return (
        f"{plural(watched.requests, 'request')}, Linux {safe(header.kernel, limit=40)}, "
        f"{header.page_size >> 10} KiB pages{policy}"
    )


def _use(watched: Watched, pool_id: str, terminal: Terminal) -> list[str]:
    use = watched.uses[pool_id]
    page = watched.trace.header.page_size
    lines = [pool_title(use.spec, page, ascii_only=terminal.ascii_only)]
    lines += strip_lines(watched.view(pool_id), terminal, indent=_INDENT)
    failed = sum(use.failures.values())
    outcome = f"{failed} failed ({failures_text(use.failures)})" if failed else "none failed"
    lines.append(
        f"  {plural(use.requests, 'request')} for memory, {terminal.paint('error' if failed else 'dim', outcome)}"
    )
    lines.append(
        f"  peak {pages_text(use.peak_pages, page)}, highest page used at {pages_text(use.high_water_pages, page)}, "
        f"in use at the end {pages_text(use.pool.used_pages, page)}"
    )
    return lines


def _failed(watched: Watched, terminal: Terminal) -> list[str]:
    if not watched.failed:
        return []
    count = watched.failed_count
    more = f", {watched.outside} of them served outside of the pool" if watched.outside else ""
    lines = ["", terminal.paint("heading", f"{plural(count, 'request')} failed{more}")]
    shown, before = 0, None
    for group in _alike(watched.failed):
        if shown == _FAILED_SHOWN:
            break
        first = group[0]
        # A pool in which nothing has changed since the failure before is not drawn again.
        is_same = first.view is not None and before is not None and first.view.used == before.used
        lines += _one_failed(first, watched.trace.header, terminal, with_view=not is_same)
        if len(group) > 1:
            lines.append(f"    and {len(group) - 1} more like it, up to request {group[-1].number}")
        shown, before = shown + 1, first.view
        count -= len(group)
    if count:
        lines.append(f"  and {count} more: --format json has them")
    return lines


def _alike(failed: Sequence[Failed]) -> Iterator[list[Failed]]:
    # Failures one after the other that ask for the same and fail for the same reason.
    def what(each: Failed) -> tuple[object, ...]:
        request, got = each.result.request, each.result.allocation
        return (
            request.pool,
            request.pages,
            request.align,
            request.size,
            got.reason,
            got.errno,
            each.result.place,
        )

    for _, group in groupby(failed, what):
        yield list(group)


def _one_failed(failed: Failed, header: TraceHeader, terminal: Terminal, *, with_view: bool) -> list[str]:
    result, page = failed.result, header.page_size
    request, got = result.request, result.allocation
    where = f", line {request.line}" if request.line is not None else ""
    served = "; served by the page allocator instead" if result.place == "buddy" else ""
    pool = safe(header.pool(request.pool).name, limit=60, ascii_only=terminal.ascii_only)
    what = f"{asked_text(request, header)} from {pool}: {errno_name(-got.errno)}{served}"
    lines = [f"  request {failed.number}{where}: {what}", f"    {reason_text(got.reason)}"]
    if failed.view is not None and with_view:
        view = failed.view
        lines += strip_lines(view, terminal, indent=4)
        fits = (
            ""
            if got.reason is Reason.BUSY
            else f"; largest request that fits: {holes_text(view.holes, page)}"
        )
        lines.append(f"    free {pages_text(view.free_pages, page)}{fits}")
    if got.reason is Reason.BUSY:
        lines.append(f"    tried in vain: {_addresses(got.busy_pfns, page)}")
    lines += [f"    {terminal.paint('dim', safe(line, limit=200))}" for line in got.lines]
    return [piece for line in lines for piece in fitted(line, terminal)]


def _addresses(pfns: Sequence[int], page: int) -> str:
    shown = ", ".join(f"0x{pfn * page:x}" for pfn in pfns[:4])
    return f"{shown} and {len(pfns) - 4} more" if len(pfns) > 4 else shown


def _cost(watched: Watched, calibration: Calibration | None, unit: str) -> list[str]:
    attempts = sum(use.attempts for use in watched.uses.values())
    scanned = sum(use.scanned for use in watched.uses.values())
    migrated = sum(use.migrated for use in watched.uses.values())
    recorded = [each.migrated for each in watched.trace.recorded.values() if each.migrated is not None]
    lines = [
        "",
        f"cost: {plural(attempts, 'attempt')}, {plural(scanned, 'page')} scanned, {migrated} migrated",
    ]
    if recorded:
        lines.append(f"recorded: {sum(recorded)} pages migrated, for {plural(len(recorded), 'request')}")
        migrated = migrated or sum(recorded)
    if calibration is not None:
        cost = calibration.cost(attempts=attempts, scanned=max(scanned, migrated), migrated=migrated)
        lines.append(f"cost by the given calibration: {cost:.6g}{' ' + unit if unit else ''}")
    return lines


def _differences(watched: Watched, terminal: Terminal) -> list[str]:
    if not watched.compared:
        return []
    if not watched.difference_count:
        return ["", f"recorded and replayed results are equal in all {watched.compared} requests"]
    page = watched.trace.header.page_size
    text = f"{watched.difference_count} of {watched.compared} recorded results differ from the replay"
    lines = ["", terminal.paint("warning", text + "; later ones may follow from the first")]
    for each in watched.differences[:_DIFFERENCES_SHOWN]:
        lines += _one_difference(each, watched.trace.header, page, terminal)
    if watched.difference_count > _DIFFERENCES_SHOWN:
        lines.append(f"  and {watched.difference_count - _DIFFERENCES_SHOWN} more: --format json has them")
    return lines


def _one_difference(each: Difference, header: TraceHeader, page: int, terminal: Terminal) -> list[str]:
    request = each.result.request
    where = f"line {request.line}" if request.line is not None else f"id {request.id}"
    text = (
        f"  {where}: {asked_text(request, header)}: recorded {recorded_text(each, page)}, "
        f"replayed {place_text(each.result, page)}"
    )
    cause = f"    {CAUSES[each.kind]}"
    return [piece for line in (text, cause) for piece in fitted(line, terminal)]


def recorded_text(each: Difference, page: int) -> str:
    """Say what a recording says of a request."""
    recorded = each.recorded
    if recorded.is_outside:
        return "outside of the pool"
    if recorded.is_failure:
        return "failed" if recorded.errno is None else f"failed, {recorded.errno}"
    place = recorded.address if recorded.address is not None else (recorded.pfn or 0) * page
    busy = f" after {plural(len(recorded.busy_pfns), 'busy attempt')}" if recorded.busy_pfns else ""
    return f"0x{place:x}{busy}"


def problems_lines(problems: Sequence[str], terminal: Terminal) -> list[str]:
    """Return the lines of a trace that were left out."""
    if not problems:
        return []
    lines = ["", terminal.paint("warning", f"{plural(len(problems), 'line')} left out")]
    lines += [
        f"  {safe(text, limit=160, ascii_only=terminal.ascii_only)}" for text in problems[:_PROBLEMS_SHOWN]
    ]
    if len(problems) > _PROBLEMS_SHOWN:
        lines.append(f"  and {len(problems) - _PROBLEMS_SHOWN} more")
    return lines


def notes_lines(notes: Iterable[str], terminal: Terminal) -> list[str]:
    """Return what was assumed, one note after the other."""
    lines: list[str] = []
    for note in notes:
        for number, piece in enumerate(wrap(safe(note, ascii_only=terminal.ascii_only), terminal.width - 2)):
            lines.append(("- " if number == 0 else "  ") + piece)
    return ["", "Notes", *lines] if lines else []
