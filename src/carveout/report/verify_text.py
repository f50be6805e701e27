# SPDX-License-Identifier: Apache-2.0
"""A verification as text: what disagrees first, then what was deduced, what failed later, and what agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Exactness, Outcome
from carveout.observe.compare import EXCERPT
from carveout.observe.item import Standing
from carveout.observe.trace_back import reasons
from carveout.report.terminal import wrap
from carveout.report.words import errno_name, fit, hole_text, outcome_text, request, safe, scene_line
from carveout.units import address_digits, format_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot.result import PlacedRegion
    from carveout.observe.item import Cause, Item
    from carveout.observe.log import BootLog, Log
    from carveout.observe.verification import Traced, Verification
    from carveout.report.terminal import Terminal

_MOST_SHOWN = 40
"""Differences, failures and lines shown without --all."""
_MAX_TEXT = 600
_SOURCES = {
    "log": "the log",
    "iomem": "/proc/iomem",
    "memblock": "memblock's lists",
    "cma": "the contiguous areas",
    "meminfo": "/proc/meminfo",
}


def render_verify_text(
    result: Verification, *, title: str, terminal: Terminal, show_all: bool = False
) -> str:
    """Return a verification as lines of text, each ended by a newline.

    title: what was compared with what. show_all: every line that agrees, too.
    """
    page = _Page(result, terminal, show_all=show_all)
    lines = [terminal.paint("heading", fit(title, terminal.width, ascii_only=terminal.ascii_only))]
    lines += page.head()
    for section in (
        page.differences(),
        page.deduced(),
        page.refused(),
        page.failures(),
        page.harmless(),
        page.regions(),
        page.unseen(),
        page.not_understood(),
        page.notes(),
        page.scene(),
    ):
        if section:
            lines += ["", *section]
    return "".join(line.rstrip() + "\n" for line in lines)


class _Page:
    def __init__(self, result: Verification, terminal: Terminal, *, show_all: bool) -> None:
        self.result = result
        self.terminal = terminal
        self.most = 1 << 30 if show_all else _MOST_SHOWN
        self.show_all = show_all
        self.named = {region.name: region for region in result.boot.regions}

    # ------------------------------------------------------------- the verdict

    def head(self) -> list[str]:
        result = self.result
        count = len(result.differences)
        agreeing = sum(item.standing is Standing.AGREES for item in result.items)
        if count:
            role, verdict = "error", f"differs: {count} of {count + agreeing} comparisons"
        elif agreeing:
            role, verdict = (
                "cma",
                f"agrees: {agreeing} comparison{'s' if agreeing > 1 else ''}, no difference",
            )
        else:
            role, verdict = "warning", "nothing was seen that could be compared"
        lines = [self._line(f"{scene_line(result.boot)}: prediction {_exactness(result)}")]
        lines += [self.terminal.paint(role, self._line(verdict))]
        return lines

    # ------------------------------------------------------------- sections

    def differences(self) -> list[str]:
        lines = []
        groups: dict[tuple[str, str], list[Item]] = {}
        for item in self.result.differences:
            cause = item.cause.text if item.cause is not None else ""
            groups.setdefault((item.subject, cause), []).append(item)
        for number, ((subject, _cause), items) in enumerate(groups.items()):
            if number == self.most:
                lines.append(self._line(f"  {len(groups) - number} more (--all lists them)"))
                break
            lines += self._difference(subject, items)
        return self._section("Differences", lines, role="error")

    def _difference(self, subject: str, items: Sequence[Item]) -> list[str]:
        lines = self._wrapped(
            f"{subject}: {', '.join(dict.fromkeys(_standing(item) for item in items))}", "  ", "    ", "error"
        )
        for item in items:
            where = f"line {item.line}" if item.line else _SOURCES.get(item.source, item.source)
            lines += self._wrapped(f"seen ({where}): {item.seen or 'nothing'}", "    ", "      ")
            lines += self._wrapped(f"predicted: {item.predicted or 'nothing'}", "    ", "      ")
        region = self.named.get(subject)
        if region is not None and region.why:
            why = "; ".join(reasons(region, self.result.boot))
            lines += self._wrapped(f"why that was predicted: {why}", "    ", "      ") if why else []
        cause = items[0].cause
        if cause is not None:
            lines += self._cause(cause)
        return lines

    def _cause(self, cause: Cause) -> list[str]:
        text = (
            cause.text
            if cause.kind == "unknown" or cause.text.startswith("unknown")
            else f"{cause.text} [{cause.kind}]"
        )
        lines = self._wrapped(f"cause: {text}", "    ", "      ")
        if cause.is_tried:
            lines += self._wrapped("a boot simulated so shows what was seen", "      ", "      ")
        for other in cause.others:
            lines += self._wrapped(f"or: {other}", "      ", "        ")
        for evidence in cause.evidence[:3]:
            lines += self._wrapped(f"evidence: {evidence}", "      ", "        ")
        return lines

    def deduced(self) -> list[str]:
        lines = []
        for deduction in self.result.deductions:
            lines += self._wrapped(f"{deduction.text} [{deduction.kind}]", "  - ", "    ")
            if deduction.settles:
                lines += self._wrapped(
                    f"with it these agree: {', '.join(deduction.settles[:8])}", "    ", "      "
                )
            for evidence in deduction.evidence[:2]:
                lines += self._wrapped(f"evidence: {evidence}", "    ", "      ")
        return self._section("Deduced, since nothing says it", lines)

    def refused(self) -> list[str]:
        """Regions that were not had, as predicted, with the reason."""
        agreed = {item.subject for item in self.result.items if item.standing is Standing.AGREES}
        benign = {one.text for one in self.result.harmless}
        lines = []
        for region in self.result.boot.regions:
            is_had = region.outcome is Outcome.PLACED and not is_refused(self.result, region)
            if is_had or region.name not in agreed or any(f"'{region.name}'" in text for text in benign):
                continue
            digits = address_digits(
                max((entry.base + entry.size for entry in self.result.boot.memory), default=0)
            )
            what = "refused by its driver" if region.outcome is Outcome.PLACED else outcome_text(region)
            lines += self._wrapped(f"{region.path}: {what}", "  ", "    ", "error")
            lines += self._wrapped(f"asked for: {request(region, digits)}", "    ", "      ")
            for reason in reasons(region, self.result.boot):
                lines += self._wrapped(f"why: {reason}", "    ", "      ")
            hole = hole_text(region, digits)
            if hole:
                lines += self._wrapped(f"largest free range met: {hole}", "    ", "      ")
        return self._section("Refused, as predicted, and why", lines)

    def failures(self) -> list[str]:
        lines: list[str] = []
        traced = self.result.failures
        for number, one in enumerate(traced):
            if number == self.most:
                lines.append(self._line(f"  {len(traced) - number} more (--all lists them)"))
                break
            lines += self._failure(one)
        return self._section("Failed later", lines)

    def _failure(self, one: Traced) -> list[str]:
        lines = self._wrapped(f"line {one.failure.line}: {one.failure.text}", "  ", "    ", "warning")
        behind = f"{one.subject}: " if one.subject else ""
        lines += self._wrapped(f"{behind}{one.why}", "    ", "      ")
        if one.is_predicted:
            errno = f": {errno_name(one.failure.errno)}" if one.failure.errno else ""
            lines += self._wrapped(f"predicted{errno}", "    ")
        return lines

    def harmless(self) -> list[str]:
        lines = []
        shown = self.result.harmless
        for number, one in enumerate(shown):
            if number == self.most:
                lines.append(self._line(f"  {len(shown) - number} more (--all lists them)"))
                break
            lines += self._wrapped(f"line {one.line}: {one.text}", "  ", "    ")
            lines += self._wrapped(one.why, "    ", "    ")
        return self._section("Looks alarming, is harmless", lines)

    def regions(self) -> list[str]:
        items = [item for item in self.result.items if item.standing is Standing.AGREES]
        if not items:
            return []
        if self.show_all:
            lines = []
            for item in items:
                where = f"line {item.line}" if item.line else _SOURCES.get(item.source, item.source)
                lines += self._wrapped(f"{item.subject}: {item.seen} ({where})", "  ", "    ")
                if item.note:
                    lines += self._wrapped(item.note, "      ", "      ")
            return self._section("Agrees", lines)
        by_subject: dict[str, list[Item]] = {}
        for item in items:
            by_subject.setdefault(item.subject, []).append(item)
        width = min(max(len(safe(name)) for name in by_subject), 40)
        lines = []
        for number, (subject, found) in enumerate(by_subject.items()):
            if number == self.most:
                lines.append(self._line(f"  {len(by_subject) - number} more (--all lists them)"))
                break
            lines.append(self._line(f"  {fit(subject, width):<{width}}  {self._how(subject, found)}"))
        return self._section("Agrees", lines)

    def _how(self, subject: str, items: Sequence[Item]) -> str:
        region = self.named.get(subject)
        if region is not None:
            text = _region_words(region)
        else:
            text = items[0].seen or items[0].predicted or ""
        sources = ", ".join(dict.fromkeys(_SOURCES.get(item.source, item.source) for item in items))
        return f"{text}  ({sources})"

    def unseen(self) -> list[str]:
        items = [
            item for item in self.result.items if not item.decides and item.standing is not Standing.AGREES
        ]
        lines = []
        if not self.show_all:
            cut = [item for item in items if item.note == EXCERPT]
            items = [item for item in items if item.note != EXCERPT]
            if cut:
                subjects = ", ".join(dict.fromkeys(item.subject for item in cut))
                count = f"{len(cut)} predicted message{'s' if len(cut) > 1 else ''}"
                told = f"{count} not in this excerpt of a log (--all lists them): {subjects}"
                lines += self._wrapped(told, "  ", "    ")
        for number, item in enumerate(items):
            if number == self.most:
                lines.append(self._line(f"  {len(items) - number} more (--all lists them)"))
                break
            word = "seen" if item.standing is Standing.ONLY_SEEN else "predicted"
            text = item.seen if item.standing is Standing.ONLY_SEEN else item.predicted
            where = f" (line {item.line})" if item.line else ""
            lines += self._wrapped(f"{item.subject}: only {word}{where}: {text}", "  ", "    ")
            if item.note:
                lines += self._wrapped(item.note, "      ", "      ")
        return self._section("Only predicted or only seen, and no disagreement", lines)

    def not_understood(self) -> list[str]:
        log = self.result.evidence.log
        return [] if log is None else not_understood(log.boot, self.terminal)

    def notes(self) -> list[str]:
        told = [f"deduced: {deduction.text}" for deduction in self.result.deductions]
        notes = [
            note
            for note in dict.fromkeys((*self.result.why, *self.result.notes, *self.result.boot.notes))
            if note not in told
        ]
        log = self.result.evidence.log
        if log is not None:
            notes += log_notes(log)
        lines = []
        for note in notes:
            lines += self._wrapped(note, "  - ", "    ")
        return self._section("Notes", lines)

    def scene(self) -> list[str]:
        facts = [fact for fact in self.result.boot.scene.facts if fact.value]
        width = min(max((len(fact.name) for fact in facts), default=0), 24)
        lines = []
        for fact in facts:
            first = f"  {safe(fact.name, limit=24):<{width}}  "
            lines += self._wrapped(f"{fact.value}  [{fact.source}]", first, " " * len(first))
        return self._section("Scene (value and where it comes from)", lines)

    # ------------------------------------------------------------- lines

    def _section(self, heading: str, lines: list[str], role: str = "heading") -> list[str]:
        return [self.terminal.paint(role, heading), *lines] if lines else []

    def _line(self, text: str) -> str:
        return fit(text, self.terminal.width, ascii_only=self.terminal.ascii_only)

    def _wrapped(self, text: str, first: str, rest: str | None = None, role: str = "") -> list[str]:
        return wrapped(text, first, rest, terminal=self.terminal, role=role)


def wrapped(
    text: str, first: str, rest: str | None = None, *, terminal: Terminal, role: str = ""
) -> list[str]:
    """Return text made safe and broken into lines: the first with `first` before it, the others with `rest`."""
    indent = first if rest is None else rest
    shown = safe(text, ascii_only=terminal.ascii_only, limit=_MAX_TEXT)
    lines = wrap(shown, terminal.width - len(indent))
    return [
        terminal.paint(role, (first if number == 0 else indent) + line)
        if role
        else (first if number == 0 else indent) + line
        for number, line in enumerate(lines)
    ]


def not_understood(boot: BootLog, terminal: Terminal) -> list[str]:
    """Return the section about lines that were not understood; empty when all were."""
    if not boot.missed_count:
        return []
    count = boot.missed_count
    lines = [
        terminal.paint(
            "heading", f"Not understood: {count} line{'s' if count > 1 else ''} about reserved memory"
        )
    ]
    for record in boot.missed:
        lines += wrapped(f"line {record.number}: {record.text}", "  ", "    ", terminal=terminal)
    if count > len(boot.missed):
        lines.append(f"  {count - len(boot.missed)} more")
    return lines


def log_notes(log: Log) -> list[str]:
    """Return what has to be said about a log as a whole."""
    notes = []
    boot = log.boot
    if len(log.boots) > 1:
        others = ", ".join(
            f"{one.number} (line {one.line}, {one.release or 'kernel not named'})" for one in log.boots[:6]
        )
        notes.append(
            f"the log holds {len(log.boots)} boots; number {boot.number} is shown, --boot N chooses another: {others}"
        )
    if boot.dropped:
        notes.append(f"the kernel dropped {boot.dropped} messages: that one is not there says nothing")
    if boot.left_out:
        notes.append(f"{boot.left_out} messages beyond the first {len(boot.said)} were counted, not compared")
    if log.cut_lines:
        notes.append(f"{log.cut_lines} lines are too long for a log: only their beginning was looked at")
    if not boot.has_start:
        notes.append(
            "the log does not have the kernel's first lines: what is not in it may have been printed"
        )
    return notes


def is_refused(result: Verification, region: PlacedRegion) -> bool:
    """Say whether the region's driver refused it."""
    return any(item.subject == region.name and item.what == "matching-fail" for item in result.items)


def _standing(item: Item) -> str:
    return {
        Standing.DIFFERS: "differs",
        Standing.ONLY_PREDICTED: "predicted, not seen",
        Standing.ONLY_SEEN: "seen, not predicted",
        Standing.AGREES: "agrees",
    }[item.standing]


def _exactness(result: Verification) -> str:
    if not result.boot.ram_known:
        return "without RAM, which is not known (pass --memory SIZE@BASE)"
    return {
        Exactness.EXACT: "exact",
        Exactness.MODELLED: "modelled, see the notes",
        Exactness.UNKNOWN: "partly unknown, see the notes",
    }[result.exactness]


def _region_words(region: PlacedRegion) -> str:
    if region.base is None:
        return outcome_text(region)
    last = max(region.base, region.base + (region.size or 0) - 1)
    if not region.size:
        return f"0x{region.base:08x}, 0 bytes, {outcome_text(region)}"
    text = f"0x{region.base:08x}..0x{last:08x} {format_size(region.size)}, {outcome_text(region)}"
    return f"{text}, {region.pool} pool" if region.pool else text
