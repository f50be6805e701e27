# SPDX-License-Identifier: Apache-2.0
"""The page of `carveout sweep report` in a real browser: opened from a file, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from carveout.cli.main import main
from support.browser import Opened, launched, opened
from support.sweep_boards import write_boards

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser

MATRIX = ["--kernel", "6.12", "--kernel", "7.2", "--page-size", "4K", "--page-size", "16K"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("sweep")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_boards(folder / "dtbs", 30)
        hostile = "<img src=x onerror=\"document.title='run'\">"
        (folder / "dtbs" / "board-000.dtb").rename(folder / "dtbs" / f"{hostile}.dtb")
        assert main(["sweep", "dtbs", *MATRIX, "--engine", "inline", "-q", "-o", "r.jsonl"]) == 0
        report = [
            "sweep",
            "report",
            "r.jsonl",
            "--from",
            "4K",
            "--to",
            "16K",
            "--format",
            "html",
            "-o",
            "r.html",
        ]
        assert main(report) == 0
    with opened(browser, folder / "r.html") as there:
        yield there


@pytest.fixture(autouse=True)
def cleared(page: Opened) -> Iterator[None]:
    page.tab.keyboard.press("Escape")
    page.tab.fill("#search", "")
    yield
    assert page.complaints == []
    assert page.requests == [page.url]
    assert page.tab.title() == "Sweep: r.jsonl"


def test_the_worst_boards_come_first(page: Opened) -> None:
    rows = page.tab.locator("[aria-label='Boards and scenes'] tbody tr")
    assert rows.count() == 30
    words = [rows.nth(number).locator("td").last.inner_text() for number in range(6)]
    assert ["a region is not placed as asked" in text for text in words] == [True] * 5 + [False]
    assert words[0] == "a region is not placed as asked: 2; nothing found: 2"
    cells = rows.first.locator("svg rect")
    # Two pages of 6.12, a gap, two of 7.2.
    assert [cells.nth(number).get_attribute("x") for number in range(4)] == ["0", "12", "29", "41"]
    assert rows.first.locator("svg rect.k-restricted").count() == 2
    assert (
        page.tab.locator("details[open]")
        .inner_text()
        .endswith("1 = 6.12 4K, 2 = 6.12 16K, 3 = 7.2 4K, 4 = 7.2 16K.")
    )


def test_trouble_is_counted_by_kind(page: Opened) -> None:
    kinds = page.tab.locator("[aria-label='Kinds of trouble'] tbody tr")
    shown = [kinds.nth(number).inner_text().split("\t") for number in range(kinds.count())]
    assert ["a region was placed and is released", "5"] in [[cell.strip() for cell in row] for row in shown]
    broken = page.tab.locator("[aria-label='What breaks'] tbody tr")
    assert broken.count() == 5
    assert "6.12 16K, 7.2 16K" in broken.first.inner_text()
    assert "incorrect alignment of CMA region" in broken.first.locator("code").first.inner_text()


def test_search_finds_boards_and_words(page: Opened) -> None:
    page.tab.locator("body").press("/")
    page.tab.keyboard.type("board-007")
    # Of the three tables that name boards: 30 boards, 5 that are worse, 5 that do not fit.
    assert page.tab.locator("#found").inner_text() == "3 of 40"
    assert page.tab.locator(".boards tbody tr:visible").count() == 3
    page.tab.fill("#search", "nothing-like-it")
    assert page.tab.locator("#found").inner_text() == "0 of 40"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible(page: Opened, scheme: str) -> None:
    page.tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    assert page.serious_faults() == []
    page.shot(f"sweep-page-{scheme}.png")
    page.tab.emulate_media(color_scheme="light")


@pytest.mark.parametrize("width", [400, 2000])
def test_widths(page: Opened, width: int) -> None:
    page.tab.set_viewport_size({"width": width, "height": 900})
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= width
    page.shot(f"sweep-page-{width}.png")
    page.tab.set_viewport_size({"width": 1200, "height": 900})
