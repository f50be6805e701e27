# SPDX-License-Identifier: Apache-2.0
"""The map as one SVG picture for a board's documentation.

On the left RAM to scale, low addresses on top, the axis broken at large holes. Each span that somebody
holds is drawn there, however thin it gets, and magnified to a readable block on the right, to which a wedge
leads. No-map is hatched, dynamic dashed, a request without a place an empty dotted block.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from carveout.intervals import union
from carveout.report.layout import SpanKind, lay_out
from carveout.report.svg_canvas import BOLD_EM, Canvas, columns
from carveout.report.svg_labels import (
    BESIDE_ROOM,
    GAP,
    LINE_HEIGHT,
    PADDING,
    SIZE_ROOM,
    is_dynamic,
    is_nomap,
    labels,
    place,
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

WIDTH = 960.0
_MARGIN = 24.0
_COLUMN_X = 128.0
_COLUMN_WIDTH = 120.0
_BLOCK_X = 372.0
_BLOCK_WIDTH = 40.0
_TEXT_X = _BLOCK_X + _BLOCK_WIDTH + 12
_TEXT_WIDTH = WIDTH - _MARGIN - _TEXT_X
_MIN_HEIGHT = 480.0
_MIN_SLIVER = 1.6
_FREE_TEXT_FROM = 17.0
_TICK_SPACING = 46.0
_MAX_TICKS = 20
_NOTES_SHOWN = 8


def render_svg(boot: Boot, *, title: str) -> str:
    """Return the map of a boot as an SVG document. title: what was simulated, for example the file name."""
    layout = lay_out(boot)
    canvas = Canvas()
    top = _heading(canvas, boot, layout, title)
    found = labels(layout, _TEXT_WIDTH)
    wanted_height = sum(label.height + GAP for label in found)
    scale = Scale(
        _shown(layout, found),
        ram_known=boot.ram_known,
        top=top + 14,
        height=max(_MIN_HEIGHT, wanted_height),
    )
    if scale.segments:
        _column(canvas, layout, scale)
    bottom = _labels(canvas, found, scale, top + 6)
    y = _legend(canvas, layout, max(bottom, scale.bottom) + 34)
    y = _notes(canvas, boot.notes, y)
    return canvas.document(
        WIDTH, y, title=f"Memory map of {title}", description=_description(boot, layout), style=STYLE
    )


def _shown(layout: Layout, found: Sequence[Label]) -> list[Span]:
    spans = [row.span for row in layout.spans if row.kind is not SpanKind.HOLE]
    return union([*layout.banks, *spans, *(label.anchor for label in found if label.anchor is not None)])


def _heading(canvas: Canvas, boot: Boot, layout: Layout, title: str) -> float:
    canvas.text(_MARGIN, 38, fit(title, columns(WIDTH - 2 * _MARGIN, 20, BOLD_EM)), "title")
    canvas.text(_MARGIN, 60, f"{scene_line(boot)}: {exactness_text(boot).partition(',')[0]}", "sub")
    canvas.text(_MARGIN, 80, _totals_line(layout), "sub")
    y = 96.0
    bad = verdict(boot)
    if bad is not None:
        lines = wrap(safe(bad), columns(WIDTH - 2 * _MARGIN - 24, 14, BOLD_EM))
        canvas.rect(_MARGIN, y, WIDTH - 2 * _MARGIN, 14 + 19 * len(lines), "banner")
        for number, line in enumerate(lines):
            canvas.text(_MARGIN + 12, y + 20 + 19 * number, line, "banner-text")
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


def _column(canvas: Canvas, layout: Layout, scale: Scale) -> None:
    for bank in layout.banks:
        start, end = scale.extent(bank)
        canvas.rect(_COLUMN_X, start, _COLUMN_WIDTH, end - start, "k-free")
    # The largest first, so that a small span on a large one is seen.
    for row in sorted(layout.spans, key=lambda row: (-row.span.size, row.span)):
        if row.kind not in (SpanKind.FREE, SpanKind.HOLE):
            _column_span(canvas, row, scale)
    for row in layout.spans:
        start, end = scale.extent(row.span)
        if row.kind is SpanKind.FREE and end - start >= _FREE_TEXT_FROM:
            text = f"free {format_size_about(row.span.size)}"
            canvas.text(_COLUMN_X + _COLUMN_WIDTH / 2, (start + end) / 2 + 4, text, "inside")
    _axis(canvas, layout, scale)


def _column_span(canvas: Canvas, row: DisplaySpan, scale: Scale) -> None:
    start, end = scale.extent(row.span)
    height = max(end - start, _MIN_SLIVER)
    outline = "thin" if height < 6 else "dashed" if is_dynamic(row) else "solid"
    canvas.rect(_COLUMN_X, start, _COLUMN_WIDTH, height, f"{fill_class(row)} {outline}")
    if is_nomap(row) and height >= 3:
        canvas.rect(_COLUMN_X, start, _COLUMN_WIDTH, height, "hatch")


def _axis(canvas: Canvas, layout: Layout, scale: Scale) -> None:
    left = _COLUMN_X
    for segment in scale.segments:
        in_ram = any(bank.overlaps(segment.span) for bank in layout.banks)
        frame = "frame" if in_ram else "outside"
        canvas.rect(left, segment.top, _COLUMN_WIDTH, segment.height, frame)
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
        _break(canvas, low.top + low.height, f"{format_size_about(high.span.start - low.span.end)} not shown")
    for segment in scale.segments:
        if not segment.to_scale:
            canvas.text(left - 9, segment.top + segment.height + 15, "enlarged", "tick")


def _break(canvas: Canvas, y: float, text: str) -> None:
    for offset in (5.0, BREAK_HEIGHT - 5.0):
        points = [(_COLUMN_X + 10 * step, y + offset + (2.5 if step % 2 else -2.5)) for step in range(13)]
        canvas.path(points, "break")
    canvas.text(_COLUMN_X + _COLUMN_WIDTH / 2, y + BREAK_HEIGHT / 2 + 4, text, "inside")


def _labels(canvas: Canvas, found: Sequence[Label], scale: Scale, top: float) -> float:
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
        _label(canvas, label, y, scale)
    return max((y + label.height for label, y in zip(arranged, tops, strict=True)), default=top)


def _label(canvas: Canvas, label: Label, y: float, scale: Scale) -> None:
    height = label.height - 4
    canvas.open_group(label.title)
    if label.anchor is not None:
        start, end = scale.extent(label.anchor)
        right = _COLUMN_X + _COLUMN_WIDTH
        if label.ghost:
            middle = y + 2 + height / 2
            canvas.path(
                [(right, (start + end) / 2), (_BLOCK_X - 30, middle), (_BLOCK_X, middle)], "ghost-line"
            )
        else:
            end = max(end, start + _MIN_SLIVER)
            corners = [(right, start), (_BLOCK_X, y + 2), (_BLOCK_X, y + 2 + height), (right, end)]
            canvas.path(corners, "wedge", closed=True)
    outline = "" if label.ghost else " dashed" if label.dashed else " solid"
    canvas.rect(_BLOCK_X, y + 2, _BLOCK_WIDTH, height, label.swatch + outline)
    if label.nomap:
        canvas.rect(_BLOCK_X, y + 2, _BLOCK_WIDTH, height, "hatch")
    for number, (text, classes) in enumerate(label.lines):
        canvas.text(_TEXT_X, y + PADDING + 11 + number * LINE_HEIGHT, text, classes)
    if label.beside:
        canvas.text(WIDTH - _MARGIN - SIZE_ROOM - BESIDE_ROOM, y + PADDING + 11, label.beside, "mono")
    canvas.text(WIDTH - _MARGIN, y + PADDING + 11, label.size, "size")
    canvas.close_group()


def _legend(canvas: Canvas, layout: Layout, y: float) -> float:
    kinds = {fill_class(row) for row in layout.spans}
    entries = [(words, f"{kind} solid", False) for kind, words in LEGEND.items() if kind in kinds]
    if any(is_nomap(row) for row in layout.spans):
        entries.append(("no-map: the kernel does not map it", "k-free solid", True))
    if any(is_dynamic(row) for row in layout.spans):
        entries.append(("dynamic: the kernel chose the place", "k-free dashed", False))
    if layout.failed:
        entries.append(("asked for, not placed", "ghost", False))
    x = _MARGIN
    for words, classes, hatched in entries:
        width = 30 + 7.0 * len(words) + 18
        if x + width > WIDTH - _MARGIN and x > _MARGIN:
            x, y = _MARGIN, y + 24
        canvas.rect(x, y - 11, 22, 14, classes)
        if hatched:
            canvas.rect(x, y - 11, 22, 14, "hatch")
        canvas.text(x + 29, y, words, "legend")
        x += width
    return y + 24


def _notes(canvas: Canvas, notes: Sequence[str], y: float) -> float:
    if not notes:
        return y
    canvas.text(_MARGIN, y + 8, "Notes", "head")
    y += 8
    shown = list(notes[:_NOTES_SHOWN])
    if len(notes) > len(shown):
        shown.append(f"and {len(notes) - len(shown)} more: the text map has them all")
    for note in shown:
        for number, line in enumerate(wrap(safe(note), columns(WIDTH - 2 * _MARGIN - 14, 11))):
            y += 17 if number == 0 else 14
            canvas.text(
                _MARGIN + (0 if number == 0 else 10), y, line if number else f"\N{BULLET} {line}", "muted"
            )
    return y + 22
