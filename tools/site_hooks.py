# SPDX-License-Identifier: Apache-2.0
"""What mkdocs is told beside mkdocs.yml: folders in the navigation, and files that the documents link to outside docs/.

The documents are read on a forge as well, where a link may lead to any file of the repository. On the site a file
outside docs/ gets a place below project/: a page if it is Markdown, else as it is.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = "project"
ALWAYS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")

LISTS = {"rules": "All rules", "messages": "All messages of the kernel"}
"""Folders whose pages are in no navigation, and lead to the list that they are in."""

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?P<before>\]\()(?P<target>[^)#\s]+)(?P<after>#[^)\s]*)?\)")
_STARS = "/*.md"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the files of a folder where the navigation says `FOLDER/*.md`; folders that are not there are left out."""
    config.nav = list(_expanded(config.nav or [], Path(config.docs_dir)))
    return config


def _expanded(entries: list[Any], docs: Path) -> Iterator[Any]:
    for entry in entries:
        if isinstance(entry, dict):
            ((title, below),) = entry.items()
            if isinstance(below, list):
                below = list(_expanded(below, docs))
            if below:
                yield {title: below}
        elif entry.endswith(_STARS):
            folder = docs / entry.removesuffix(_STARS)
            yield from (
                path.relative_to(docs).as_posix()
                for path in sorted(folder.glob("*.md"))
                if path.name != "README.md"
            )
        else:
            yield entry


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files outside docs/ that something links to, each with those that it links to itself."""
    docs = Path(config.docs_dir)
    waiting = [docs / file.src_uri for file in files if file.src_uri.endswith(".md")]
    waiting += [ROOT / name for name in ALWAYS]
    added: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if not path.is_relative_to(docs) and path not in added:
            added.add(path)
            files.append(_outside_file(path, config))
        if path.suffix == ".md":
            waiting += [
                target for target in _targets(path) if not target.is_relative_to(docs) and target not in added
            ]
    return files


def _outside_file(path: Path, config: MkDocsConfig) -> File:
    # A README in a folder below project/ would become that folder's index, and the one of project/ itself too.
    return File.generated(config, place_of(path), abs_src_path=str(path))


def place_of(path: Path) -> str:
    """Return where a file outside docs/ is on the site, as the name of a source file."""
    return f"{OUTSIDE}/{path.relative_to(ROOT).as_posix()}"


def _targets(page: Path) -> Iterator[Path]:
    # Files of the repository that a page links to.
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.finditer(text):
        target = _resolved(page, link["target"])
        if target is not None:
            yield target


def _resolved(page: Path, target: str) -> Path | None:
    if "://" in target or target.startswith(("mailto:", "/")):
        return None
    path = Path(os.path.normpath(page.parent / target))
    return path if path.is_relative_to(ROOT) and path.is_file() else None


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: object) -> str:
    """Return a page whose links lead to where the files are on the site."""
    docs = Path(config.docs_dir)
    source = Path(page.file.abs_src_path or "")
    here = Path(page.file.src_uri).parent
    fences = [(found.start(), found.end()) for found in FENCE.finditer(markdown)]

    def moved(link: re.Match[str]) -> str:
        target = _resolved(source, link["target"])
        if target is None or any(start <= link.start() < end for start, end in fences):
            return link[0]
        place = target.relative_to(docs).as_posix() if target.is_relative_to(docs) else place_of(target)
        return f"{link['before']}{os.path.relpath(place, here)}{link['after'] or ''})"

    markdown = LINK.sub(moved, markdown)
    listed = LISTS.get(here.as_posix())
    if listed is not None and source.name != "README.md":
        markdown = f"[{listed}](README.md)\n\n{markdown}"
    return markdown


def on_post_page(output: str, **_: object) -> str:
    """Return a page whose search has a name for who cannot see it; the theme gives it none."""
    return output.replace('role="dialog"', 'role="dialog" aria-label="Search"')
