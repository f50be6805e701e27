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
from carveout.report.svg_canvas import BOLD_EM, Canvas, columns, fit, wrapped
from carveout.report.svg_frame import BESIDE_ROOM, SIZE_ROOM, WIDE, Frame
from carveout.report.svg_labels import (
    GAP,
    LINE_HEIGHT,
    PADDING,
    labels,
    place,
)
from carveout.report.svg_parts import MIN_SLIVER, column, legend, notes
from carveout.report.svg_scale import Scale
from carveout.report.svg_style import STYLE
from carveout.report.words import exactness_text, scene_line, verdict
from carveout.units import format_size_about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot.result import Boot
    from carveout.report.layout import Layout
    from carveout.report.svg_labels import Label
    from carveout.span import Span

_MIN_HEIGHT = 480.0
# Of the lines under the title, which are mostly digits and lower case.
_HEAD_EM = 0.56


def render_svg(boot: Boot, *, title: str, frame: Frame = WIDE) -> str:
    """Return the map of a boot as an SVG document.

    title: what was simulated, for example the file name. frame: for how wide a place it is drawn.
    """
    layout = lay_out(boot)
    canvas = Canvas()
    top = _heading(canvas, boot, layout, title, frame)
    y, _ = _picture(canvas, boot, layout, top, frame)
    y = notes(canvas, boot.notes, y, frame)
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
        column(canvas, layout, scale, x=frame.column_x, width=frame.column_width, marked=marked)
    bottom = _labels(canvas, found, scale, top + 6, frame, marked=marked)
    return legend(canvas, [layout], max(bottom, scale.bottom) + 34, frame), scale


def _shown(layout: Layout, found: Sequence[Label]) -> list[Span]:
    spans = [row.span for row in layout.spans if row.kind is not SpanKind.HOLE]
    return union([*layout.banks, *spans, *(label.anchor for label in found if label.anchor is not None)])


def _heading(canvas: Canvas, boot: Boot, layout: Layout, title: str, frame: Frame) -> float:
    canvas.text(frame.margin, 38, fit(title, columns(frame.width - 2 * frame.margin, 20, BOLD_EM)), "title")
    y = 60.0
    facts = (f"{scene_line(boot)}: {exactness_text(boot).partition(',')[0]}", _totals_line(layout))
    for fact in facts:
        for line in wrapped(fact, columns(frame.width - 2 * frame.margin, 13, _HEAD_EM)):
            canvas.text(frame.margin, y, line, "sub")
            y += 20
    y -= 4
    bad = verdict(boot)
    if bad is not None:
        lines = wrapped(bad, columns(frame.width - 2 * frame.margin - 24, 14, BOLD_EM))
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
            end = max(end, start + MIN_SLIVER)
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
