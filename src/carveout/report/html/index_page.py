# SPDX-License-Identifier: Apache-2.0
"""Many boards on one page: counts, worst first, each with a link to its own page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from carveout.check.model import Severity
from carveout.report.html.map_page import View, render_map_page
from carveout.report.html.template import render
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.check.model import Finding
    from carveout.check.result import BoardResult

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
    codes: tuple[str, ...]
    """Of every error and warning, one each time it was found."""
    refused: tuple[tuple[str, str], ...] = ()
    """Scenes it could not be booted in: (name, why)."""


def board_page(result: BoardResult, number: int) -> tuple[BoardEntry, str | None]:
    """Return the entry of a board, and its page.

    number: tells its file name from others, whatever the board is called.
    """
    views = [View(name, boot) for name, boot in result.boots]
    page = render_map_page(views, title=result.file, findings=result.findings) if views else None
    found = sorted(result.findings, key=lambda finding: finding.severity.rank)
    loud = [finding for finding in found if finding.severity is not Severity.NOTE]
    entry = BoardEntry(
        file=result.file,
        page=page_name(result.file, number) if page is not None else None,
        counts=_counts(result.findings),
        worst=loud[0] if loud else None,
        codes=tuple(finding.code for finding in loud),
        refused=result.refused,
    )
    return entry, page


def page_name(file: str, number: int) -> str:
    """Return a name for a board's page: a number, and what of the board's own name is harmless in any file system."""
    stem = _NOT_IN_NAMES.sub("-", file.rpartition("/")[2].lower().removesuffix(".dtb").removesuffix(".dts"))
    return f"{number:04d}-{stem[:_LONGEST_NAME].strip('-') or 'board'}.html"


def render_index(entries: Sequence[BoardEntry], *, unreadable: Sequence[str] = ()) -> str:
    """Return the index. unreadable: messages about boards that could not be read."""
    ordered = sorted(entries, key=lambda entry: ([-count for count in entry.counts], entry.file))
    rules: dict[str, list[str]] = {}
    for entry in ordered:
        for code in entry.codes:
            rules.setdefault(code, []).append(entry.file)
    values = {
        "title": f"{len(entries)} board{'' if len(entries) == 1 else 's'} checked",
        "totals": [sum(column) for column in zip(*(entry.counts for entry in entries), strict=True)]
        or [0, 0, 0],
        "entries": [_row(entry) for entry in ordered],
        "rules": sorted(
            ((code, len(files), len(set(files))) for code, files in rules.items()),
            key=lambda row: (-row[1], row[0]),
        ),
        "unreadable": list(unreadable),
    }
    return render("index.html", values, script="index.js")


def _row(entry: BoardEntry) -> dict[str, Any]:
    worst = entry.worst
    return {
        "file": entry.file,
        "page": entry.page,
        "counts": entry.counts,
        "worst": f"{worst.code} {worst.path}: {worst.message}" if worst is not None else "",
        "refused": [f"{name}: {why}" for name, why in entry.refused],
    }


def _counts(findings: Iterable[Finding]) -> tuple[int, int, int]:
    numbers = dict.fromkeys(Severity, 0)
    for finding in findings:
        numbers[finding.severity] += 1
    return numbers[Severity.ERROR], numbers[Severity.WARNING], numbers[Severity.NOTE]
