#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Look at what `make site` built, and at README.md: links, anchors, and that nothing asks another host for anything.

    tools/check_site.py [SITE]

- every link of every page leads to a file that is there, and every anchor to an element of that file;
- no script, style, picture, font or frame comes from another host, in a page or in a style sheet;
- no list or table of a document fell into a paragraph, where a forge's Markdown and the site's differ;
- links and anchors of README.md, CHANGELOG.md and CONTRIBUTING.md are right as a forge reads them.

The exit status is 1 when something is wrong; each line says where and what.
"""

from __future__ import annotations

import argparse
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
FORGE_PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")

# What a browser fetches when it shows a page. A link that a person may follow is none of it.
FETCHED = {
    "script": "src", "img": "src", "iframe": "src", "source": "src", "embed": "src", "object": "data", "link": "href",
    "audio": "src", "video": "src", "track": "src", "use": "href", "image": "href", "input": "src",
}  # fmt: skip
NOT_FETCHED = frozenset({"canonical", "next", "prev", "alternate", "edit"})
URL = re.compile(r"""url\(\s*["']?(?!data:)([^"')]+)|@import\s+["']([^"']+)""")
FALLEN = re.compile(r"(?:^|\n)\s*(?:[-*] |\d+\. |\|.*\|)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


class Seen(HTMLParser):
    """What one page holds: names of places, links, what is fetched, the text of paragraphs."""

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.styles: list[str] = []
        self.paragraphs: list[str] = []
        self._open = ""
        self._in_code = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note names, links and what is fetched."""
        values = {name: value or "" for name, value in attrs}
        self.names |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        attribute = FETCHED.get(tag)
        if attribute in values and not (tag == "link" and values.get("rel") in NOT_FETCHED):
            self.fetched.append(values[attribute])
        self.styles.append(values.get("style", ""))
        self._in_code = self._in_code or tag == "code"
        if tag in {"p", "style"}:
            self._open = tag
            if tag == "p":
                self.paragraphs.append("")

    def handle_endtag(self, tag: str) -> None:
        """Note where a paragraph or a style ends."""
        if tag == "code":
            self._in_code = False
        if tag == self._open:
            self._open = ""

    def handle_data(self, data: str) -> None:
        """Keep the text of paragraphs and styles."""
        if self._open == "p":
            self.paragraphs[-1] += "code" if self._in_code else data
        elif self._open == "style":
            self.styles.append(data)


def read_page(path: Path) -> Seen:
    """Return what a page holds."""
    seen = Seen()
    seen.feed(path.read_text(encoding="utf-8"))
    seen.close()
    return seen


def site_faults(site: Path) -> Iterator[str]:
    """Yield what is wrong with a built site, as `page: what`."""
    pages = {path: read_page(path) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site}: there is no page"
    for path, seen in pages.items():
        where = path.relative_to(site).as_posix()
        # A server sends this one for every address, so that its links are from the top.
        if where == "404.html":
            continue
        yield from (f"{where}: {fault}" for fault in _page_faults(path, seen, pages, site))
    for path in sorted([*site.rglob("*.css"), *site.rglob("*.svg")]):
        for address in addresses(path.read_text(encoding="utf-8")):
            if _is_elsewhere(address):
                yield f"{path.relative_to(site).as_posix()}: asks another host: {address}"


def _page_faults(path: Path, seen: Seen, pages: dict[Path, Seen], site: Path) -> Iterator[str]:
    for address in [*seen.fetched, *(each for style in seen.styles for each in addresses(style))]:
        if _is_elsewhere(address):
            yield f"asks another host: {address}"
        elif _target(path, address) is None and not address.startswith(("#", "data:")):
            yield f"is not there: {address}"
    for link in dict.fromkeys(seen.links):
        if _is_elsewhere(link) or link.startswith(("mailto:", "data:")):
            continue
        target = _target(path, link)
        if target is None or not target.is_relative_to(site):
            yield f"leads nowhere: {link}"
            continue
        anchor = unquote(urlsplit(link).fragment)
        if anchor and target in pages and anchor not in pages[target].names:
            yield f"no such place in the page: {link}"
    for text in seen.paragraphs:
        if FALLEN.search(text) and not path.is_relative_to(site / "gallery" / "pages"):
            yield f"a list or a table is a paragraph: {' '.join(text.split())[:80]}"


def addresses(style: str) -> list[str]:
    """Return the addresses that a style fetches; places in the same document are none."""
    found = ["".join(groups) for groups in URL.findall(style)]
    return [address for address in found if not address.startswith("#")]


def _is_elsewhere(address: str) -> bool:
    return bool(urlsplit(address).netloc) or address.startswith(("http:", "https:", "//"))


def _target(page: Path, address: str) -> Path | None:
    # The file that an address of a page means; None when there is none.
    name = unquote(urlsplit(address).path)
    target = (page.parent / name).resolve() if name else page
    if target.is_dir():
        target /= "index.html"
    return target if target.is_file() else None


def forge_faults(root: Path, names: tuple[str, ...] = FORGE_PAGES) -> Iterator[str]:
    """Yield what is wrong with links of documents beside docs/, as a forge shows them."""
    for name in names:
        path = root / name
        text = FENCE.sub("", path.read_text(encoding="utf-8"))
        for link in LINK.findall(text):
            if _is_elsewhere(link) or link.startswith("mailto:"):
                continue
            file, _, anchor = link.partition("#")
            target = (path.parent / file).resolve() if file else path
            if not target.exists():
                yield f"{name}: leads nowhere: {link}"
            elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                yield f"{name}: no such place in the page: {link}"


def anchors(path: Path) -> set[str]:
    """Return the anchors that a forge makes of the headings of a document."""
    found: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", path.read_text(encoding="utf-8"))):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = "".join(char for char in plain if char.isalnum() or char in "-_ ").replace(" ", "-")
        number = 0
        while (slug if not number else f"{slug}-{number}") in found:
            number += 1
        found.add(slug if not number else f"{slug}-{number}")
    return found


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "site", help="default: site/")
    args = parser.parse_args()
    faults = [*site_faults(args.site.resolve()), *forge_faults(ROOT)]
    for fault in faults:
        sys.stderr.write(f"check_site: {fault}\n")
    pages = sum(1 for _ in args.site.rglob("*.html"))
    if not faults:
        sys.stdout.write(f"check_site: {pages} pages, every link leads somewhere\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
