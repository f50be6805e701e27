# SPDX-License-Identifier: Apache-2.0
"""Parts that several pictures of memory are made of: a column of RAM with its axis, a legend, notes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from carveout.report.intervals import subtract
from carveout.report.layout import SpanKind
from carveout.report.svg_canvas import columns, wrapped
from carveout.report.svg_frame import WIDE, Frame
from carveout.report.svg_labels import is_dynamic, is_nomap, row_mark
from carveout.report.svg_scale import BREAK_HEIGHT, ticks
from carveout.report.svg_style import LEGEND, fill_class
from carveout.units import format_address, format_size_about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.report.layout import DisplaySpan, Layout
    from carveout.report.svg_canvas import Canvas
    from carveout.report.svg_scale import Scale, Segment

WIDTH = WIDE.width
MARGIN = WIDE.margin
COLUMN_WIDTH = WIDE.column_width
MIN_SLIVER = 1.6
_FREE_TEXT_FROM = 17.0
_TICK_SPACING = 46.0
_MAX_TICKS = 20
_FARTHEST_TICKS = 300.0
"""In a very tall picture, so that one is always in sight."""
_NOTES_SHOWN = 8


def column(
    canvas: Canvas,
    layout: Layout,
    scale: Scale,
    *,
    x: float,
    width: float = COLUMN_WIDTH,
    with_axis: bool = True,
    marked: bool = False,
) -> None:
    """Draw RAM, low addresses on top, and what holds it.

    x, width: of the column. with_axis: addresses to the left of it. marked: a page finds each row.
    """
    for bank in layout.banks:
        start, end = scale.extent(bank)
        canvas.rect(x, start, width, end - start, "k-free")
    # The largest first, so that a small span on a large one is seen.
    for number, row in sorted(enumerate(layout.spans), key=lambda item: (-item[1].span.size, item[1].span)):
        if row.kind in (SpanKind.FREE, SpanKind.HOLE):
            continue
        if marked:
            canvas.open_group(row.label, row_mark(number))
        _column_span(canvas, row, scale, x, width)
        if marked:
            canvas.close_group()
    for row in layout.spans:
        start, end = scale.extent(row.span)
        is_wide = width >= COLUMN_WIDTH
        if row.kind is SpanKind.FREE and end - start >= _FREE_TEXT_FROM and is_wide:
            text = f"free {format_size_about(row.span.size)}"
            canvas.text(x + width / 2, (start + end) / 2 + 4, text, "inside")
    for segment in scale.segments:
        # A solid edge around RAM, a dotted one around addresses beside it: a hole, or what the other boot has more.
        for part in subtract([segment.span], layout.banks):
            start, end = scale.extent(part)
            canvas.rect(x, start, width, end - start, "outside")
        if with_axis:
            _ticks(canvas, layout, scale, segment, x)
    for bank in layout.banks:
        start, end = scale.extent(bank)
        canvas.rect(x, start, width, end - start, "frame")
    for low, high in pairwise(scale.segments):
        size = format_size_about(high.span.start - low.span.end)
        _break(canvas, low.top + low.height, x, width)
        if width >= COLUMN_WIDTH:
            middle = low.top + low.height + BREAK_HEIGHT / 2 + 4
            canvas.text(x + width / 2, middle, f"{size} not shown", "inside")
        elif with_axis:
            # Among the addresses, where the column is too narrow for it.
            lines = (size, "not shown") if low.to_scale else ("", f"{size} cut")
            for line, text in enumerate(lines):
                canvas.text(x - 9, low.top + low.height + 15 + 12 * line, text, "tick")
    for segment in scale.segments if with_axis else ():
        if not segment.to_scale:
            canvas.text(x - 9, segment.top + segment.height + 15, "enlarged", "tick")


def _column_span(canvas: Canvas, row: DisplaySpan, scale: Scale, x: float, width: float) -> None:
    start, end = scale.extent(row.span)
    height = max(end - start, MIN_SLIVER)
    outline = "thin" if height < 6 else "dashed" if is_dynamic(row) else "solid"
    canvas.rect(x, start, width, height, f"{fill_class(row)} {outline}")
    if is_nomap(row) and height >= 3:
        canvas.rect(x, start, width, height, "hatch")


def _ticks(canvas: Canvas, layout: Layout, scale: Scale, segment: Segment, x: float) -> None:
    spacing = min(max(_TICK_SPACING, segment.height / _MAX_TICKS), _FARTHEST_TICKS)
    marks = [(address, "tick") for address in ticks(segment, spacing)]
    marks += [(segment.span.start, "tick edge"), (segment.span.end, "tick edge")]
    for address, classes in sorted(marks):
        y = scale.extent(segment.span)[0] + segment.height * (
            (address - segment.span.start) / segment.span.size
        )
        canvas.path([(x - 6, y), (x, y)], "tick-line")
        canvas.text(x - 9, y + 3.5, format_address(address, layout.digits), classes)


def _break(canvas: Canvas, y: float, x: float, width: float) -> None:
    for offset in (5.0, BREAK_HEIGHT - 5.0):
        steps = int(width // 10) + 1
        points = [(x + 10 * step, y + offset + (2.5 if step % 2 else -2.5)) for step in range(steps)]
        canvas.path(points, "break")


def legend(canvas: Canvas, layouts: Sequence[Layout], y: float, frame: Frame = WIDE) -> float:
    """Draw what the colours and lines of these maps mean; returns where the next thing may begin."""
    rows = [row for layout in layouts for row in layout.spans]
    kinds = {fill_class(row) for row in rows}
    entries = [(words, f"{kind} solid", False) for kind, words in LEGEND.items() if kind in kinds]
    if any(is_nomap(row) for row in rows):
        entries.append(("no-map: the kernel does not map it", "k-any solid", True))
    if any(is_dynamic(row) for row in rows):
        entries.append(("dynamic: the kernel chose the place", "k-free dashed", False))
    if any(layout.failed for layout in layouts):
        entries.append(("asked for, not placed", "ghost", False))
    x = frame.margin
    for words, classes, hatched in entries:
        width = 30 + 7.0 * len(words) + 18
        if x + width > frame.width - frame.margin and x > frame.margin:
            x, y = frame.margin, y + 24
        canvas.rect(x, y - 11, 22, 14, classes)
        if hatched:
            canvas.rect(x, y - 11, 22, 14, "hatch")
        canvas.text(x + 29, y, words, "legend")
        x += width
    return y + 24


def notes(canvas: Canvas, texts: Sequence[str], y: float, frame: Frame = WIDE) -> float:
    """Write notes, the first few of them; returns where the next thing may begin."""
    if not texts:
        return y
    canvas.text(frame.margin, y + 8, "Notes", "head")
    y += 8
    shown = list(texts[:_NOTES_SHOWN])
    if len(texts) > len(shown):
        shown.append(f"and {len(texts) - len(shown)} more: the text map has them all")
    for note in shown:
        for number, line in enumerate(wrapped(note, columns(frame.width - 2 * frame.margin - 14, 11))):
            y += 17 if number == 0 else 14
            canvas.text(
                frame.margin + (0 if number == 0 else 10),
                y,
                line if number else f"\N{BULLET} {line}",
                "muted",
            )
    return y + 22
