# SPDX-License-Identifier: Apache-2.0
"""Pools as pictures: what is in use now, and who held which pages while a trace ran."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.pool.runs import extents_of, page_set
from carveout.report.pool_words import (
    asked_text,
    extent_text,
    holes_text,
    pages_text,
    plural,
    pool_title,
    reason_text,
)
from carveout.report.svg_canvas import BOLD_EM, Canvas, columns
from carveout.report.svg_style import STYLE
from carveout.report.words import fit
from carveout.units import format_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.pool.timeline import Stay, Timeline
    from carveout.pool.trace import Extent, PoolSpec, TraceHeader
    from carveout.pool.view import PoolView

WIDTH = 960.0
_MARGIN = 24.0
_STRIP = 34.0
_SLIVER = 0.6
_MOST_BLOCKS = 4000
"""More than the picture has room for are put together by columns of pixels."""

_LEFT = 120.0
_PLOT_WIDTH = WIDTH - _LEFT - _MARGIN
_PLOT_HEIGHT = 340.0
_USE_HEIGHT = 110.0


def render_views(views: Sequence[PoolView], *, title: str) -> str:
    """Return the state of pools as a picture: a strip for each of their ranges. title: what they are of."""
    canvas = Canvas()
    canvas.text(_MARGIN, 38, fit(title, columns(WIDTH - 2 * _MARGIN, 20, BOLD_EM)), "title")
    y = 70.0
    for view in views:
        y = _view(canvas, view, y)
    y = _legend(
        canvas, y + 8, [("in use", "k-cma solid"), ("free", "k-free solid"), ("cannot be moved", "bad")]
    )
    text = "; ".join(
        f"{view.spec.name}: {pages_text(view.used_pages, view.page_size)} of "
        f"{pages_text(view.spec.pages, view.page_size)} in use"
        for view in views
    )
    return canvas.document(WIDTH, y, title=f"Pools of {title}", description=text, style=STYLE)


def _view(canvas: Canvas, view: PoolView, y: float) -> float:
    page = view.page_size
    canvas.text(
        _MARGIN, y, fit(pool_title(view.spec, page), columns(WIDTH - 2 * _MARGIN, 12.5, BOLD_EM)), "name"
    )
    y += 10
    width = WIDTH - 2 * _MARGIN
    for part in view.ranges:
        canvas.rect(_MARGIN, y, width, _STRIP, "k-free")
        for extent in _fewer(view.used, part, int(width * 2)):
            x = _MARGIN + (extent.pfn - part.pfn) * width / part.pages
            canvas.open_group(f"{extent_text(extent, page)} in use, {pages_text(extent.pages, page)}")
            canvas.rect(x, y, max(extent.pages * width / part.pages, _SLIVER), _STRIP, "k-cma thin")
            canvas.close_group()
        for pfn in view.pinned[:_MOST_BLOCKS]:
            if part.pfn <= pfn < part.end:
                canvas.rect(_MARGIN + (pfn - part.pfn) * width / part.pages, y, 1, _STRIP, "bad")
        canvas.rect(_MARGIN, y, width, _STRIP, "frame")
        y += _STRIP + 14
        canvas.text(_MARGIN, y, format_address(part.pfn * page), "mono")
        end = format_address(part.end * page)
        canvas.text(WIDTH - _MARGIN - 7.0 * len(end), y, end, "mono")
        y += 16
    free = plural(len(view.free), "free extent")
    canvas.text(
        _MARGIN,
        y,
        f"in use {pages_text(view.used_pages, page)}, free {pages_text(view.free_pages, page)} in {free}; "
        f"largest request that fits: {holes_text(view.holes, page)}",
        "muted",
    )
    return y + 30


def _fewer(extents: Sequence[Extent], part: Extent, most: int) -> Sequence[Extent]:
    # Extents nearer to each other than a pixel look like one.
    inside = [extent for extent in extents if extent.end > part.pfn and extent.pfn < part.end]
    if len(inside) <= most:
        return inside
    gap = max(part.pages // most, 1)
    return extents_of(page_set(extent._replace(pages=extent.pages + gap) for extent in inside))


def render_timeline(
    line: Timeline, spec: PoolSpec, header: TraceHeader, *, title: str, high_water: int | None = None
) -> str:
    """Return who held which pages from the first request to the last, and below it how much was in use.

    high_water: pages; a line is drawn there.
    """
    canvas = Canvas()
    page = header.page_size
    canvas.text(_MARGIN, 38, fit(title, columns(WIDTH - 2 * _MARGIN, 20, BOLD_EM)), "title")
    canvas.text(_MARGIN, 60, fit(pool_title(spec, page), columns(WIDTH - 2 * _MARGIN, 13)), "sub")
    failed = len(line.failures)
    canvas.text(_MARGIN, 80, f"{plural(line.requests, 'request')}, {failed or 'none'} failed", "sub")
    top = 96.0
    _pages_plot(canvas, line, spec, header, top, high_water)
    y = _use_plot(canvas, line, spec, page, top + _PLOT_HEIGHT + 46)
    entries = [("held by a request", "k-cma solid")]
    if any(stay.id is None for stay in line.stays):
        entries.append(("held from before the first", "k-boot solid"))
    if high_water:
        entries.append(("highest page used", "ghost"))
    if failed:
        entries.append(("a request that failed", "bad"))
    y = _legend(canvas, y + 34, entries)
    text = f"{pool_title(spec, page)}. {plural(line.requests, 'request')}, {failed} failed."
    return canvas.document(WIDTH, y, title=f"Pool over time: {title}", description=text, style=STYLE)


def _pages_plot(
    canvas: Canvas, line: Timeline, spec: PoolSpec, header: TraceHeader, top: float, high_water: int | None
) -> None:
    page = header.page_size
    canvas.rect(_LEFT, top, _PLOT_WIDTH, _PLOT_HEIGHT, "k-free")
    for stay in _stays(line):
        _stay(canvas, stay, line, spec, header, top)
    for failure in line.failures[:_MOST_BLOCKS]:
        x = _LEFT + (failure.number + 0.5) * _PLOT_WIDTH / max(line.requests, 1)
        result = failure.result
        canvas.open_group(
            f"request {failure.number + 1}: {asked_text(result.request, header)}: "
            f"{reason_text(result.allocation.reason)}"
        )
        canvas.rect(x - 0.7, top, 1.4, _PLOT_HEIGHT, "bad")
        canvas.close_group()
    if high_water:
        y = _y(spec, spec.base_pfn + high_water, top)
        canvas.path([(_LEFT, y), (_LEFT + _PLOT_WIDTH, y)], "ghost-line")
    canvas.rect(_LEFT, top, _PLOT_WIDTH, _PLOT_HEIGHT, "frame")
    for share in range(5):
        pfn = spec.base_pfn + spec.pages * share // 4
        y = _y(spec, pfn, top)
        canvas.path([(_LEFT - 6, y), (_LEFT, y)], "tick-line")
        canvas.text(_LEFT - 9, y + 3.5, format_address(pfn * page), "tick")
    canvas.text(_LEFT, top + _PLOT_HEIGHT + 16, "first request", "muted")
    canvas.text(_LEFT + _PLOT_WIDTH - 66, top + _PLOT_HEIGHT + 16, "last request", "muted")


def _y(spec: PoolSpec, pfn: int, top: float) -> float:
    # Low addresses at the bottom: first fit fills from there.
    return top + _PLOT_HEIGHT * (1 - (pfn - spec.base_pfn) / spec.pages)


def _stay(
    canvas: Canvas, stay: Stay, line: Timeline, spec: PoolSpec, header: TraceHeader, top: float
) -> None:
    scale = _PLOT_WIDTH / max(line.requests, 1)
    low, high = _y(spec, stay.extent.pfn, top), _y(spec, stay.extent.end, top)
    who = f"request {stay.start + 1}" if stay.id is not None else "before the first request"
    canvas.open_group(f"{who}: {extent_text(stay.extent, header.page_size)}")
    canvas.rect(
        _LEFT + stay.start * scale,
        high,
        max((stay.end - stay.start) * scale, _SLIVER),
        max(low - high, _SLIVER),
        f"{'k-cma' if stay.id is not None else 'k-boot'} {'solid' if low - high > 8 else 'thin'}",
    )
    canvas.close_group()


def _stays(line: Timeline) -> Sequence[Stay]:
    # The largest areas of the picture, when there are more than it can hold.
    if len(line.stays) <= _MOST_BLOCKS:
        return line.stays
    largest = sorted(line.stays, key=lambda stay: -(stay.end - stay.start) * stay.extent.pages)
    return sorted(largest[:_MOST_BLOCKS], key=lambda stay: stay.start)


def _use_plot(canvas: Canvas, line: Timeline, spec: PoolSpec, page: int, top: float) -> float:
    most = max((point.used_pages for point in line.points), default=0)
    ceiling = max(spec.pages, most, 1)
    step = max(len(line.points) // int(_PLOT_WIDTH), 1)
    points = []
    for index in range(0, len(line.points), step):
        chunk = line.points[index : index + step]
        highest = max(chunk, key=lambda point: point.used_pages)
        x = _LEFT + highest.number * _PLOT_WIDTH / max(line.requests, 1)
        points.append((x, top + _USE_HEIGHT * (1 - highest.used_pages / ceiling)))
    canvas.rect(_LEFT, top, _PLOT_WIDTH, _USE_HEIGHT, "k-free")
    if points:
        area = [(points[0][0], top + _USE_HEIGHT), *points, (points[-1][0], top + _USE_HEIGHT)]
        canvas.path(area, "k-cma thin", closed=True)
    canvas.rect(_LEFT, top, _PLOT_WIDTH, _USE_HEIGHT, "frame")
    canvas.text(_LEFT - 9, top + 8, pages_text(ceiling, page), "tick")
    canvas.text(_LEFT - 9, top + _USE_HEIGHT, "0", "tick")
    canvas.text(_LEFT, top + _USE_HEIGHT + 16, f"in use, at most {pages_text(most, page)}", "muted")
    return top + _USE_HEIGHT


def _legend(canvas: Canvas, y: float, entries: Sequence[tuple[str, str]]) -> float:
    x = _MARGIN
    for words, classes in entries:
        canvas.rect(x, y - 11, 22, 14, classes)
        canvas.text(x + 29, y, words, "legend")
        x += 47 + 7.0 * len(words) + 18
    return y + 24
