# SPDX-License-Identifier: Apache-2.0
"""Findings as text in dtc's shape, and as annotations of GitHub's workflow log.

`board.dts:12.3-15.5: Warning (region_overlap): /reserved-memory/x: message [CV101]`, or without places for a blob.
Source: check_msg(), scripts/dtc/checks.c (peers-and-users C).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Severity
from carveout.report.words import safe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.check.model import Finding

_WORDS = {Severity.ERROR: "ERROR", Severity.WARNING: "Warning", Severity.NOTE: "Note"}
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_LONGEST_PATH = 160


def render_text(findings: Iterable[Finding], *, ascii_only: bool = False) -> str:
    """Return one line for each finding, with indented lines below for fix, other places and scenes."""
    lines: list[str] = []
    for finding in findings:
        path = safe(finding.path, ascii_only=ascii_only, limit=_LONGEST_PATH)
        name = finding.slug.replace("-", "_")
        message = safe(finding.message, ascii_only=ascii_only)
        lines.append(
            f"{_place(finding)}: {_WORDS[finding.severity]} ({name}): {path}: {message} [{finding.code}]"
        )
        for word, text in _details(finding):
            lines.append(f"  {word}: {safe(text, ascii_only=ascii_only)}")
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
        yield "in", ", ".join(finding.scenes)


def summary_line(findings: Sequence[Finding], boards: int, unreadable: int) -> str:
    """Return the last line of a run: how much was checked and found."""
    counts = [
        f"{number} {word}{'' if number == 1 else 's'}"
        for severity, word in (
            (Severity.ERROR, "error"),
            (Severity.WARNING, "warning"),
            (Severity.NOTE, "note"),
        )
        if (number := sum(finding.severity is severity for finding in findings))
    ]
    checked = f"{boards} board{'' if boards == 1 else 's'} checked"
    lost = f", {unreadable} could not be read" if unreadable else ""
    return f"{checked}{lost}: {', '.join(counts) or 'nothing found'}\n"


def render_github(findings: Iterable[Finding]) -> str:
    """Return one workflow command for each finding, which GitHub shows beside the line.

    Source: GitHub's documentation of workflow commands: `::warning file=F,line=L,title=T::message`.
    """
    lines = []
    for finding in findings:
        fields = {"file": finding.source[0] if finding.source else finding.file}
        if finding.source:
            fields |= {
                "line": str(finding.source[1]),
                "col": str(finding.source[2]),
                "endLine": str(finding.source[3]),
            }
        fields["title"] = f"{finding.code} {finding.slug}"
        shown = ",".join(f"{name}={_escape(value, property_too=True)}" for name, value in fields.items())
        message = f"{finding.path}: {finding.message}"
        if finding.fix:
            message += f"\nfix: {finding.fix}"
        if finding.scenes:
            message += f"\nin: {', '.join(finding.scenes)}"
        lines.append(f"::{_LEVELS[finding.severity]} {shown}::{_escape(message)}")
    return "".join(line + "\n" for line in lines)


def _escape(text: str, *, property_too: bool = False) -> str:
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property_too else text
