# SPDX-License-Identifier: Apache-2.0
"""Findings as text in dtc's shape and as GitHub's annotations."""

from __future__ import annotations

from carveout.check.model import Finding, Severity
from carveout.check.result import BoardResult, Totals
from carveout.report.findings_text import GithubReport, TextReport, render_github, render_text, summary_line

BLOB = Finding(
    code="CV101",
    slug="region-overlap",
    severity=Severity.ERROR,
    path="/reserved-memory/a@1000",
    message="shares 0x10 bytes",
    file="a.dtb",
    fix="move it",
    related=("/reserved-memory/b@1010",),
    scenes=("6.1", "7.2 16K"),
)
SOURCE = BLOB._replace(
    source=("a.dts", 3, 2, 3, 9), fix=None, related=(), scenes=(), severity=Severity.WARNING
)


def test_text_of_a_blob() -> None:
    assert render_text([BLOB]) == (
        "a.dtb: ERROR (region_overlap): /reserved-memory/a@1000: shares 0x10 bytes [CV101]\n"
        "  fix: move it\n"
        "  see also: /reserved-memory/b@1010\n"
        "  in: 6.1, 7.2 16K\n"
    )


def test_text_of_a_source() -> None:
    assert render_text([SOURCE]) == (
        "a.dts:3.2-3.9: Warning (region_overlap): /reserved-memory/a@1000: shares 0x10 bytes [CV101]\n"
    )


def test_control_characters_are_shown_not_sent() -> None:
    text = render_text([BLOB._replace(path="/x\x1b[2J\n", message="\u202eabc", fix="a\rb", file="a\nb")])
    assert "\x1b" not in text
    assert "\r" not in text
    assert text.count("\n") == 4


def test_severity_is_a_floor() -> None:
    note = BLOB._replace(severity=Severity.NOTE)
    report = TextReport(severity=Severity.WARNING)
    assert report.board(BoardResult("a.dtb", (note,))) == ""
    assert report.board(BoardResult("a.dtb", (SOURCE, note))).count("\n") == 1


def test_summary_counts() -> None:
    totals = Totals()
    assert summary_line(totals) == "0 boards checked: nothing found\n"
    totals.add(BoardResult("a", (BLOB, BLOB, SOURCE)))
    totals.add(BoardResult("b", (), refused=(("6.1", "why"),)))
    totals.unreadable.append("c: gone")
    assert summary_line(totals) == (
        "2 boards checked, 1 could not be read, 1 not in every scene: 2 errors, 1 warning\n"
    )
    assert summary_line(totals, Severity.ERROR).endswith("(--severity note shows the warnings)\n")
    assert totals.has(Severity.ERROR)


def test_github_commands() -> None:
    odd = SOURCE._replace(message="50% of\nall", source=("a,b:c.dts", 3, 2, 5, 9), severity=Severity.NOTE)
    assert render_github([SOURCE, odd]) == (
        "::warning file=a.dts,line=3,endLine=3,col=2,endColumn=9,title=CV101 region-overlap::"
        "/reserved-memory/a@1000: shares 0x10 bytes\n"
        "::notice file=a%2Cb%3Ac.dts,line=3,endLine=5,title=CV101 region-overlap::"
        "/reserved-memory/a@1000: 50%25 of%0Aall\n"
    )


def test_github_run_shows_unreadable_boards() -> None:
    totals = Totals()
    totals.unreadable.append("c.dtb: is empty")
    text = GithubReport(severity=Severity.WARNING).end(totals)
    assert text.startswith("::error::c.dtb: is empty\n0 boards checked")
