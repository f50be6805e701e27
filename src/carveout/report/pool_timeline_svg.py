# SPDX-License-Identifier: Apache-2.0
"""A pool over time as a picture: who held which pages from the first request to the last, and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.pool_frame import SLIVER, WIDE_POOL, PoolFrame, legend
from carveout.report.pool_words import asked_text, extent_text, pages_text, plural, pool_title, reason_text
from carveout.report.svg_canvas import BOLD_EM, Canvas, columns, fit
from carveout.report.svg_style import STYLE
from carveout.units import format_address
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.pool.timeline import Failure, Stay, Timeline
    from carveout.pool.trace import PoolSpec, TraceHeader

_MOST_BLOCKS = 4000
"""Of the others, the largest areas of the picture are drawn."""


class PoolStory(NamedTuple):
    """What one pool went through."""

    line: Timeline
    spec: PoolSpec
    header: TraceHeader
    high_water: int | None = None
    """Pages; a line is drawn there."""
    window: tuple[int, int] | None = None
    """Requests [first, last) that are shown; None: all."""

    @property
    def shown(self) -> tuple[int, int]:
        """The requests that are shown, [first, last)."""
        return self.window or (0, max(self.line.requests, 1))


def render_timeline(
    line: Timeline, spec: PoolSpec, header: TraceHeader, *, title: str, high_water: int | None = None
) -> str:
    """Return who held which pages from the first request to the last, and below it how much was in use.

    high_water: pages; a line is drawn there.
    """
    canvas, frame = Canvas(), WIDE_POOL
    named = pool_title(spec, header.page_size)
    canvas.text(frame.margin, 38, fit(title, columns(frame.inner_width, 20, BOLD_EM)), "title")
    canvas.text(frame.margin, 60, fit(named, columns(frame.inner_width, 13)), "sub")
    failed = len(line.failures)
    canvas.text(frame.margin, 80, f"{plural(line.requests, 'request')}, {failed or 'none'} failed", "sub")
    y = _picture(canvas, PoolStory(line, spec, header, high_water), 96.0, frame)
    text = f"{named}. {plural(line.requests, 'request')}, {failed} failed."
    return canvas.document(frame.width, y, title=f"Pool over time: {title}", description=text, style=STYLE)


def draw_timeline(story: PoolStory, *, title: str, frame: PoolFrame, mark: str) -> str:
    """Return the picture as an element of a page. mark: what the marks of its stays and failures begin with."""
    canvas = Canvas()
    y = _picture(canvas, story, 10.0, frame, mark=mark)
    return canvas.fragment(frame.width, y, title=f"Pool over time: {title}", classes="strip")


def window_of(line: Timeline, most: int) -> tuple[int, int] | None:
    """Return requests around the first failure that make no more than `most` stays and failures; None: all do."""
    if len(line.stays) + len(line.failures) <= most:
        return None
    middle = line.failures[0].number if line.failures else 0
    low, high = 1, line.requests
    while low < high:
        length = (low + high + 1) // 2
        first, last = _around(middle, length, line.requests)
        count = sum(stay.start < last and stay.end > first for stay in line.stays)
        count += sum(first <= failure.number < last for failure in line.failures)
        low, high = (length, high) if count <= most else (low, length - 1)
    return _around(middle, low, line.requests)


def _around(middle: int, length: int, end: int) -> tuple[int, int]:
    first = min(max(middle - length // 2, 0), end - length)
    return first, first + length


def shown_stays(story: PoolStory) -> Sequence[Stay]:
    """Return the stays in order; where they are too many, those that are the largest areas of the picture."""
    first, last = story.shown
    stays = [stay for stay in story.line.stays if stay.start < last and stay.end > first]
    if len(stays) <= _MOST_BLOCKS:
        return stays
    largest = sorted(stays, key=lambda stay: -(stay.end - stay.start) * stay.extent.pages)
    return sorted(largest[:_MOST_BLOCKS], key=lambda stay: (stay.start, stay.extent))


def shown_failures(story: PoolStory) -> Sequence[Failure]:
    """Return the requests that failed, the first ones where they are too many."""
    first, last = story.shown
    return [failure for failure in story.line.failures if first <= failure.number < last][:_MOST_BLOCKS]


def stay_mark(mark: str, number: int) -> str:
    """Return what a page finds a stay by. number: in the order of time."""
    return f"{mark}s{number}"


def failure_mark(mark: str, failure: Failure) -> str:
    """Return what a page finds a request by that failed."""
    return f"{mark}f{failure.number}"


def _picture(canvas: Canvas, story: PoolStory, top: float, frame: PoolFrame, *, mark: str = "") -> float:
    line = story.line
    _pages_plot(canvas, story, top, frame, mark)
    y = _use_plot(canvas, story, top + frame.height + 46, frame)
    entries = [("held by a request", "k-cma solid")]
    if any(stay.id is None for stay in line.stays):
        entries.append(("held from before the first", "k-boot solid"))
    if story.high_water:
        entries.append(("highest page used", "ghost"))
    if line.failures:
        entries.append(("a request that failed", "bad"))
    return legend(canvas, y + 34, entries, frame)


def _pages_plot(canvas: Canvas, story: PoolStory, top: float, frame: PoolFrame, mark: str) -> None:
    spec = story.spec
    first, last = story.shown
    page, left, width = story.header.page_size, frame.left, frame.plot_width
    canvas.rect(left, top, width, frame.height, "k-free")
    for number, stay in enumerate(shown_stays(story)):
        _stay(canvas, stay, story, top, frame, stay_mark(mark, number) if mark else "")
    for failure in shown_failures(story):
        x = left + (failure.number + 0.5 - first) * width / (last - first)
        canvas.open_group(failure_text(failure, story.header), failure_mark(mark, failure) if mark else "")
        canvas.rect(x - 0.7, top, 1.4, frame.height, "bad")
        canvas.close_group()
    if story.high_water:
        y = _y(spec, spec.base_pfn + story.high_water, top, frame)
        canvas.path([(left, y), (left + width, y)], "ghost-line")
    canvas.rect(left, top, width, frame.height, "frame")
    for share in range(5):
        pfn = spec.base_pfn + spec.pages * share // 4
        y = _y(spec, pfn, top, frame)
        canvas.path([(left - 6, y), (left, y)], "tick-line")
        canvas.text(left - 9, y + 3.5, format_address(pfn * page), "tick")
    ends = ("first request", "last request")
    if story.window is not None:
        ends = (f"request {first + 1}", f"request {last}")
    canvas.text(left, top + frame.height + 16, ends[0], "muted")
    canvas.text(left + width - 5.5 * len(ends[1]), top + frame.height + 16, ends[1], "muted")


def failure_text(failure: Failure, header: TraceHeader) -> str:
    """Say which request failed, what it asked for and why it got nothing."""
    result = failure.result
    asked = asked_text(result.request, header)
    return f"request {failure.number + 1}: {asked}: {reason_text(result.allocation.reason)}"


def stay_text(stay: Stay, page_size: int) -> str:
    """Say which pages a request held."""
    who = f"request {stay.start + 1}" if stay.id is not None else "before the first request"
    return f"{who}: {extent_text(stay.extent, page_size)}"


def _y(spec: PoolSpec, pfn: int, top: float, frame: PoolFrame) -> float:
    # Low addresses at the bottom: first fit fills from there.
    return top + frame.height * (1 - (pfn - spec.base_pfn) / spec.pages)


def _stay(canvas: Canvas, stay: Stay, story: PoolStory, top: float, frame: PoolFrame, mark: str) -> None:
    first, last = story.shown
    scale = frame.plot_width / (last - first)
    start, end = max(stay.start, first), min(stay.end, last)
    low, high = (_y(story.spec, pfn, top, frame) for pfn in (stay.extent.pfn, stay.extent.end))
    canvas.open_group(stay_text(stay, story.header.page_size), mark)
    canvas.rect(
        frame.left + (start - first) * scale,
        high,
        max((end - start) * scale, SLIVER),
        max(low - high, SLIVER),
        f"{'k-cma' if stay.id is not None else 'k-boot'} {'solid' if low - high > 8 else 'thin'}",
    )
    canvas.close_group()


def _use_plot(canvas: Canvas, story: PoolStory, top: float, frame: PoolFrame) -> float:
    line, page, left, width = story.line, story.header.page_size, frame.left, frame.plot_width
    most = max((point.used_pages for point in line.points), default=0)
    ceiling = max(story.spec.pages, most, 1)
    step = max(len(line.points) // int(width), 1)
    points = []
    for index in range(0, len(line.points), step):
        chunk = line.points[index : index + step]
        highest = max(chunk, key=lambda point: point.used_pages)
        x = left + highest.number * width / max(line.requests, 1)
        points.append((x, top + frame.use_height * (1 - highest.used_pages / ceiling)))
    bottom = top + frame.use_height
    canvas.rect(left, top, width, frame.use_height, "k-free")
    if points:
        canvas.path([(points[0][0], bottom), *points, (points[-1][0], bottom)], "k-cma thin", closed=True)
    canvas.rect(left, top, width, frame.use_height, "frame")
    canvas.text(left - 9, top + 8, pages_text(ceiling, page), "tick")
    canvas.text(left - 9, bottom, "0", "tick")
    when = f", of all {line.requests} requests" if story.window is not None else ""
    canvas.text(left, bottom + 16, f"in use{when}, at most {pages_text(most, page)}", "muted")
    return bottom
