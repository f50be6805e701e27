# SPDX-License-Identifier: Apache-2.0
"""docs/field-report.md can be read again, and what it says fits the rules and the judgements.

The trees themselves are not in the repository; tools/field_report.py makes the report from them.
"""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from carveout.check.model import Severity
from carveout.check.registry import all_rules
from support.dts import compile_example

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[3]
REPORT = (ROOT / "docs" / "field-report.md").read_text(encoding="utf-8")
NOTES = (ROOT / "docs" / "field-notes.toml").read_text(encoding="utf-8")
RULES = {rule.code: rule for rule in all_rules()}


def tool(name: str) -> ModuleType:
    folder = str(ROOT / "tools")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


field_report = tool("field_report")
field_text = tool("field_text")


def tables(heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading, the head first, without the line of hyphens."""
    below = REPORT.split(f"\n{heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert lines is not None
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[0].splitlines()]
    return [rows[0], *rows[2:]]


def numbers(cell: str) -> tuple[int, int]:
    """Return findings and trees of a cell such as `41 (12)`."""
    if cell == "-":
        return 0, 0
    found = re.fullmatch(r"(\d+) \((\d+)\)", cell)
    assert found is not None, cell
    return int(found[1]), int(found[2])


def test_packages_add_up() -> None:
    head, *rows = tables("## 1. How it was made")
    assert head[2:6] == ["trees", "read", "failed", "not booted"]
    total = sum(int(row[2]) for row in rows)
    assert f"\n{total} trees, " in REPORT
    assert total > 6000
    assert [row[4] for row in rows] == ["0"] * len(rows)


@pytest.mark.parametrize("heading", ["## 2. Findings by rule", "### Only with 16 KiB pages"])
def test_counts_are_of_rules_that_are_there(heading: str) -> None:
    head, *rows = tables(heading)
    assert rows
    for code, slug, severity, *cells in rows:
        assert RULES[code].slug == slug
        assert severity in tuple(Severity)
        assert len(cells) == len(head) - 3
        counted = [numbers(cell) for cell in cells]
        assert any(found for found, _ in counted)
        assert all(found >= trees for found, trees in counted)


def test_every_error_is_judged() -> None:
    _, *rows = tables("## 3. Every error")
    notes = field_text.read_notes(NOTES)
    for number, code, *_ in rows:
        assert number.isdigit(), f"{code}: not judged"
        assert notes[int(number) - 1].rule == code
    assert "Errors that nobody has judged: 0." in REPORT
    errors = {row[0] for row in tables("## 2. Findings by rule")[1:] if row[2] == "error"}
    large = {row[0] for row in tables("### Only with 16 KiB pages")[1:] if row[2] == "error"}
    assert {row[1] for row in rows} == errors | large


def test_judgements_are_about_rules_that_are_there_and_in_the_report() -> None:
    notes = field_text.read_notes(NOTES)
    assert [note.rule for note in notes if note.rule not in RULES] == []
    for number, note in enumerate(notes, 1):
        assert f"\n### {number}. {note.rule} {note.board}\n" in REPORT
        assert note.verdict != "false", "a false alarm is a bug of the rule"
    assert "not found any more" not in REPORT


def test_unknown_verdict_is_refused() -> None:
    with pytest.raises(ValueError, match="perhaps"):
        field_text.read_notes(NOTES.replace('verdict = "real"', 'verdict = "perhaps"', 1))


@pytest.mark.parametrize(
    ("folder", "release", "arch"),
    [
        pytest.param("6.12.117+deb13-arm64", "6.12.117+deb13-arm64", "arm64", id="flavour-is-arch"),
        pytest.param("6.1.0-50-armmp-armhf", "6.1.0-50-armmp", "armhf", id="armhf"),
    ],
)
def test_names_of_folders(folder: str, release: str, arch: str) -> None:
    assert field_report.split_name(folder) == (release, arch)


def test_a_folder_of_trees_becomes_a_report(tmp_path: Path) -> None:
    folder = tmp_path / "6.12.117+deb13-arm64"
    folder.mkdir()
    overlap = """
        a@50000000 { reg = <0x0 0x50000000 0x0 0x200000>; no-map; };
        b@50100000 { reg = <0x0 0x50100000 0x0 0x200000>; no-map; };
    """
    (folder / "overlap.dtb").write_bytes(compile_example(overlap).blob)
    (folder / "broken.dtb").write_bytes(b"not a tree")
    package = field_report.check_package(folder)
    assert [(hit.tree, hit.code) for hit in package.hits if hit.severity == "error"] == [
        ("overlap.dtb", "CV101")
    ]
    assert [text.split(":")[0] for text in package.unread] == ["broken.dtb"]
    assert package.crashes == ()
    note = field_text.Note(
        rule="CV101",
        trees=("over*.dtb",),
        nodes=("/reserved-memory/b@*",),
        verdict="real",
        board="Board",
        tree_says="two regions",
        follows="a message",
        memory=(),
    )
    assert [hit.path for hit in field_text.unjudged([package], ())] == ["/reserved-memory/b@50100000"]
    assert field_text.unjudged([package], [note]) == []
    lines = field_report.kernel_lines(tmp_path, [package], [note])
    text = field_text.render([package], [note], lines)
    assert "| CV101 | region-overlap | error | 1 (1) |" in text
    assert "    OF: reserved mem: OVERLAP DETECTED!\n" in text
    assert "| 1 | CV101 | `/reserved-memory/b@50100000` | 6.12 arm64 | overlap.dtb |" in text
    assert "2 trees, 1 read" in text
