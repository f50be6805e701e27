# SPDX-License-Identifier: Apache-2.0
"""What the README and docs/ show as output is what the program prints. `make docs` writes it again."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.recordings import recordings

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("update_readme", ROOT / "tools" / "update_readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool: Any = load_tool()
DOCUMENTS: list[Path] = tool.documents()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_shown_output_is_real(document: Path, tmp_path: Path) -> None:
    shown = document.read_text(encoding="utf-8")
    assert tool.refresh(shown, tool.workplace(tmp_path)).splitlines() == shown.splitlines()
    assert tool.stale_files(document, tool.written(shown, tmp_path)) == []


def test_the_readme_opens_with_real_output() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first_block = readme.partition("\n```")[2]
    assert first_block.startswith("console\n$ carveout map examples/")
    assert tool.PYTHON.search(readme), "no Python example whose output is shown"


def test_a_console_block_gets_its_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    monkeypatch.setattr(tool, "run", lambda command, _folder: ran.append(command) or f"output {len(ran)}\n")
    before = "a\n```console\n$ carveout one\nold\nlines\n$ carveout two 'x y'\n```\nb\n"
    after = "a\n```console\n$ carveout one\noutput 1\n\n$ carveout two 'x y'\noutput 2\n```\nb\n"
    assert tool.refresh(before, tmp_path) == after
    assert tool.refresh(after, tmp_path).count("$ carveout") == 2
    assert ran[1] == [sys.executable, "-m", "carveout", "two", "x y"]


def test_a_python_block_gets_its_output(tmp_path: Path) -> None:
    before = "```python\nprint(6 * 7)\n```\n\n```text\nold\n```\n"
    assert tool.refresh(before, tmp_path) == "```python\nprint(6 * 7)\n```\n\n```text\n42\n```\n"


def test_a_picture_or_page_that_a_command_writes_is_kept(tmp_path: Path) -> None:
    folder = tool.workplace(tmp_path / "work")
    (folder / "pictures" / "a.svg").write_text("<svg/>")
    (folder / "pages" / "a.html").write_text("<p>")
    shown = "[![A](pictures/a.svg)](pages/a.html) ![Other](pictures/by-hand.svg) [rule](../rules/CV101.md)"
    made = tool.written(shown, folder)
    assert made == {"pictures/a.svg": "<svg/>", "pages/a.html": "<p>"}
    document = tmp_path / "page.md"
    files = [tmp_path / "pictures" / "a.svg", tmp_path / "pages" / "a.html"]
    assert tool.stale_files(document, made) == files
    for file, content in zip(files, made.values(), strict=True):
        file.parent.mkdir()
        file.write_text(content)
    assert tool.stale_files(document, made) == []


@pytest.mark.parametrize("command", ["rm -r x", "sh -c true", "python3 -V"])
def test_nothing_but_carveout_is_run(command: str, tmp_path: Path) -> None:
    with pytest.raises(tool.DocumentationError, match="nothing else"):
        tool.refresh(f"```console\n$ {command}\n```\n", tmp_path)


def test_a_traceback_is_no_output(tmp_path: Path) -> None:
    with pytest.raises(tool.DocumentationError, match="traceback"):
        tool.refresh("```python\nraise ValueError\n```\n```text\n```\n", tmp_path)


def test_the_number_of_recorded_boots_is_counted() -> None:
    number = f"{len(recordings()):,} recorded boots"
    assert number in (ROOT / "README.md").read_text(encoding="utf-8")
