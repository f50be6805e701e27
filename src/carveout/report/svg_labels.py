# SPDX-License-Identifier: Apache-2.0
"""What is written beside the picture, and where: labels as near to their place as they can be, none overlapping."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from carveout.boot.result import Exactness, Outcome
from carveout.report.layout import SpanKind
from carveout.report.svg_canvas import BOLD_EM, MONO_EM, columns, fit, weight, wrapped
from carveout.report.svg_frame import BESIDE_ROOM, SIZE_ROOM
from carveout.report.svg_style import fill_class
from carveout.report.words import (
    hole_text,
    outcome_text,
    region_attributes,
    region_owner,
    request,
    row_size,
    safe,
)
from carveout.span import Span
from carveout.units import format_range, format_size
from carveout.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot.result import ConsumerResult, PlacedRegion
    from carveout.report.layout import DisplaySpan, Layout

LINE_HEIGHT = 15.0
PADDING = 5.0
GAP = 5.0

# With more labels than this the picture would get too tall, so they take two lines each.
_COMPACT_FROM = 20

# Page tables are scattered; only the largest clusters are worth a label.
_EARLY_LABELS = 2
_WHY_CHARACTERS = 230
"""Of a reason beside the picture: three lines of the wide one."""
_USERS_NAMED = 2
_FACT_LINES = 2
_SIZE_CHARACTER = 7.4
"""Pixels of a digit or letter of a size."""
_DOT = " \N{MIDDLE DOT} "
_PATH_PARTS = (None, 3, 2, 1)
"""How many parts of a user's path are told: as many as there is room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A labelled box. lines: (text, classes), top to bottom; the first has `size` at its right end."""

    lines: tuple[tuple[str, str], ...]
    size: str
    beside: str = ""
    """The addresses, when they stand in the first line."""
    title: str
    """The whole truth, for the pointer."""
    anchor: Span | None
    """The addresses it speaks of; None when it has no place."""
    swatch: str
    """Class of the magnified block."""
    nomap: bool = False
    dashed: bool = False
    ghost: bool = False
    mark: str = ""
    """What a page finds it by: see `row_mark` and `failed_mark`."""

    @property
    def height(self) -> float:
        """Pixels from top to bottom."""
        return len(self.lines) * LINE_HEIGHT + 2 * PADDING


def labels(layout: Layout, width: float, *, compact: bool = True) -> list[Label]:
    """Return the labels of a map in the order of their addresses; those without a place come last.

    width: pixels. compact: of many labels each may have its addresses in its first line.
    """
    marks = {id(row): row_mark(number) for number, row in enumerate(layout.spans)}
    early = sorted(
        (row for row in layout.spans if row.kind is SpanKind.EARLY), key=lambda row: (-row.used, row.span)
    )
    quiet = early[_EARLY_LABELS:]
    rows = [
        row for row in layout.spans if row.kind not in (SpanKind.FREE, SpanKind.HOLE) and row not in quiet
    ]
    make = _compact_label if compact and len(rows) > _COMPACT_FROM else _row_label
    found = [replace(make(row, layout, width), mark=marks[id(row)]) for row in rows]
    found += [
        replace(_ghost(region, layout, width), mark=failed_mark(number))
        for number, region in enumerate(layout.failed)
    ]
    return sorted(found, key=lambda label: (label.anchor is None, label.anchor or Span(0, 0)))


def row_mark(number: int) -> str:
    """Return what a page finds a row of the layout by."""
    return f"r{number}"


def failed_mark(number: int) -> str:
    """Return what a page finds a request without a place by."""
    return f"f{number}"


