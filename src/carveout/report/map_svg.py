# SPDX-License-Identifier: Apache-2.0
"""The map as one SVG picture for a board's documentation.

On the left RAM to scale, low addresses on top, the axis broken at large holes. Each span that somebody
holds is drawn there, however thin it gets, and magnified to a readable block on the right, to which a wedge
leads. No-map is hatched, dynamic dashed, a request without a place an empty dotted block.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from carveout.report.intervals import union
from carveout.report.layout import SpanKind, lay_out
from carveout.report.svg_canvas import BOLD_EM, Canvas, columns
from carveout.report.svg_frame import BESIDE_ROOM, SIZE_ROOM, WIDE, Frame
from carveout.report.svg_labels import (
    GAP,
    LINE_HEIGHT,
    PADDING,
    is_dynamic,
    is_nomap,
    labels,
    place,
    row_mark,
)
from carveout.report.svg_scale import BREAK_HEIGHT, Scale, ticks
from carveout.report.svg_style import LEGEND, STYLE, fill_class
from carveout.report.terminal import wrap
from carveout.report.words import exactness_text, fit, safe, scene_line, verdict
from carveout.units import format_address, format_size_about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot.result import Boot
    from carveout.report.layout import DisplaySpan, Layout
    from carveout.report.svg_labels import Label
    from carveout.span import Span

_MIN_HEIGHT = 480.0
_MIN_SLIVER = 1.6
_FREE_TEXT_FROM = 17.0
_TICK_SPACING = 46.0
_INSIDE_SIZE = 11
# Of the lines under the title, which are mostly digits and lower case.
_HEAD_EM = 0.56
_MAX_TICKS = 20
_NOTES_SHOWN = 8


def render_svg(boot: Boot, *, title: str, frame: Frame = WIDE) -> str:
    """Return the map of a boot as an SVG document.

    title: what was simulated, for example the file name. frame: for how wide a place it is drawn.
    """
    layout = lay_out(boot)
    canvas = Canvas()
    top = _heading(canvas, boot, layout, title, frame)
    y, _ = _picture(canvas, boot, layout, top, frame)
    y = _notes(canvas, boot.notes, y, frame)
    return canvas.document(
        frame.width, y, title=f"Memory map of {title}", description=_description(boot, layout), style=STYLE
    )


def draw_for_page(boot: Boot, layout: Layout, *, title: str, frame: Frame) -> tuple[str, Scale]:
    """Return the picture without heading and notes, with marks on all that has a row; and where addresses lie in it."""
    canvas = Canvas()
    y, scale = _picture(canvas, boot, layout, 0.0, frame, marked=True)
    return canvas.fragment(frame.width, y, title=f"Memory map of {title}"), scale


def _picture(
    canvas: Canvas, boot: Boot, layout: Layout, top: float, frame: Frame, *, marked: bool = False
) -> tuple[float, Scale]:
    # Column, labels and legend; returns where they end.
    found = labels(layout, frame.text_width, compact=frame.has_room_beside)
    wanted_height = sum(label.height + GAP for label in found)
    scale = Scale(
        _shown(layout, found),
        ram_known=boot.ram_known,
        top=top + 14,
        height=max(_MIN_HEIGHT, wanted_height),
    )
    if scale.segments:
        _column(canvas, layout, scale, frame, marked=marked)
    bottom = _labels(canvas, found, scale, top + 6, frame, marked=marked)
    return _legend(canvas, layout, max(bottom, scale.bottom) + 34, frame), scale


def _shown(layout: Layout, found: Sequence[Label]) -> list[Span]:
    spans = [row.span for row in layout.spans if row.kind is not SpanKind.HOLE]
    return union([*layout.banks, *spans, *(label.anchor for label in found if label.anchor is not None)])


def _heading(canvas: Canvas, boot: Boot, layout: Layout, title: str, frame: Frame) -> float:
    canvas.text(frame.margin, 38, fit(title, columns(frame.width - 2 * frame.margin, 20, BOLD_EM)), "title")
    y = 60.0
    facts = (f"{scene_line(boot)}: {exactness_text(boot).partition(',')[0]}", _totals_line(layout))
    for fact in facts:
        for line in wrap(fact, columns(frame.width - 2 * frame.margin, 13, _HEAD_EM)):
            canvas.text(frame.margin, y, line, "sub")
            y += 20
    y -= 4
    bad = verdict(boot)
    if bad is not None:
        lines = wrap(safe(bad), columns(frame.width - 2 * frame.margin - 24, 14, BOLD_EM))
        canvas.rect(frame.margin, y, frame.width - 2 * frame.margin, 14 + 19 * len(lines), "banner")
        for number, line in enumerate(lines):
            canvas.text(frame.margin + 12, y + 20 + 19 * number, line, "banner-text")
        y += 26 + 19 * len(lines)
    return y


def _totals_line(layout: Layout) -> str:
    sums = layout.totals
    if sums is None:
        return "RAM: unknown, pass --memory SIZE@BASE"
    parts = [
        f"RAM {format_size_about(sums.ram)}",
        f"no-map {format_size_about(sums.nomap)}",
        f"reserved {format_size_about(sums.reserved)}",
        f"left to the system {format_size_about(sums.system)}",
    ]
    if sums.cma:
        parts[2] += f" (CMA {format_size_about(sums.cma)})"
    return " \N{MIDDLE DOT} ".join(parts)


def _description(boot: Boot, layout: Layout) -> str:
    held = sum(1 for row in layout.spans if row.kind is SpanKind.REGION)
    text = f"{scene_line(boot)}. {_totals_line(layout)}. {held} reserved regions placed, {len(layout.failed)} not."
    bad = verdict(boot)
    return f"{bad}. {text}" if bad else text


def _column(canvas: Canvas, layout: Layout, scale: Scale, frame: Frame, *, marked: bool) -> None:
    for bank in layout.banks:
        start, end = scale.extent(bank)
        canvas.rect(frame.column_x, start, frame.column_width, end - start, "k-free")
    # The largest first, so that a small span on a large one is seen.
    for number, row in sorted(enumerate(layout.spans), key=lambda item: (-item[1].span.size, item[1].span)):
        if row.kind in (SpanKind.FREE, SpanKind.HOLE):
            continue
        if marked:
            canvas.open_group(row.label, row_mark(number))
        _column_span(canvas, row, scale, frame)
        if marked:
            canvas.close_group()
    for row in layout.spans:
        start, end = scale.extent(row.span)
        if row.kind is SpanKind.FREE and end - start >= _FREE_TEXT_FROM:
            text = f"free {format_size_about(row.span.size)}"
            if frame is WIDE:
                _in_column(canvas, frame, (start + end) / 2 + 4, text)
    _axis(canvas, layout, scale, frame)


def _column_span(canvas: Canvas, row: DisplaySpan, scale: Scale, frame: Frame) -> None:
    start, end = scale.extent(row.span)
    height = max(end - start, _MIN_SLIVER)
    outline = "thin" if height < 6 else "dashed" if is_dynamic(row) else "solid"
    canvas.rect(frame.column_x, start, frame.column_width, height, f"{fill_class(row)} {outline}")
    if is_nomap(row) and height >= 3:
        canvas.rect(frame.column_x, start, frame.column_width, height, "hatch")


def _axis(canvas: Canvas, layout: Layout, scale: Scale, frame: Frame) -> None:
    left = frame.column_x
    for segment in scale.segments:
        in_ram = any(bank.overlaps(segment.span) for bank in layout.banks)
        border = "frame" if in_ram else "outside"
        canvas.rect(left, segment.top, frame.column_width, segment.height, border)
        marks = [
            (address, "tick") for address in ticks(segment, max(_TICK_SPACING, segment.height / _MAX_TICKS))
        ]
        marks += [(segment.span.start, "tick edge"), (segment.span.end, "tick edge")]
        for address, classes in sorted(marks):
            y = scale.extent(segment.span)[0] + segment.height * (
                (address - segment.span.start) / segment.span.size
            )
            canvas.path([(left - 6, y), (left, y)], "tick-line")
            canvas.text(left - 9, y + 3.5, format_address(address, layout.digits), classes)
    for low, high in pairwise(scale.segments):
        text = f"{format_size_about(high.span.start - low.span.end)} not shown"
        _break(canvas, frame, low.top + low.height, text)
    for segment in scale.segments:
        if not segment.to_scale:
            canvas.text(left - 9, segment.top + segment.height + 15, "enlarged", "tick")


def _break(canvas: Canvas, frame: Frame, y: float, text: str) -> None:
    for offset in (5.0, BREAK_HEIGHT - 5.0):
        steps = int(frame.column_width // 10) + 1
        points = [
            (frame.column_x + 10 * step, y + offset + (2.5 if step % 2 else -2.5)) for step in range(steps)
        ]
        canvas.path(points, "break")
    _in_column(canvas, frame, y + BREAK_HEIGHT / 2 + 4, text)


def _in_column(canvas: Canvas, frame: Frame, y: float, text: str) -> None:
    # In the middle of the column, or beside it where that is narrow.
    if frame is WIDE or columns(frame.column_width, _INSIDE_SIZE) >= len(text):
        canvas.text(frame.column_x + frame.column_width / 2, y, text, "inside")
    else:
        canvas.text(frame.column_x + frame.column_width + 6, y, text, "muted")


def _labels(
    canvas: Canvas, found: Sequence[Label], scale: Scale, top: float, frame: Frame, *, marked: bool
) -> float:
    centres: list[float] = []
    for label in found:
        start, end = scale.extent(label.anchor) if label.anchor is not None else (scale.bottom, scale.bottom)
        centres.append((start + end) / 2)
    order = sorted(range(len(found)), key=lambda index: (centres[index], index))
    arranged = [found[index] for index in order]
    tops = place(
        [label.height for label in arranged],
        [centres[index] for index in order],
        top=top,
        bottom=max(scale.bottom + 8, top + sum(label.height + GAP for label in arranged)),
    )
    for label, y in zip(arranged, tops, strict=True):
        canvas.open_group(label.title, label.mark if marked else "")
        _label(canvas, label, y, scale, frame)
        canvas.close_group()
    return max((y + label.height for label, y in zip(arranged, tops, strict=True)), default=top)


def _label(canvas: Canvas, label: Label, y: float, scale: Scale, frame: Frame) -> None:
    height = label.height - 4
    if label.anchor is not None:
        start, end = scale.extent(label.anchor)
        right = frame.column_x + frame.column_width
        if label.ghost:
            middle = y + 2 + height / 2
            canvas.path(
                [(right, (start + end) / 2), (frame.block_x - 30, middle), (frame.block_x, middle)],
                "ghost-line",
            )
        else:
            end = max(end, start + _MIN_SLIVER)
            corners = [(right, start), (frame.block_x, y + 2), (frame.block_x, y + 2 + height), (right, end)]
            canvas.path(corners, "wedge", closed=True)
    outline = "" if label.ghost else " dashed" if label.dashed else " solid"
    canvas.rect(frame.block_x, y + 2, frame.block_width, height, label.swatch + outline)
    if label.nomap:
        canvas.rect(frame.block_x, y + 2, frame.block_width, height, "hatch")
    for number, (text, classes) in enumerate(label.lines):
        canvas.text(frame.text_x, y + PADDING + 11 + number * LINE_HEIGHT, text, classes)
    if label.beside:
        canvas.text(
            frame.width - frame.margin - SIZE_ROOM - BESIDE_ROOM, y + PADDING + 11, label.beside, "mono"
        )
    canvas.text(frame.width - frame.margin, y + PADDING + 11, label.size, "size")


def _legend(canvas: Canvas, layout: Layout, y: float, frame: Frame) -> float:
    kinds = {fill_class(row) for row in layout.spans}
    entries = [(words, f"{kind} solid", False) for kind, words in LEGEND.items() if kind in kinds]
    if any(is_nomap(row) for row in layout.spans):
        entries.append(("no-map: the kernel does not map it", "k-free solid", True))
    if any(is_dynamic(row) for row in layout.spans):
        entries.append(("dynamic: the kernel chose the place", "k-free dashed", False))
    if layout.failed:
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


def _notes(canvas: Canvas, notes: Sequence[str], y: float, frame: Frame) -> float:
    if not notes:
        return y
    canvas.text(frame.margin, y + 8, "Notes", "head")
    y += 8
    shown = list(notes[:_NOTES_SHOWN])
    if len(notes) > len(shown):
        shown.append(f"and {len(notes) - len(shown)} more: the text map has them all")
    for note in shown:
        for number, line in enumerate(wrap(safe(note), columns(frame.width - 2 * frame.margin - 14, 11))):
            y += 17 if number == 0 else 14
            canvas.text(
                frame.margin + (0 if number == 0 else 10),
                y,
                line if number else f"\N{BULLET} {line}",
                "muted",
            )
    return y + 22
