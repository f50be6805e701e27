# SPDX-License-Identifier: Apache-2.0
"""The map as one SVG picture for a board's documentation.

On the left RAM to scale, low addresses on top, the axis broken at large holes. Each span that somebody
holds is drawn there, however thin it gets, and magnified to a readable block on the right, to which a wedge
leads. No-map is hatched, dynamic dashed, a request without a place an empty dotted block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.intervals import union
from carveout.report.layout import SpanKind, lay_out
from carveout.report.svg_canvas import BOLD_EM, Canvas, columns
from carveout.report.svg_labels import (
    BESIDE_ROOM,
    GAP,
    LINE_HEIGHT,
    PADDING,
    SIZE_ROOM,
    labels,
    place,
)
from carveout.report.svg_parts import COLUMN_WIDTH, MARGIN, MIN_SLIVER, WIDTH, column, legend, notes
from carveout.report.svg_scale import Scale
from carveout.report.svg_style import STYLE
from carveout.report.terminal import wrap
from carveout.report.words import exactness_text, fit, safe, scene_line, verdict
from carveout.units import format_size_about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot.result import Boot
    from carveout.report.layout import Layout
    from carveout.report.svg_labels import Label
    from carveout.span import Span

_COLUMN_X = 128.0
_BLOCK_X = 372.0
_BLOCK_WIDTH = 40.0
_TEXT_X = _BLOCK_X + _BLOCK_WIDTH + 12
_TEXT_WIDTH = WIDTH - MARGIN - _TEXT_X
_MIN_HEIGHT = 480.0


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
        column(canvas, layout, scale, x=_COLUMN_X)
    bottom = _labels(canvas, found, scale, top + 6)
    y = legend(canvas, [layout], max(bottom, scale.bottom) + 34)
    y = notes(canvas, boot.notes, y)
    return canvas.document(
        WIDTH, y, title=f"Memory map of {title}", description=_description(boot, layout), style=STYLE
    )


def _shown(layout: Layout, found: Sequence[Label]) -> list[Span]:
    spans = [row.span for row in layout.spans if row.kind is not SpanKind.HOLE]
    return union([*layout.banks, *spans, *(label.anchor for label in found if label.anchor is not None)])


def _heading(canvas: Canvas, boot: Boot, layout: Layout, title: str) -> float:
    canvas.text(MARGIN, 38, fit(title, columns(WIDTH - 2 * MARGIN, 20, BOLD_EM)), "title")
    canvas.text(MARGIN, 60, f"{scene_line(boot)}: {exactness_text(boot).partition(',')[0]}", "sub")
    canvas.text(MARGIN, 80, _totals_line(layout), "sub")
    y = 96.0
    bad = verdict(boot)
    if bad is not None:
        lines = wrap(safe(bad), columns(WIDTH - 2 * MARGIN - 24, 14, BOLD_EM))
        canvas.rect(MARGIN, y, WIDTH - 2 * MARGIN, 14 + 19 * len(lines), "banner")
        for number, line in enumerate(lines):
            canvas.text(MARGIN + 12, y + 20 + 19 * number, line, "banner-text")
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
        right = _COLUMN_X + COLUMN_WIDTH
        if label.ghost:
            middle = y + 2 + height / 2
            canvas.path(
                [(right, (start + end) / 2), (_BLOCK_X - 30, middle), (_BLOCK_X, middle)], "ghost-line"
            )
        else:
            end = max(end, start + MIN_SLIVER)
            corners = [(right, start), (_BLOCK_X, y + 2), (_BLOCK_X, y + 2 + height), (right, end)]
            canvas.path(corners, "wedge", closed=True)
    outline = "" if label.ghost else " dashed" if label.dashed else " solid"
    canvas.rect(_BLOCK_X, y + 2, _BLOCK_WIDTH, height, label.swatch + outline)
    if label.nomap:
        canvas.rect(_BLOCK_X, y + 2, _BLOCK_WIDTH, height, "hatch")
    for number, (text, classes) in enumerate(label.lines):
        canvas.text(_TEXT_X, y + PADDING + 11 + number * LINE_HEIGHT, text, classes)
    if label.beside:
        canvas.text(WIDTH - MARGIN - SIZE_ROOM - BESIDE_ROOM, y + PADDING + 11, label.beside, "mono")
    canvas.text(WIDTH - MARGIN, y + PADDING + 11, label.size, "size")
    canvas.close_group()