def place(heights: Sequence[float], wanted: Sequence[float], *, top: float, bottom: float) -> list[float]:
    """Return the tops of boxes whose centres are wanted at ascending places: ordered, apart, near.

    Boxes that would overlap are joined into a block, which is centred on the mean of what its boxes want
    (the least-squares answer). The result stays inside top..bottom if the boxes fit there at all.
    """
    blocks: list[list[float]] = []  # [first wanted top as a mean, boxes, height]
    for height, centre in zip(heights, wanted, strict=True):
        blocks.append([centre - height / 2, 1.0, height + GAP])
        while len(blocks) > 1 and blocks[-2][0] + blocks[-2][2] > blocks[-1][0]:
            mean, count, length = blocks.pop()
            before = blocks[-1]
            before[0] = (before[0] * before[1] + (mean - before[2]) * count) / (before[1] + count)
            before[1] += count
            before[2] += length
    tops: list[float] = []
    index = 0
    for mean, count, _ in blocks:
        y = mean
        for _ in range(int(count)):
            tops.append(y)
            y += heights[index] + GAP
            index += 1
    low = bottom
    for index in reversed(range(len(tops))):
        tops[index] = min(tops[index], low - heights[index])
        low = tops[index] - GAP
    high = top
    for index, y in enumerate(tops):
        tops[index] = max(y, high)
        high = tops[index] + heights[index] + GAP
    return tops


def _row_label(row: DisplaySpan, layout: Layout, width: float) -> Label:
    words = _attributes(row)
    place_text = format_range(row.span, layout.digits)
    place_line = f"{place_text}{_DOT}{words}" if words else place_text
    narrow = columns(width, 11)
    lines = [(line, "name") for line in _name_lines(row.label, row_size(row.span.size), width)]
    if len(place_line) <= columns(width, 11, MONO_EM):
        lines.append((place_line, "mono"))
    else:
        lines.append((fit(place_text, columns(width, 11, MONO_EM)), "mono"))
        lines += [(line, "muted") for line in wrapped(fit(words, _FACT_LINES * narrow - 10), narrow)]
    for fact in _quiet_facts(row, narrow):
        lines += [(line, "muted") for line in wrapped(fit(fact, _FACT_LINES * narrow - 10), narrow)]
    lines += [(fit(fact, narrow), "alert") for fact in _loud_facts(row)]
    return _label(row, tuple(lines), place_text, words)


def _name_lines(name: str, size: str, width: float, *, outcome: str = "") -> list[str]:
    # A name of one line or two, with what became of it. The first line leaves room for the size.
    name = safe(name)
    first = columns(width - _SIZE_CHARACTER * len(size) - PADDING, 12.5, BOLD_EM)
    both = f"{name}: {outcome}" if outcome else name
    if weight(both) <= first + 1:
        return [both]
    behind = [outcome] if outcome else []
    if weight(name) <= first + 1:
        return [name, *behind]
    # Broken before a unit address, else behind a word.
    at = name.rfind("@", 1, first + 1)
    if at < 1:
        at = max(name.rfind(mark, 1, first) + 1 for mark in "-_,. ")
    if at > 1 and weight(name[at:]) <= columns(width, 12.5, BOLD_EM):
        return [name[:at].rstrip(), name[at:], *behind]
    return [fit(name, first), *behind]


def _compact_label(row: DisplaySpan, layout: Layout, width: float) -> Label:
    words = _attributes(row)
    place_text = format_range(row.span, layout.digits)
    room = width - SIZE_ROOM - BESIDE_ROOM
    loud = _loud_facts(row, is_short=True)
    line = columns(width, 11)
    told = len(_DOT.join(fact for fact in (words, *loud) if fact))
    facts = [fact for fact in (words, *loud, *_quiet_facts(row, line - told - len(_DOT))) if fact]
    second = fit(_DOT.join(facts), line)
    lines = ((fit(row.label, columns(room, 12.5, BOLD_EM)), "name"), (second, "alert" if loud else "muted"))
    return replace(_label(row, lines, place_text, words), beside=place_text)


def _label(row: DisplaySpan, lines: tuple[tuple[str, str], ...], place_text: str, words: str) -> Label:
    path = row.region.path if row.region is not None else row.label
    facts = (path, place_text, row_size(row.span.size), words, *_quiet_facts(row), *_loud_facts(row))
    return Label(
        lines=lines,
        size=row_size(row.span.size),
        title="; ".join(fact for fact in facts if fact),
        anchor=row.span,
        swatch=fill_class(row),
        nomap=is_nomap(row),
        dashed=is_dynamic(row),
    )


