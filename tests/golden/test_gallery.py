# SPDX-License-Identifier: Apache-2.0
"""The gallery: its index is whole, its links lead somewhere, its sources are those of the examples, it stays small.

That output, pictures and pages are what the program makes is held by test_readme.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GALLERY = ROOT / "docs" / "gallery"
STORIES = sorted(path for path in GALLERY.glob("*.md") if path.name != "README.md")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
SOURCE = re.compile(r"^```dts\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WRITTEN_TO = re.compile(r"^\$ carveout .* -o ((?:pictures|pages)/\S+)$", re.MULTILINE)
MEBIBYTE = 1 << 20


def words(text: str) -> str:
    """Return a text with all white space made one blank."""
    return " ".join(text.split())


def of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_there_are_stories() -> None:
    assert len(STORIES) >= 5
    assert all(f"({path.name})" in of(GALLERY / "README.md") for path in STORIES)


@pytest.mark.parametrize("page", sorted(GALLERY.glob("*.md")), ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(of(page))
    assert targets
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_picture_and_page_is_written_by_a_command_and_shown() -> None:
    there = {path.relative_to(GALLERY).as_posix() for path in GALLERY.glob("p*/*")}
    assert {name for story in STORIES for name in WRITTEN_TO.findall(of(story))} == there
    assert {name for story in STORIES for name in LINK.findall(of(story))} >= there


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_sources_shown_are_those_of_the_examples(story: Path) -> None:
    # The board's source, or that of the board with the change.
    examples = [words(of(path)) for path in (ROOT / "examples").glob("*.dts")]
    shown = SOURCE.findall(of(story))
    assert shown
    assert [text for text in shown if not any(words(text) in example for example in examples)] == []


def test_the_gallery_stays_small() -> None:
    sizes = [path.stat().st_size for path in GALLERY.rglob("*") if path.is_file()]
    assert sum(sizes) < 2 * MEBIBYTE
