# SPDX-License-Identifier: Apache-2.0
"""The documentation as a site: it builds strictly, every link leads somewhere, and nothing asks another host."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.browser import launched, opened

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_site", ROOT / "tools" / "check_site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool: Any = load_tool()


def faults(folder: Path, **pages: str) -> list[str]:
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return list(tool.site_faults(folder))


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        pytest.param('<a href="gone.html">x</a>', "leads nowhere: gone.html", id="link"),
        pytest.param('<a href="../other.html">x</a>', "leads nowhere: ../other.html", id="outside"),
        pytest.param('<a href="b.html#no">x</a>', "no such place in the page: b.html#no", id="anchor"),
        pytest.param('<a href="#no">x</a>', "no such place in the page: #no", id="own-anchor"),
        pytest.param('<script src="https://cdn.example/x.js"></script>', "asks another host", id="script"),
        pytest.param('<link rel="stylesheet" href="//fonts.example/x">', "asks another host", id="font"),
        pytest.param(
            "<style>a{background:url(https://x.example/a)}</style>", "asks another host", id="style"
        ),
        pytest.param('<p style="background:url(http://x.example/a)">', "asks another host", id="attribute"),
        pytest.param('<img src="a.svg">', "is not there: a.svg", id="picture"),
        pytest.param("<p>They are:\n- one\n- two</p>", "a list or a table is a paragraph", id="list"),
        pytest.param("<p>So:\n| a | b |\n|---|---|</p>", "a list or a table is a paragraph", id="table"),
    ],
)
def test_a_fault_is_seen(tmp_path: Path, page: str, fault: str) -> None:
    (found,) = faults(tmp_path, a=page, b='<h1 id="yes">b</h1>')
    assert found.startswith(f"a.html: {fault}")


@pytest.mark.parametrize(
    "page",
    [
        '<a href="b.html#yes">x</a> <a href="https://example.org/">x</a> <a href="mailto:a@example.org">x</a>',
        '<h2 id="here">x</h2><a href="#here">x</a> <a href="b.html?q=1">x</a>',
        '<style>a{fill:url(#hatch)}</style><link rel="canonical" href="https://example.org/">',
        "<p><code>- is standard output</code></p><p>5 - 3\nis 2</p>",
    ],
)
def test_what_is_right_is_left_alone(tmp_path: Path, page: str) -> None:
    assert faults(tmp_path, a=page, b='<h1 id="yes">b</h1>') == []


def test_a_style_sheet_that_asks_another_host_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text('@import "https://fonts.example/a";', encoding="utf-8")
    (found,) = faults(tmp_path, a="<p>x</p>")
    assert found == "a.css: asks another host: https://fonts.example/a"


def test_an_empty_site_is_a_fault(tmp_path: Path) -> None:
    assert "there is no page" in faults(tmp_path)[0]


def test_documents_beside_docs_lead_somewhere() -> None:
    assert list(tool.forge_faults(ROOT)) == []


def test_anchors_are_those_of_a_forge(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("# `map`: Where, and *why*?\n## One\n## One\n```\n# no heading\n```\n", encoding="utf-8")
    assert tool.anchors(page) == {"map-where-and-why", "one", "one-1"}
    (tmp_path / "b.md").write_text("[x](a.md#one-1) [y](a.md#two) [z](c.md)", encoding="utf-8")
    assert list(tool.forge_faults(tmp_path, ("b.md",))) == [
        "b.md: no such place in the page: a.md#two",
        "b.md: leads nowhere: c.md",
    ]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.mark.site
def test_the_site_builds_and_every_link_leads_somewhere(site: Path) -> None:
    assert list(tool.site_faults(site)) == []
    for document in (ROOT / "docs").rglob("*.md"):
        name = document.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert (site / name.replace("README.html", "index.html")).is_file(), name


@pytest.mark.site
@pytest.mark.browser
def test_the_site_is_read_from_a_folder(site: Path) -> None:
    with launched() as browser:
        with opened(browser, site / "index.html") as there:
            there.tab.keyboard.press("/")
            there.tab.keyboard.type("largest hole")
            there.tab.wait_for_selector(".md-search-result__item")
            there.shot("site-search.png")
            there.tab.locator(".md-search-result__link").first.click()
            there.tab.wait_for_load_state()
            assert there.complaints == []
            assert all(url.startswith("file:") for url in there.requests)
        for name in ("index", "map", "rules/CV103", "project/index"):
            with opened(browser, site / f"{name}.html") as there:
                assert there.serious_faults() == [], name
                there.shot(f"site-{name.replace('/', '-')}.png")


@pytest.mark.site
@pytest.mark.browser
def test_pages_that_carveout_made_work_from_the_site(site: Path) -> None:
    pages = sorted(site.glob("gallery/pages/*.html"))
    if not pages:
        pytest.skip("no document links to a page of a map")
    with launched() as browser:
        for page in pages:
            with opened(browser, page) as there:
                assert there.tab.locator("svg.picture:visible").count() == 1
                assert there.complaints == []
                assert there.requests == [there.url]
