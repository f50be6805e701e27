# SPDX-License-Identifier: Apache-2.0
"""Two boots side by side as one SVG picture: a column of RAM for each, to one scale, regions joined by their names.

On the left the first boot, on the right the second. In the middle each region that either has, with what happened to
it; wedges lead to where it is in each column. A region that is in one of them only has one wedge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Outcome
from carveout.report.diff_words import area_name, region_details, verb_of
from carveout.report.intervals import union
from carveout.report.layout import SpanKind, lay_out
from carveout.report.svg_canvas import BOLD_EM, MONO_EM, SANS_EM, Canvas, columns, fit
from carveout.report.svg_frame import NARROW, WIDE, Frame
from carveout.report.svg_labels import GAP, LINE_HEIGHT, PADDING, missed_span
from carveout.report.svg_labels import place as arrange
from carveout.report.svg_parts import MARGIN, MIN_SLIVER, WIDTH, column, legend, notes
from carveout.report.svg_scale import Scale
from carveout.report.svg_style import STYLE, region_class
from carveout.report.words import exactness_text, outcome_text, scene_line, verdict
from carveout.span import Span
from carveout.units import format_address, format_size_about
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.boot.result import CmaArea, PlacedRegion
    from carveout.change.difference import Difference, RegionPair
    from carveout.report.layout import Layout

_MIN_HEIGHT = 480.0
_BLOCK = 5.0
_ARROW = " \N{RIGHTWARDS ARROW} "


class DiffFrame(NamedTuple):
    """The columns of the picture: addresses, RAM of the first boot, names, RAM of the second. All in pixels."""

    frame: Frame
    label_x: float
    label_width: float
    text_inset: float

    @property
    def right_x(self) -> float:
        """Where RAM of the second boot is."""
        return self.frame.width - self.frame.margin - self.frame.column_width

    def columns(self, em: float = SANS_EM) -> int:
        """Return how many characters of the small font a line of a name has room for."""
        return columns(self.label_width - 2 * self.text_inset + 8, 11, em)


WIDE_DIFF = DiffFrame(frame=WIDE, label_x=352.0, label_width=340.0, text_inset=12.0)
"""For documents and screens."""

NARROW_DIFF = DiffFrame(
    frame=NARROW._replace(column_width=26.0), label_x=148.0, label_width=210.0, text_inset=8.0
)
"""For a telephone."""


class _Row(NamedTuple):
    # What stands in the middle, and where it is on the left and on the right.
    name: str
    lines: tuple[tuple[str, str], ...]
    left: Span | None
    right: Span | None
    mark: str = ""
    missed: tuple[Span | None, Span | None] = (None, None)
    """What a request that found no place missed."""
    fills: tuple[str, str] = ("k-cma", "k-cma")

    @property
    def height(self) -> float:
        return 2 * PADDING + LINE_HEIGHT * (1 + len(self.lines))


def render_svg(difference: Difference, *, names: tuple[str, str]) -> str:
    """Return the picture as an SVG document. names: what to call the two boards."""
    layouts = (lay_out(difference.before), lay_out(difference.after))
    canvas = Canvas()
    top = _heading(canvas, difference, layouts, names)
    y = _picture(canvas, difference, layouts, top, WIDE_DIFF)
    y = notes(canvas, _log_notes(difference), y)
    return canvas.document(
        WIDTH,
        y,
        title=f"Memory of {names[0]} and {names[1]}",
        description=_description(difference, layouts),
        style=STYLE,
    )


def draw_for_page(difference: Difference, *, title: str, frame: DiffFrame) -> str:
    """Return the picture without heading and notes, with marks on all that has a row of a table."""
    layouts = (lay_out(difference.before), lay_out(difference.after))
    canvas = Canvas()
    y = _picture(canvas, difference, layouts, 0.0, frame, marked=True)
    return canvas.fragment(frame.frame.width, y, title=title)


def region_mark(number: int) -> str:
    """Return what a page finds a region by. number: in `Difference.regions`."""
    return f"r{number}"


def area_mark(number: int) -> str:
    """Return what a page finds a contiguous area by. number: in `Difference.areas`."""
    return f"a{number}"


def _picture(
    canvas: Canvas,
    difference: Difference,
    layouts: Sequence[Layout],
    top: float,
    frame: DiffFrame,
    *,
    marked: bool = False,
) -> float:
    # Columns, names and legend; returns where they end.
    rows = _rows(difference, max(layout.digits for layout in layouts), frame)
    scale = Scale(
        _shown(layouts, rows),
        ram_known=difference.before.ram_known and difference.after.ram_known,
        top=top + 14,
        height=max(_MIN_HEIGHT, sum(row.height + GAP for row in rows)),
    )
    if scale.segments:
        width = frame.frame.column_width
        column(canvas, layouts[0], scale, x=frame.frame.column_x, width=width)
        column(canvas, layouts[1], scale, x=frame.right_x, width=width, with_axis=False)
    bottom = _labels(canvas, rows, scale, top + 6, frame, marked=marked)
    return legend(canvas, layouts, max(bottom, scale.bottom) + 34, frame.frame)


def _heading(
    canvas: Canvas, difference: Difference, layouts: Sequence[Layout], names: tuple[str, str]
) -> float:
    half = (WIDTH - 3 * MARGIN) / 2
    y = 38.0
    for x, name, result, layout in (
        (MARGIN, names[0], difference.before, layouts[0]),
        (2 * MARGIN + half, names[1], difference.after, layouts[1]),
    ):
        canvas.text(x, 38, fit(name, columns(half, 20, BOLD_EM)), "title")
        line = f"{scene_line(result)}: {exactness_text(result).partition(',')[0]}"
        canvas.text(x, 60, fit(line, columns(half, 13)), "sub")
        canvas.text(x, 80, fit(_totals(layout), columns(half, 13)), "sub")
        bad = verdict(result)
        if bad is not None:
            canvas.text(x, 100, fit(bad, columns(half, 12)), "bad")
            y = 58.0
    return y + 58


def _totals(layout: Layout) -> str:
    sums = layout.totals
    if sums is None:
        return "RAM: unknown"
    return f"RAM {format_size_about(sums.ram)} \N{MIDDLE DOT} left to the system {format_size_about(sums.system)}"


def _description(difference: Difference, layouts: Sequence[Layout]) -> str:
    counts: dict[str, int] = {}
    for pair in difference.regions:
        counts[verb_of(pair)] = counts.get(verb_of(pair), 0) + 1
    what = ", ".join(f"{count} {verb}" for verb, count in counts.items()) or "none"
    return (
        f"Left: {scene_line(difference.before)}, {_totals(layouts[0])}. "
        f"Right: {scene_line(difference.after)}, {_totals(layouts[1])}. Regions: {what}."
    )


def _rows(difference: Difference, digits: int, frame: DiffFrame) -> list[_Row]:
    rows = [
        _region_row(pair, digits, frame)._replace(mark=region_mark(number))
        for number, pair in enumerate(difference.regions)
    ]
    for number, pair in enumerate(difference.areas):
        if any(area is not None and area.from_region is not None for area in (pair.before, pair.after)):
            continue
        left, right = _area_span(pair.before), _area_span(pair.after)
        verb = "added" if left is None else "gone" if right is None else "same" if left == right else "moved"
        row = _row(area_name(pair), verb, "contiguous area", (left, right), digits, frame)
        rows.append(row._replace(mark=area_mark(number)))
    return rows


def _region_row(pair: RegionPair, digits: int, frame: DiffFrame) -> _Row:
    region = pair.after or pair.before
    left, right = _span(pair.before), _span(pair.after)
    row = _row(region.name if region is not None else "", verb_of(pair), "", (left, right), digits, frame)
    more = [(text, "muted") for text in region_details(pair)[:2]]
    for one, which in ((pair.before, "first"), (pair.after, "second")):
        if one is not None and one.base is None:
            more.insert(0, (f"{which}: {outcome_text(one)}", "alert"))
    shown = tuple((fit(text, frame.columns()), classes) for text, classes in more)
    fills = (region_class(pair.before), region_class(pair.after))
    missed = (_missed(pair.before), _missed(pair.after))
    return row._replace(lines=(*row.lines, *shown), fills=fills, missed=missed)


def _missed(region: PlacedRegion | None) -> Span | None:
    is_failed = region is not None and region.outcome in (Outcome.RESERVE_FAILED, Outcome.ALLOC_FAILED)
    return missed_span(region) if region is not None and is_failed else None


def _row(
    name: str, verb: str, what: str, places: tuple[Span | None, Span | None], digits: int, frame: DiffFrame
) -> _Row:
    ends = [
        f"{format_address(span.start, digits)} {format_size_about(span.size)}"
        for span in dict.fromkeys(span for span in places if span is not None)
    ]
    words = f"{what} {verb}" if what else verb
    text = f"{words}  {_ARROW.join(ends)}" if ends else words
    room = frame.columns(MONO_EM)
    # Each place on a line of its own where one line has no room for both.
    lines = [text] if len(text) <= room else [words, *ends[:1], *(_ARROW.lstrip() + end for end in ends[1:])]
    style = "muted" if verb == "same" else "mono"
    return _Row(name, tuple((fit(line, room), style) for line in lines), *places)


def _span(region: PlacedRegion | None) -> Span | None:
    if region is None or region.base is None or not region.size:
        return None
    return Span.sized(region.base, region.size)


def _area_span(area: CmaArea | None) -> Span | None:
    return None if area is None else Span.sized(area.base, area.size)


def _shown(layouts: Iterable[Layout], rows: Iterable[_Row]) -> list[Span]:
    spans: list[Span] = []
    for layout in layouts:
        spans += layout.banks
        spans += [row.span for row in layout.spans if row.kind is not SpanKind.HOLE]
    spans += [span for row in rows for span in (row.left, row.right, *row.missed) if span is not None]
    return union(spans)


def _labels(
    canvas: Canvas, rows: Sequence[_Row], scale: Scale, top: float, frame: DiffFrame, *, marked: bool
) -> float:
    centres = []
    for row in rows:
        spans = (row.left or row.missed[0], row.right or row.missed[1])
        ends = [scale.extent(span) for span in spans if span is not None]
        middles = [(start + end) / 2 for start, end in ends] or [scale.bottom]
        centres.append(sum(middles) / len(middles))
    order = sorted(range(len(rows)), key=lambda index: (centres[index], index))
    arranged = [rows[index] for index in order]
    tops = arrange(
        [row.height for row in arranged],
        [centres[index] for index in order],
        top=top,
        bottom=max(scale.bottom + 8, top + sum(row.height + GAP for row in arranged)),
    )
    for row, y in zip(arranged, tops, strict=True):
        canvas.open_group(row.name, row.mark if marked else "")
        _label(canvas, row, y, scale, frame)
        canvas.close_group()
    return max((y + row.height for row, y in zip(arranged, tops, strict=True)), default=top)


def _label(canvas: Canvas, row: _Row, y: float, scale: Scale, frame: DiffFrame) -> None:
    low, high = y + 2, y + row.height - 2
    left_edge = frame.frame.column_x + frame.frame.column_width
    right = frame.label_x + frame.label_width
    ends = ((row.left, left_edge, frame.label_x), (row.right, frame.right_x, right))
    for (span, edge, at), fill, missed in zip(ends, row.fills, row.missed, strict=True):
        x = at - (_BLOCK if at == right else 0)
        if span is None:
            if missed is not None:
                start, end = scale.extent(missed)
                canvas.path([(edge, (start + end) / 2), (at, (low + high) / 2)], "ghost-line")
                canvas.rect(x, low, _BLOCK, high - low, "ghost")
            continue
        start, end = scale.extent(span)
        end = max(end, start + MIN_SLIVER)
        canvas.path([(edge, start), (at, low), (at, high), (edge, end)], "wedge", closed=True)
        canvas.rect(x, low, _BLOCK, high - low, fill)
    name = fit(row.name, columns(frame.label_width - 2 * frame.text_inset, 12.5, BOLD_EM))
    x = frame.label_x + frame.text_inset
    canvas.text(x, y + PADDING + 11, name, "name")
    for number, (text, classes) in enumerate(row.lines, 1):
        canvas.text(x, y + PADDING + 11 + number * LINE_HEIGHT, text, classes)


def _log_notes(difference: Difference) -> list[str]:
    return [] if not difference.log else [f"{len(difference.log)} lines of the log differ: the text has them"]
