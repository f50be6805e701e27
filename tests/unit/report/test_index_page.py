# SPDX-License-Identifier: Apache-2.0
"""The index of many boards: worst first, harmless file names, and a page for each board that boots."""

from __future__ import annotations

import re

import pytest

from carveout.check.allow import Allowed
from carveout.check.model import Finding, Severity
from carveout.check.result import BoardResult, Totals
from carveout.report.html.index_page import board_page, page_name, render_index
from support import boots_by_hand as by_hand


def finding(severity: Severity, code: str = "CV101", message: str = "m") -> Finding:
    return Finding(
        code=code, slug="s", severity=severity, path="/reserved-memory/x", message=message, file="b.dtb"
    )


def result(file: str, *severities: Severity, booted: bool = True) -> BoardResult:
    return BoardResult(
        file=file,
        findings=tuple(finding(severity) for severity in severities),
        boots=(("6.12", by_hand.one_gigabyte()),) if booted else (),
        refused=() if booted else (("6.12", "no architecture"),),
    )


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("boards/My Board.dtb", "0007-my-board.html"),
        ("../../etc/passwd", "0007-passwd.html"),
        ("<script>.dts", "0007-script.html"),
        ("-", "0007-board.html"),
        ("\u202e" * 3, "0007-board.html"),
        ("x" * 300 + ".dtb", f"0007-{'x' * 60}.html"),
    ],
)
def test_names_of_pages(file: str, name: str) -> None:
    assert page_name(file, 7) == name


def test_worst_first() -> None:
    error, warning, note = Severity.ERROR, Severity.WARNING, Severity.NOTE
    entries = [
        board_page(result(name, *severities), number)[0]
        for number, (name, severities) in enumerate(
            [("clean.dtb", ()), ("notes.dtb", [note] * 9), ("bad.dtb", [note, error]), ("worse.dtb", [error, error]),
             ("warned.dtb", [warning])],
            1,
        )
    ]  # fmt: skip
    page = render_index(entries)
    assert re.findall(r'href="\d{4}-(\w+)\.html"', page) == ["worse", "bad", "warned", "notes", "clean"]
    assert re.findall(r"<dd>(\d+)</dd>", page) == ["3", "1", "10", "0"]
    assert re.search(r"CV101</th><td>s</td><td[^>]*>4</td><td[^>]*>3</td>", page)


def test_a_board_without_a_boot_has_no_page_and_says_why() -> None:
    entry, page = board_page(result("odd.dtb", booted=False), 1)
    assert (entry.page, page) == (None, None)
    totals = Totals()
    totals.unreadable.append("bad.dtb: <no tree>")
    index = render_index([entry], totals=totals)
    assert "Not booted in scene 6.12: no architecture" in index
    assert "bad.dtb: &lt;no tree&gt;" in index
    assert "href" not in index


def test_what_belongs_to_no_board_and_what_is_allowed() -> None:
    board = result("a.dtb", Severity.WARNING)._replace(
        allowed=(Allowed(finding(Severity.ERROR, message="known"), "the DSP owns both", is_in_source=False),)
    )
    totals = Totals()
    totals.add(board)
    idle = finding(Severity.NOTE, "CV990", "no finding needs <this>")
    totals.count((idle,))
    entry, page = board_page(board, 1)
    index = render_index([entry], totals=totals, of_none=[idle])
    assert "1 board checked: 1 warning, 1 note, 1 allowed" in index
    assert re.findall(r"<dd>(\d+)</dd>", index) == ["0", "1", "1", "1"]
    assert "no finding needs &lt;this&gt;" in index
    assert page is not None
    assert "known <em>Allowed: the DSP owns both</em>" in page


def test_nothing_checked() -> None:
    assert "0 boards checked" in render_index([])
