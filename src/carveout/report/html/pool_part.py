# SPDX-License-Identifier: Apache-2.0
"""A pool while a trace ran, as a part of a page: pictures, the table that says the same, and what was assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carveout.report.html.template import markup
from carveout.report.pool_frame import NARROW_POOL, WIDE_POOL
from carveout.report.pool_svg import draw_strips, view_text
from carveout.report.pool_timeline_svg import (
    PoolStory,
    draw_timeline,
    failure_mark,
    shown_failures,
    shown_stays,
    stay_mark,
    stay_text,
    window_of,
)
from carveout.report.pool_words import (
    asked_text,
    extent_text,
    failures_text,
    pages_text,
    plural,
    pool_title,
    reason_text,
)
from carveout.report.words import errno_name
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from carveout.pool.timeline import Failure, Stay, Timeline
    from carveout.pool.trace import TraceHeader
    from carveout.pool.view import PoolView
    from carveout.pool.watch import Watched

_MOST_SHOWN = 1000
"""Stays and failures: each is drawn twice and is a row of the table."""
_FAILURES_DRAWN = 3


class PoolRun(NamedTuple):
    """One pool of a scene, and what a trace made of it."""

    trace: str
    """What the trace is called."""
    watched: Watched
    """Of a trace with this pool alone."""
    line: Timeline


def pool_part(run: PoolRun, mark: str) -> dict[str, Any]:
    """Return what the page shows of a pool. mark: what the marks of its requests begin with, which are its own."""
    watched = run.watched
    header = watched.trace.header
    (spec,) = header.pools
    use = watched.uses[spec.id]
    window = window_of(run.line, _MOST_SHOWN)
    story = PoolStory(run.line, spec, header, use.high_water_pages, window=window)
    title = pool_title(spec, header.page_size)
    return {
        "title": title,
        "trace": run.trace,
        "facts": _facts(watched, spec.id),
        "differs": _differs(watched),
        "wide": markup(draw_timeline(story, title=title, frame=WIDE_POOL, mark=mark)),
        "narrow": markup(draw_timeline(story, title=title, frame=NARROW_POOL, mark=mark)),
        "strips": _strips(watched, spec.id),
        "rows": _rows(story, mark),
        "window": _window(story),
        "notes": [*header.notes, *watched.trace.problems],
    }


def _window(story: PoolStory) -> str:
    if story.window is None:
        return ""
    first, last = story.window
    why = ", around the first that failed" if story.line.failures else ""
    return f"Requests {first + 1} to {last} of {story.line.requests} are drawn and listed{why}: see carveout pool replay."


def _facts(watched: Watched, pool_id: str) -> list[str]:
    use = watched.uses[pool_id]
    page = watched.trace.header.page_size
    failed = sum(use.failures.values())
    outcome = f"{failed} failed ({failures_text(use.failures)})" if failed else "none failed"
    outside = f", {watched.outside} of them served outside of the pool" if watched.outside else ""
    return [
        f"{plural(use.requests, 'request')} for memory, {outcome}{outside}.",
        f"Peak {pages_text(use.peak_pages, page)}, highest page used at {pages_text(use.high_water_pages, page)}.",
    ]


def _differs(watched: Watched) -> str:
    if not watched.compared:
        return ""
    if not watched.difference_count:
        return f"Recorded and replayed results are equal in all {watched.compared} requests."
    count, first = watched.difference_count, watched.differences[0].result.request
    where = f"line {first.line}" if first.line is not None else f"id {first.id}"
    return f"{count} of {watched.compared} recorded results differ from the replay, the first at {where}: see carveout pool replay."


def _strips(watched: Watched, pool_id: str) -> list[dict[str, Any]]:
    # How the pool was when the first requests failed, and in the end.
    moments: list[tuple[str, PoolView]] = []
    for failed in watched.failed:
        # A pool in which nothing has changed since the failure before is not drawn again.
        if failed.view is None or len(moments) == _FAILURES_DRAWN:
            break
        if not moments or failed.view.used != moments[-1][1].used:
            moments.append((f"When request {failed.number} failed", failed.view))
    moments.append(("After the last request", watched.view(pool_id)))
    return [
        {
            "when": when,
            "text": view_text(view),
            "wide": markup(draw_strips(view, WIDE_POOL)),
            "narrow": markup(draw_strips(view, NARROW_POOL)),
        }
        for when, view in moments
    ]


def _rows(story: PoolStory, mark: str) -> list[dict[str, Any]]:
    rows = [
        (stay.start, _stay_row(stay, stay_mark(mark, number), story))
        for number, stay in enumerate(shown_stays(story))
    ]
    rows += [
        (failure.number, _failure_row(failure, failure_mark(mark, failure), story.header))
        for failure in shown_failures(story)
    ]
    return [row for _, row in sorted(rows, key=lambda each: each[0])]


def _stay_row(stay: Stay, mark: str, story: PoolStory) -> dict[str, Any]:
    page = story.header.page_size
    is_kept = stay.end >= story.line.requests
    return {
        "mark": mark,
        "request": stay.start + 1 if stay.id is not None else "before the first",
        "place": extent_text(stay.extent, page),
        "size": pages_text(stay.extent.pages, page),
        "until": "the end" if is_kept else f"request {stay.end + 1}",
        "name": stay_text(stay, page),
        "why": "",
    }


def _failure_row(failure: Failure, mark: str, header: TraceHeader) -> dict[str, Any]:
    request, got = failure.result.request, failure.result.allocation
    where = f", line {request.line} of the trace" if request.line is not None else ""
    served = "; served by the page allocator instead" if failure.result.place == "buddy" else ""
    return {
        "mark": mark,
        "request": failure.number + 1,
        "place": "failed",
        "size": asked_text(request, header),
        "until": "",
        "name": f"request {failure.number + 1} failed",
        "why": f"{errno_name(-got.errno)}{served}: {reason_text(got.reason)}{where}",
    }
