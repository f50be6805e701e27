# SPDX-License-Identifier: Apache-2.0
"""Two boots set side by side as text: what differs, first the memory and then the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.diff_words import (
    area_ends,
    area_name,
    consumer_ends,
    consumer_name,
    memory_rows,
    place,
    region_details,
    verb_of,
)
from carveout.report.layout import lay_out
from carveout.report.terminal import wrap
from carveout.report.words import exactness_text, safe, scene_line, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.change.difference import Difference, RegionPair
    from carveout.report.terminal import Terminal

_LIMIT = 1000


def render_text(difference: Difference, *, names: tuple[str, str], terminal: Terminal) -> str:
    """Return the differences as lines of text. names: what to call the two boards."""
    return "".join(line.rstrip() + "\n" for line in _Text(difference, names, terminal).lines())


class _Text:
    def __init__(self, difference: Difference, names: tuple[str, str], terminal: Terminal) -> None:
        self._found = difference
        self._names = names
        self._terminal = terminal
        self._layouts = (lay_out(difference.before), lay_out(difference.after))
        self._digits = max(layout.digits for layout in self._layouts)

    def lines(self) -> Iterator[str]:
        boots = (self._found.before, self._found.after)
        for sign, name, result in zip("-+", self._names, boots, strict=True):
            line = f"{sign} {safe(name)}: {scene_line(result)}: {exactness_text(result).partition(',')[0]}"
            yield self._terminal.paint("heading", line)
            bad = verdict(result)
            if bad is not None:
                yield self._terminal.paint("error", f"{sign} {safe(bad, limit=_LIMIT)}")
        if not self._found.differs:
            yield "no difference in what becomes of memory"
        yield from self._section("scene", self._scene())
        yield from self._section("regions", self._regions())
        yield from self._section("contiguous areas", self._areas())
        yield from self._section("devices", self._consumers())
        yield from self._section("memory", self._memory())
        yield from self._section("log", self._log())

    def _section(self, title: str, lines: Iterator[str]) -> Iterator[str]:
        shown = list(lines)
        if shown:
            yield ""
            yield self._terminal.paint("heading", title)
            yield from (f"  {line}" for line in shown)

    def _scene(self) -> Iterator[str]:
        for pair in self._found.scene:
            old = safe(pair.before.value) if pair.before else "none"
            new = safe(pair.after.value) if pair.after else "none"
            yield f"{pair.name}: {old} -> {new}"

    def _regions(self) -> Iterator[str]:
        pairs = self._found.changed_regions
        width = max((len(verb_of(pair)) for pair in pairs), default=0)
        for pair in pairs:
            region = pair.after or pair.before
            if region is None:
                continue
            yield f"{verb_of(pair):<{width}}  {safe(region.path)}"
            indent = " " * (width + 2)
            yield from (indent + text for text in self._region(pair))
        same = len(self._found.regions) - len(pairs)
        if pairs and same:
            yield f"{same} {'region is' if same == 1 else 'regions are'} the same"

    def _region(self, pair: RegionPair) -> Iterator[str]:
        old = place(pair.before, self._digits) if pair.before else None
        new = place(pair.after, self._digits) if pair.after else None
        if old != new:
            yield " -> ".join(text for text in (old, new) if text is not None)
        elif new is not None:
            yield new
        for text in region_details(pair):
            yield from wrap(safe(text, limit=_LIMIT), self._terminal.width - 14)
        if pair.after is not None and pair.after.base is None and pair.after.why:
            yield from wrap(safe(pair.after.why, limit=_LIMIT), self._terminal.width - 14)

    def _areas(self) -> Iterator[str]:
        for pair in self._found.changed_areas:
            old, new = area_ends(pair, self._digits)
            yield f"{safe(area_name(pair))}: {old} -> {new}"

    def _consumers(self) -> Iterator[str]:
        for pair in self._found.consumers:
            old, new = consumer_ends(pair)
            yield f"{safe(consumer_name(pair))}: {safe(old, limit=_LIMIT)} -> {safe(new, limit=_LIMIT)}"

    def _memory(self) -> Iterator[str]:
        old, new = (layout.totals for layout in self._layouts)
        if old is None or new is None:
            if old is not new:
                yield "RAM is known in one of the two only"
            return
        for name, before, after, more in memory_rows(old, new):
            yield f"{name}: {before} -> {after} ({more})"

    def _log(self) -> Iterator[str]:
        for sign, line in self._found.log:
            yield self._terminal.paint(
                "error" if sign == "-" else "cma", f"{sign} {safe(line, limit=_LIMIT)}"
            )
