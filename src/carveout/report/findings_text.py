# SPDX-License-Identifier: Apache-2.0
"""Findings as text in dtc's shape, and as annotations of GitHub's workflow log; one board after the other.

`board.dts:12.3-15.5: Warning (region_overlap): /reserved-memory/x: message [CV101]`, or without places for a blob.
Source: check_msg(), scripts/dtc/checks.c (peers-and-users C).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Severity
from carveout.report.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.check.model import Finding
    from carveout.check.result import BoardResult, Totals

_WORDS = {Severity.ERROR: "ERROR", Severity.WARNING: "Warning", Severity.NOTE: "Note"}
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_LONGEST_PATH = 160
_LONGEST_MESSAGE = 2000


class TextReport:
    """Lines for people: what was found, with fix, other places and scenes; in the end how much that was."""

    def __init__(self, *, severity: Severity, ascii_only: bool = False) -> None:
        """severity: show this and worse."""
        self._severity = severity
        self._ascii_only = ascii_only

    def begin(self) -> str:
        """Return what comes before the first board."""
        return ""

    def board(self, result: BoardResult) -> str:
        """Return what is said about one board."""
        return self.findings(result.findings)

    def findings(self, findings: Iterable[Finding]) -> str:
        """Return what is said about findings."""
        shown = (finding for finding in findings if finding.severity.rank <= self._severity.rank)
        return render_text(shown, ascii_only=self._ascii_only)

    def end(self, totals: Totals) -> str:
        """Return what comes after the last board."""
        return summary_line(totals, self._severity)


class GithubReport(TextReport):
    """Workflow commands, which GitHub shows beside the line."""

    def findings(self, findings: Iterable[Finding]) -> str:
        """Return one command for each finding."""
        return render_github(f for f in findings if f.severity.rank <= self._severity.rank)

    def end(self, totals: Totals) -> str:
        """Return the summary, which the log shows as it is."""
        errors = "".join(f"::error::{_escape(text)}\n" for text in totals.unreadable)
        return errors + summary_line(totals, self._severity)


def render_text(findings: Iterable[Finding], *, ascii_only: bool = False) -> str:
    """Return one line for each finding, with indented lines below for fix, other places and scenes."""
    lines: list[str] = []
    for finding in findings:
        path = safe(finding.path, ascii_only=ascii_only, limit=_LONGEST_PATH)
        name = finding.slug.replace("-", "_")
        message = safe(finding.message, ascii_only=ascii_only, limit=_LONGEST_MESSAGE)
        lines.append(
            f"{_place(finding)}: {_WORDS[finding.severity]} ({name}): {path}: {message} [{finding.code}]"
        )
        for word, text in _details(finding):
            lines.append(f"  {word}: {safe(text, ascii_only=ascii_only, limit=_LONGEST_MESSAGE)}")
    return "".join(line + "\n" for line in lines)


def _place(finding: Finding) -> str:
    if finding.source is None:
        return safe(finding.file, limit=_LONGEST_PATH)
    file, line, column, last_line, last_column = finding.source
    return f"{safe(file, limit=_LONGEST_PATH)}:{line}.{column}-{last_line}.{last_column}"


def _details(finding: Finding) -> Iterable[tuple[str, str]]:
    if finding.fix:
        yield "fix", finding.fix
    if finding.related:
        yield "see also", ", ".join(finding.related)
    if finding.scenes:
        yield "in", finding.bites


def summary_line(totals: Totals, shown: Severity = Severity.NOTE) -> str:
    """Return the last line of a run: how much was checked, found, held back. shown: what was not shown is said."""
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
    counts = [_count(number, words[severity]) for severity, number in totals.counts.items() if number]
    hidden = [
        words[severity] + "s"
        for severity, number in totals.counts.items()
        if number and severity.rank > shown.rank
    ]
    found = ", ".join(counts) or "nothing found"
    if hidden:
        found += f" (--severity note shows the {' and '.join(hidden)})"
    if totals.allowed:
        found += f", {totals.allowed} allowed"
    checked = f"{_count(totals.boards, 'board')} checked"
    if totals.unreadable:
        checked += f", {len(totals.unreadable)} could not be read"
    if totals.unsimulated:
        checked += f", {totals.unsimulated} not in every scene"
    return f"{checked}: {found}\n"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def render_github(findings: Iterable[Finding]) -> str:
    """Return one workflow command for each finding, which GitHub shows beside the line.

    Source: GitHub's documentation of workflow commands: `::warning file=F,line=L,title=T::message`.
    """
    lines = []
    for finding in findings:
        fields = {"file": finding.source[0] if finding.source else finding.file}
        if finding.source:
            _, line, column, last_line, last_column = finding.source
            fields |= {"line": str(line), "endLine": str(last_line)}
            if line == last_line:
                # GitHub takes columns only within one line.
                fields |= {"col": str(column), "endColumn": str(last_column)}
        fields["title"] = f"{finding.code} {finding.slug}"
        shown = ",".join(f"{name}={_escape(value, property_too=True)}" for name, value in fields.items())
        message = f"{finding.path}: {finding.message}"
        if finding.fix:
            message += f"\nfix: {finding.fix}"
        if finding.scenes:
            message += f"\nin: {finding.bites}"
        lines.append(f"::{_LEVELS[finding.severity]} {shown}::{_escape(message)}")
    return "".join(line + "\n" for line in lines)


def _escape(text: str, *, property_too: bool = False) -> str:
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property_too else text
