# SPDX-License-Identifier: Apache-2.0
"""The same requests in several combinations: a table, and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.pool_text import notes_lines
from carveout.report.pool_words import failures_text
from carveout.report.svg_canvas import Canvas
from carveout.report.svg_style import STYLE
from carveout.report.words import fit, safe
from carveout.units import format_size_about

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.pool.variants import Outcome
    from carveout.report.terminal import Terminal

_HEADS = ("kernel", "pages", "policy", "size", "failed", "peak", "smallest size", "why")
_WIDTH = 960.0
_MARGIN = 24.0
_LABEL = 250.0
_ROW = 30.0
_RIGHT = 190.0


def render_table(
    outcomes: Sequence[Outcome], *, title: str, pool: str, notes: Sequence[str], terminal: Terminal
) -> str:
    """Return a line for each combination."""
    rows = [_HEADS, *(_row(each) for each in outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS) - 1)]
    lines = [terminal.paint("heading", safe(f"{title}: {pool}", ascii_only=terminal.ascii_only)), ""]
    for number, row in enumerate(rows):
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        line = f"{'  '.join(cells)}  {row[-1]}".rstrip()
        lines.append(terminal.paint("dim", line) if number == 0 else line)
    said = dict.fromkeys(
        f"{each.variant.page_size >> 10} KiB pages, Linux {each.variant.kernel}: {note}"
        for each in outcomes
        for note in each.notes
    )
    return "\n".join([*lines, *notes_lines([*said, *notes], terminal)]) + "\n"


def _row(each: Outcome) -> tuple[str, ...]:
    variant = each.variant
    need = "-" if each.need is None else format_size_about(each.need)
    if each.need is not None and not each.is_smallest:
        need = f"at most {need}"
    return (
        safe(variant.kernel, limit=20),
        f"{variant.page_size >> 10}K",
        variant.policy,
        format_size_about(variant.size),
        f"{each.failed} of {each.requests}",
        format_size_about(each.peak),
        need,
        failures_text(each.failures),
    )


def render_svg(outcomes: Sequence[Outcome], *, title: str, pool: str) -> str:
    """Return a picture: for each combination what is in use at most, and the smallest pool that serves all."""
    canvas = Canvas()
    canvas.text(_MARGIN, 38, fit(title, 80), "title")
    canvas.text(
        _MARGIN, 60, f"{pool}: the smallest pool without a failure, and what is in use at most", "sub"
    )
    scale = max((max(each.need or 0, each.peak, each.variant.size) for each in outcomes), default=1) or 1
    room = _WIDTH - 2 * _MARGIN - _LABEL - _RIGHT
    y = 84.0
    has_sizes = len({each.variant.size for each in outcomes}) > 1
    for each in outcomes:
        _bar(canvas, each, y, room / scale, has_sizes=has_sizes)
        y += _ROW
    y = _legend(canvas, y + 16)
    text = "; ".join(f"{_label(each)}: {each.failed} of {each.requests} fail" for each in outcomes[:20])
    return canvas.document(_WIDTH, y, title=f"{pool}: comparison", description=text, style=STYLE)


def _label(each: Outcome) -> str:
    variant = each.variant
    return f"{variant.kernel}, {variant.page_size >> 10}K, {variant.policy}"


def _bar(canvas: Canvas, each: Outcome, y: float, scale: float, *, has_sizes: bool) -> None:
    left = _MARGIN + _LABEL
    variant = each.variant
    need = "not worked out" if each.need is None else format_size_about(each.need)
    canvas.open_group(
        f"{_label(each)}: size {format_size_about(variant.size)}, {each.failed} of {each.requests} fail, "
        f"peak {format_size_about(each.peak)}, smallest {need}"
    )
    label = f"{_label(each)}, {format_size_about(variant.size)}" if has_sizes else _label(each)
    canvas.text(_MARGIN, y + 15, fit(label, 38), "name")
    if each.need is not None:
        canvas.rect(left, y + 3, each.need * scale, 16, "k-free solid")
    canvas.rect(left, y + 3, each.peak * scale, 16, "k-cma thin")
    at = left + variant.size * scale
    canvas.path([(at, y), (at, y + 22)], "ghost")
    text = f"{each.failed} of {each.requests} fail" if each.failed else "none fails"
    canvas.text(_WIDTH - _MARGIN - _RIGHT + 12, y + 15, text, "alert" if each.failed else "muted")
    canvas.text(_WIDTH - _MARGIN, y + 15, need, "size")
    canvas.close_group()


def _legend(canvas: Canvas, y: float) -> float:
    x = _MARGIN
    for words, classes in (
        ("in use at most", "k-cma thin"),
        ("smallest pool without a failure", "k-free solid"),
        ("the size tried", "ghost"),
    ):
        canvas.rect(x, y - 11, 22, 14, classes)
        canvas.text(x + 29, y, words, "legend")
        x += 47 + 7.0 * len(words) + 18
    return y + 24
