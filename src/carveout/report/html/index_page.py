# SPDX-License-Identifier: Apache-2.0
"""Many boards on one page: counts, worst first, each with a link to its own page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from carveout.check.model import Severity
from carveout.report.findings_text import summary_line
from carveout.report.html.map_page import View, render_map_page
from carveout.report.html.template import render
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.check.model import Finding
    from carveout.check.result import BoardResult, Totals

INDEX = "index.html"

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_LONGEST_NAME = 60


class BoardEntry(NamedTuple):
    """One board of the index."""

    file: str
    """As it was named."""
    page: str | None
    """Name of its page, beside the index; None: it could not be booted in any scene, so there is no map."""
    counts: tuple[int, int, int]
    """Errors, warnings, notes."""
    worst: Finding | None
    rules: tuple[tuple[str, str], ...]
    """Code and slug of every error and warning, one each time it was found."""
    allowed: int = 0
    """Findings that somebody has looked at and allowed."""
    refused: tuple[tuple[str, str], ...] = ()
    """Scenes it could not be booted in: (name, why)."""


def board_page(result: BoardResult, number: int) -> tuple[BoardEntry, str | None]:
    """Return the entry of a board, and its page.

    number: tells its file name from others, whatever the board is called.
    """
    views = [View(name, boot) for name, boot in result.boots]
    page = (
        render_map_page(views, title=result.file, findings=result.findings, allowed=result.allowed)
        if views
        else None
    )
    found = sorted(result.findings, key=lambda finding: finding.severity.rank)
    loud = [finding for finding in found if finding.severity is not Severity.NOTE]
    entry = BoardEntry(
        file=result.file,
        page=page_name(result.file, number) if page is not None else None,
        counts=_counts(result.findings),
        worst=loud[0] if loud else None,
        rules=tuple((finding.code, finding.slug) for finding in loud),
        allowed=len(result.allowed),
        refused=result.refused,
    )
    return entry, page


def page_name(file: str, number: int) -> str:
    """Return a name for a board's page: a number, and what of the board's own name is harmless in any file system."""
    stem = _NOT_IN_NAMES.sub("-", file.rpartition("/")[2].lower().removesuffix(".dtb").removesuffix(".dts"))
    return f"{number:04d}-{stem[:_LONGEST_NAME].strip('-') or 'board'}.html"


def render_index(
    entries: Sequence[BoardEntry], *, totals: Totals | None = None, of_none: Sequence[Finding] = ()
) -> str:
    """Return the index. totals: of the whole run. of_none: findings that belong to no board, such as idle [[allow]]s."""
    ordered = sorted(entries, key=lambda entry: ([-count for count in entry.counts], entry.file))
    rules: dict[tuple[str, str], list[str]] = {}
    for entry in ordered:
        for rule in entry.rules:
            rules.setdefault(rule, []).append(entry.file)
    counts = [entry.counts for entry in entries] + [_counts(of_none)]
    values = {
        "title": f"{len(entries)} board{'' if len(entries) == 1 else 's'} checked",
        "summary": summary_line(totals).strip() if totals is not None else "",
        "totals": [
            *zip(("errors", "warnings", "notes"), map(sum, zip(*counts, strict=True)), strict=True),
            ("allowed", sum(entry.allowed for entry in entries)),
        ],
        "entries": [_row(entry) for entry in ordered],
        "rules": sorted(
            ((code, slug, len(files), len(set(files))) for (code, slug), files in rules.items()),
            key=lambda row: (-row[2], row[0]),
        ),
        "unreadable": list(totals.unreadable) if totals is not None else [],
        "of_none": [_of_none(finding) for finding in of_none],
    }
    return render("index.html", values, scripts=("index.js",))


def _row(entry: BoardEntry) -> dict[str, Any]:
    worst = entry.worst
    return {
        "file": entry.file,
        "page": entry.page,
        "counts": (*entry.counts, entry.allowed),
        "worst": f"{worst.code} {worst.path}: {worst.message}" if worst is not None else "",
        "refused": [f"{name}: {why}" for name, why in entry.refused],
    }


def _of_none(finding: Finding) -> dict[str, str]:
    return {
        "severity": str(finding.severity),
        "code": finding.code,
        "file": finding.file,
        "path": finding.path,
        "message": finding.message,
        "fix": finding.fix or "",
    }


def _counts(findings: Iterable[Finding]) -> tuple[int, int, int]:
    numbers = dict.fromkeys(Severity, 0)
    for finding in findings:
        numbers[finding.severity] += 1
    return numbers[Severity.ERROR], numbers[Severity.WARNING], numbers[Severity.NOTE]
