# SPDX-License-Identifier: Apache-2.0
"""The map as text: physical memory from low to high, and below it what did not work and what was assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Exactness, RegionKind
from carveout.report.layout import SpanKind, lay_out
from carveout.report.map_sections import after_map, before_map
from carveout.report.terminal import Terminal, bar, wrap
from carveout.report.words import (
    area_fate,
    consumer_use,
    errno_name,
    fit,
    region_attributes,
    region_device,
    region_owner,
    row_size,
    safe,
)
from carveout.units import format_range

if TYPE_CHECKING:
    from carveout.boot.result import Boot
    from carveout.report.layout import DisplaySpan, Layout

_MIN_SIZE_WIDTH = 9
_BAR_WIDTH = 10
_BAR_FROM_ROOM = 46
_MIN_LABEL = 16
_MAX_LABEL = 34
_USERS_SHOWN = 4
_FACT_LINES = 3

_MARKS = {Exactness.EXACT: " ", Exactness.MODELLED: "*", Exactness.UNKNOWN: "?"}


def render_text(boot: Boot, *, title: str, terminal: Terminal, show_all: bool = False) -> str:
    """Return the map of a boot as lines of text, each at most `terminal.width` columns and ended by a newline.

    title: what was simulated, for example the file name. show_all: every early allocation and consumer.
    """
    layout = lay_out(boot, collapse=not show_all)
    lines = before_map(boot, layout, title=title, terminal=terminal)
    lines += _Table(boot, layout, terminal, show_all=show_all).lines()
    lines += after_map(boot, layout, terminal=terminal, show_all=show_all)
    return "".join(line.rstrip() + "\n" for line in lines)


class _Table:
    # The rows of the map. Column widths are fixed once, from all rows.

    def __init__(self, boot: Boot, layout: Layout, terminal: Terminal, *, show_all: bool) -> None:
        self._layout = layout
        self._terminal = terminal
        self._show_all = show_all
        self._users_shown = len(boot.consumers) if show_all else _USERS_SHOWN
        self._digits = layout.digits
        self._marked = any(row.exactness is not Exactness.EXACT for row in layout.spans)
        self._largest = max((row.used for row in layout.spans if row.kind is not SpanKind.HOLE), default=0)
        range_width = 2 * (self._digits + 2) + 2
        self._size_width = max((len(row_size(row.span.size)) for row in layout.spans), default=0)
        self._size_width = max(self._size_width, _MIN_SIZE_WIDTH)
        self._indent = range_width + 2 + self._size_width + 2 + (2 if self._marked else 0)
        has_bar = terminal.width - self._indent - _BAR_WIDTH - 2 >= _BAR_FROM_ROOM
        self._bar_width = _BAR_WIDTH if has_bar else 0
        self._indent += self._bar_width + 2 if has_bar else 0
        self._room = max(terminal.width - self._indent, _MIN_LABEL)
        longest = max((len(row.label) for row in layout.spans), default=0)
        self._label_width = min(max(longest, _MIN_LABEL), _MAX_LABEL, max(self._room - 20, _MIN_LABEL))

    def lines(self) -> list[str]:
        if not self._layout.spans:
            return ["  (nothing is known to hold memory)", ""]
        lines = [self._header()]
        for row in self._layout.spans:
            lines += self._row(row)
        lines.append("")
        return lines

    def _header(self) -> str:
        head = f"{'first..last':<{2 * (self._digits + 2) + 2}}  {'size':>{self._size_width}}  "
        if self._bar_width:
            head += " " * (self._bar_width + 2)
        if self._marked:
            head += "  "
        return self._terminal.paint("dim", (head + "what")[: self._terminal.width])

    def _row(self, row: DisplaySpan) -> list[str]:
        place = f"{format_range(row.span, self._digits)}  {row_size(row.span.size):>{self._size_width}}  "
        if self._bar_width:
            share = "" if row.kind is SpanKind.HOLE else self._bar(row)
            place += f"{share:<{self._bar_width}}  "
        if self._marked:
            place += f"{_MARKS[row.exactness]} "
        role, ascii_only = _role(row), self._terminal.ascii_only
        label = fit(row.label, self._label_width, ascii_only=ascii_only)
        words = [safe(word, ascii_only=ascii_only) for word in self._words(row)]
        beside: list[str] = []
        while words and len(", ".join([*beside, words[0]])) <= self._room - self._label_width - 2:
            beside.append(words.pop(0))
        head = self._place(row, place)
        if beside:
            head += self._terminal.paint(role, f"{label:<{self._label_width}}") + "  " + ", ".join(beside)
        else:
            head += self._terminal.paint(role, label)
        return [head, *self._below(row, words)]

    def _place(self, row: DisplaySpan, place: str) -> str:
        quiet = row.kind in (SpanKind.FREE, SpanKind.HOLE)
        return self._terminal.paint("dim", place) if quiet else place

    def _bar(self, row: DisplaySpan) -> str:
        return bar(row.used, self._largest, self._bar_width, unicode=self._terminal.unicode)

    def _words(self, row: DisplaySpan) -> list[str]:
        if row.kind is SpanKind.FREE:
            return ["free"]
        if row.kind is SpanKind.EARLY:
            return [f"{row.pieces} pieces, {row_size(row.used)} in use"] if row.pieces > 1 else []
        words: list[str] = []
        if row.region is not None:
            words = [" ".join(region_attributes(row.region))]
            owner = region_owner(row.region)
            words += [owner] if owner else []
        if row.cma is not None:
            words.append(area_fate(row.cma))
        return [word for word in words if word]

    def _below(self, row: DisplaySpan, words: list[str]) -> list[str]:
        # What does not fit beside the label, one fact a line.
        facts: list[tuple[str, str]] = [("", word) for word in words]
        if row.remark:
            facts.append(("", row.remark))
        if row.overlaps:
            facts.append(("error", "overlaps " + ", ".join(row.overlaps)))
        if not row.in_ram and row.kind is not SpanKind.HOLE:
            facts.append(("warning", "not in RAM, or not all of it"))
        facts += self._users(row)
        lines: list[str] = []
        for role, text in facts:
            shown = fit(text, _FACT_LINES * (self._room - 2), ascii_only=self._terminal.ascii_only)
            for number, line in enumerate(wrap(shown, self._room - 4)):
                indent = " " * (self._indent + (4 if number else 2))
                lines.append(indent + self._terminal.paint(role, line))
        return lines

    def _users(self, row: DisplaySpan) -> list[tuple[str, str]]:
        failing = [use for use in row.users if use.errno is not None]
        asleep = [use for use in row.users if use.errno is None and not use.enabled]
        named = [use for use in row.users if use.errno is None and use.enabled]
        if self._show_all:
            named, asleep = named + asleep, []
        facts = [
            ("error", f"{consumer_use(use)} fails to get it: {errno_name(use.errno or 0)}") for use in failing
        ]
        if row.device is not None and row.device.errno is not None:
            facts.append(("error", f"{region_device(row.device)} fails: {errno_name(row.device.errno)}"))
        elif row.device is not None:
            facts.append(("dim", f"becomes {region_device(row.device)}"))
        words = [consumer_use(use) for use in named[: self._users_shown]]
        if len(named) > len(words):
            words.append(f"{len(named) - len(words)} more")
        if asleep:
            words.append(f"{len(asleep)} disabled device{'s' if len(asleep) > 1 else ''}")
        return [*facts, ("dim", "used by " + ", ".join(words))] if words else facts


def _role(row: DisplaySpan) -> str:
    if row.kind in (SpanKind.FREE, SpanKind.HOLE, SpanKind.EARLY):
        return "dim"
    if row.kind is SpanKind.CMA or (row.region is not None and row.region.pool == "cma"):
        return "cma"
    if row.region is not None:
        return "pool" if row.region.pool or row.region.kind is RegionKind.DYNAMIC else "region"
    return "kernel"
