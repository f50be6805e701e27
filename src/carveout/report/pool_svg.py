# SPDX-License-Identifier: Apache-2.0
"""Pools as pictures: what is in use at one moment, a strip for each of their ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.pool.runs import extents_of, page_set
from carveout.report.pool_frame import SLIVER, WIDE_POOL, PoolFrame, legend
from carveout.report.pool_words import extent_text, holes_text, pages_text, plural, pool_title
from carveout.report.svg_canvas import BOLD_EM, Canvas, columns, fit
from carveout.report.svg_style import STYLE
from carveout.units import format_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.pool.trace import Extent
    from carveout.pool.view import PoolView

_STRIP = 34.0
_MOST_BLOCKS = 4000
"""More than the picture has room for are put together by columns of pixels."""

_LEGEND = [("in use", "k-cma solid"), ("free", "k-free solid"), ("cannot be moved", "bad")]


def render_views(views: Sequence[PoolView], *, title: str) -> str:
    """Return the state of pools as a picture: a strip for each of their ranges. title: what they are of."""
    canvas, frame = Canvas(), WIDE_POOL
    canvas.text(frame.margin, 38, fit(title, columns(frame.inner_width, 20, BOLD_EM)), "title")
    y = 70.0
    for view in views:
        y = _view(canvas, view, y, frame)
    y = legend(canvas, y + 8, _LEGEND, frame)
    text = "; ".join(
        f"{view.spec.name}: {pages_text(view.used_pages, view.page_size)} of "
        f"{pages_text(view.spec.pages, view.page_size)} in use"
        for view in views
    )
    return canvas.document(frame.width, y, title=f"Pools of {title}", description=text, style=STYLE)


def draw_strips(view: PoolView, frame: PoolFrame) -> str:
    """Return the strips of a pool as an element of a page, which says in words what they show."""
    canvas = Canvas()
    y = _strips(canvas, view, 1.0, frame)
    return canvas.fragment(frame.width, y, title=view_text(view), classes="strip")


def view_text(view: PoolView) -> str:
    """Say how much of a pool is in use and free, and the largest request that still fits."""
    page = view.page_size
    free = plural(len(view.free), "free extent")
    return (
        f"in use {pages_text(view.used_pages, page)}, free {pages_text(view.free_pages, page)} in {free}; "
        f"largest request that fits: {holes_text(view.holes, page)}"
    )


def _view(canvas: Canvas, view: PoolView, y: float, frame: PoolFrame) -> float:
    title = fit(pool_title(view.spec, view.page_size), columns(frame.inner_width, 12.5, BOLD_EM))
    canvas.text(frame.margin, y, title, "name")
    y = _strips(canvas, view, y + 10, frame)
    canvas.text(frame.margin, y, view_text(view), "muted")
    return y + 30


def _strips(canvas: Canvas, view: PoolView, y: float, frame: PoolFrame) -> float:
    page, left, width = view.page_size, frame.margin, frame.inner_width
    for part in view.ranges:
        canvas.rect(left, y, width, _STRIP, "k-free")
        for extent in _fewer(view.used, part, int(width * 2)):
            x = left + (extent.pfn - part.pfn) * width / part.pages
            canvas.open_group(f"{extent_text(extent, page)} in use, {pages_text(extent.pages, page)}")
            canvas.rect(x, y, max(extent.pages * width / part.pages, SLIVER), _STRIP, "k-cma thin")
            canvas.close_group()
        for pfn in view.pinned[:_MOST_BLOCKS]:
            if part.pfn <= pfn < part.end:
                canvas.rect(left + (pfn - part.pfn) * width / part.pages, y, 1, _STRIP, "bad")
        canvas.rect(left, y, width, _STRIP, "frame")
        y += _STRIP + 14
        canvas.text(left, y, format_address(part.pfn * page), "mono")
        end = format_address(part.end * page)
        canvas.text(frame.width - frame.margin - 7.0 * len(end), y, end, "mono")
        y += 16
    return y


def _fewer(extents: Sequence[Extent], part: Extent, most: int) -> Sequence[Extent]:
    # Extents nearer to each other than a pixel look like one.
    inside = [extent for extent in extents if extent.end > part.pfn and extent.pfn < part.end]
    if len(inside) <= most:
        return inside
    gap = max(part.pages // most, 1)
    return extents_of(page_set(extent._replace(pages=extent.pages + gap) for extent in inside))
