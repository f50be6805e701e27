# SPDX-License-Identifier: Apache-2.0
"""What a log alone shows of memory, as text: the map without a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.observe.item import Item, Standing
from carveout.observe.trace_back import harmless
from carveout.report.verify_text import log_notes, not_understood, wrapped
from carveout.report.words import fit, row_size, safe
from carveout.span import Span
from carveout.units import address_digits, format_range, format_size

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.observe.log import Log
    from carveout.observe.log_map import LogMap, LogRow
    from carveout.report.terminal import Terminal

_MOST = 60


def render_log_text(
    log: Log, shown: LogMap, *, title: str, terminal: Terminal, show_all: bool = False
) -> str:
    """Return the map of a log as lines of text, each ended by a newline. title: the log's name."""
    boot = log.boot
    most = 1 << 30 if show_all else _MOST
    lines = [terminal.paint("heading", fit(title, terminal.width, ascii_only=terminal.ascii_only))]
    parts = [f"Linux {boot.release}" if boot.release else "kernel not named"]
    parts += [boot.arch] if boot.arch else []
    parts += [f"{format_size(boot.page_size)} pages"] if boot.page_size else []
    parts += [boot.model] if boot.model else []
    lines.append(fit(f"{', '.join(parts)}: from the log alone, without a tree", terminal.width))
    lines += ["", *_table(shown, terminal, most)]
    lines += _failed(shown, terminal, most)
    lines += _later(log, terminal, most)
    items = [
        Item(
            subject=said.name or "", what=said.family, standing=Standing.ONLY_SEEN, seen=said.text, said=said
        )
        for said in boot.said
    ]
    benign = [f"line {one.line}: {one.text}: {one.why}" for one in harmless(items, None)[:most]]
    lines += _section("Looks alarming, is harmless", benign, terminal)
    missed = not_understood(boot, terminal)
    lines += ["", *missed] if missed else []
    lines += _section(
        "Notes", [*log_notes(log), "a tree as BOARD says which of this was meant, and why"], terminal, "  - "
    )
    return "".join(line.rstrip() + "\n" for line in lines)


def _table(shown: LogMap, terminal: Terminal, most: int) -> list[str]:
    rows = list(shown.rows)[:most]
    if not rows and not shown.ram:
        return ["  (the log places nothing)"]
    highest = max([row.span.end for row in rows] + [span.end for span in shown.ram], default=0)
    digits = address_digits(highest)
    lines = [terminal.paint("dim", f"{'first..last':<{2 * digits + 6}}  {'size':>11}  what")]
    for span, row in _with_free(rows, shown.ram):
        place = f"{format_range(span, digits)}  {row_size(span.size):>11}  "
        if row is None:
            lines.append(terminal.paint("dim", f"{place}RAM, nothing said"))
            continue
        words = ", ".join(row.words)
        where = f"line {row.lines[0]}" if row.lines and row.lines[0] else ""
        rest = "  ".join(part for part in (words, where) if part)
        label = safe(row.name, ascii_only=terminal.ascii_only, limit=60)
        text = f"{label}  {rest}" if rest else label
        lines.append(place + terminal.paint("cma" if row.kind == "cma" else "region", text))
    if len(shown.rows) > len(rows):
        lines.append(f"  {len(shown.rows) - len(rows)} more (--all lists them)")
    if shown.ram:
        total = sum(span.size for span in shown.ram)
        lines += wrapped(f"RAM {format_size(total)}, from {shown.ram_source}", "", terminal=terminal)
    return lines


def _with_free(rows: Iterable[LogRow], ram: Iterable[Span]) -> Iterable[tuple[Span, LogRow | None]]:
    # The rows, and between them the RAM about which nothing is said.
    placed = sorted(rows, key=lambda row: row.span)
    free: list[Span] = []
    for bank in ram:
        at = bank.start
        for row in placed:
            if row.span.start >= bank.end:
                break
            if row.span.end <= at:
                continue
            if row.span.start > at:
                free.append(Span(at, row.span.start))
            at = max(at, row.span.end)
        if at < bank.end:
            free.append(Span(at, bank.end))
    found: list[tuple[Span, LogRow | None]] = [(row.span, row) for row in placed]
    found += [(span, None) for span in free]
    return sorted(found, key=lambda pair: pair[0])


def _failed(shown: LogMap, terminal: Terminal, most: int) -> list[str]:
    texts = [f"{one.name}: {one.why} (line {one.line}: {one.text})" for one in shown.failed[:most]]
    lines = _section("Not placed, or refused", texts, terminal)
    return lines + _section("Overlaps", list(shown.overlaps[:most]), terminal)


def _later(log: Log, terminal: Terminal, most: int) -> list[str]:
    failures = [f for f in log.boot.failures if str(f.kind) != "probe"]
    return _section("Failed later", [f"line {f.line}: {f.text}" for f in failures[:most]], terminal)


def _section(heading: str, texts: Iterable[str], terminal: Terminal, first: str = "  ") -> list[str]:
    lines: list[str] = []
    for text in texts:
        lines += wrapped(text, first, "    ", terminal=terminal)
    return ["", terminal.paint("heading", heading), *lines] if lines else []