def _attributes(row: DisplaySpan) -> str:
    words = [] if row.region is None else [" ".join(region_attributes(row.region))]
    if row.cma is not None and (row.cma.is_default or row.region is None):
        words.append("lent to the system")
    if row.pieces > 1:
        words.append(f"{row.pieces} pieces, {row_size(row.used)} in use")
    if row.exactness is not Exactness.EXACT:
        words.append(str(row.exactness))
    return ", ".join(word for word in words if word)


def _quiet_facts(row: DisplaySpan, room: int | None = None) -> list[str]:
    # room: characters for all of them; paths of users are shortened to what tells them apart. None: no matter.
    owner = region_owner(row.region) if row.region is not None else None
    others = [fact for fact in (owner, row.remark) if fact]
    left = None if room is None else room - sum(len(fact) + len(_DOT) for fact in others)
    return [fact for fact in (owner, _users(row.users, left), row.remark) if fact]


def _loud_facts(row: DisplaySpan, *, is_short: bool = False) -> list[str]:
    facts = ["overlaps " + ", ".join(row.overlaps)] if row.overlaps else []
    if not row.in_ram:
        facts.append("not all in RAM" if is_short else "not in RAM, or not all of it")
    return facts


def is_nomap(row: DisplaySpan) -> bool:
    """Say whether a row is hatched."""
    return row.label == "no-map memory" if row.region is None else row.region.nomap


def is_dynamic(row: DisplaySpan) -> bool:
    """Say whether a row has a dashed outline."""
    return row.region is not None and row.region.kind == "dynamic"


def _ghost(region: PlacedRegion, layout: Layout, width: float) -> Label:
    narrow = columns(width, 11)
    size = "" if region.requested_size is None else format_size(region.requested_size)
    named = _name_lines(region.name, size, width, outcome=outcome_text(region))
    lines = [(line, "name bad") for line in named]
    facts = [f"asked for {request(region, layout.digits)}"]
    lines += [(line, "muted") for line in _some_lines(facts[0], narrow)]
    hole = hole_text(region, layout.digits)
    if hole:
        facts.append(f"largest free range met: {hole}")
        lines += [(line, "muted") for line in _some_lines(facts[-1], narrow)]
    if region.why:
        facts.append(region.why)
        lines += [(line, "alert") for line in _some_lines(region.why, narrow)]
    return Label(
        lines=tuple(lines),
        size=size,
        title=f"{region.path}: {outcome_text(region)}; " + "; ".join(facts),
        anchor=missed_span(region),
        swatch="ghost",
        nomap=False,
        ghost=True,
        dashed=region.outcome is Outcome.ALLOC_FAILED,
    )


def missed_span(region: PlacedRegion) -> Span | None:
    """Return what a request without a place missed: the addresses it asked for, else the largest hole it met."""
    if region.requested_base is not None and region.requested_size:
        return Span.sized(region.requested_base, region.requested_size)
    if region.hole is not None and region.hole.span.size > 0:
        return region.hole.span
    return None


def _some_lines(text: str, width: int) -> list[str]:
    # As many lines as a label has room for; where there are more, the last one says so.
    lines = wrapped(text, width)
    most = max(_WHY_CHARACTERS // width, 1)
    if len(lines) > most:
        lines[most - 1] = lines[most - 1][: width - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return lines[:most]


def _users(users: Sequence[ConsumerResult], room: int | None) -> str:
    if not users:
        return ""
    more = f" and {len(users) - _USERS_NAMED} more" if len(users) > _USERS_NAMED else ""
    text = ""
    for parts in _PATH_PARTS:
        named = ", ".join(_end_of(use.path, parts) for use in users[:_USERS_NAMED])
        text = f"used by {named}{more}"
        if room is None or len(text) <= room:
            break
    return text


def _end_of(path: str, parts: int | None) -> str:
    # The last parts of a path, which say what a device is; None: all of it.
    found = path.split("/")
    if parts is None or len(found) - 1 <= parts:
        return path
    return "\N{HORIZONTAL ELLIPSIS}/" + "/".join(found[-parts:])
