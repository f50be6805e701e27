# SPDX-License-Identifier: Apache-2.0
"""The page of two boots in a real browser: pointer, keyboard, search, and what is the same put away."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from carveout.change.difference import compare
from carveout.report.html.diff_page import render_diff_page
from support import boots_by_hand as by_hand
from support.boards import boot_regions, mib, region
from support.browser import Opened, launched, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    fixed = region("fw@50000000", "no-map", reg=[(0x5000_0000, mib(16))])
    old = region("dsp@52000000", reg=[(0x5200_0000, mib(8))])
    new = region("dsp@54000000", reg=[(0x5400_0000, mib(8))])
    pool = region("pool", "reusable", compatible="shared-dma-pool", size=mib(64))
    difference = compare(boot_regions("6.1", fixed, old, pool), boot_regions("6.12", fixed, new, pool))
    path = tmp_path_factory.mktemp("diff") / "diff.html"
    path.write_text(render_diff_page(difference, names=("old.dtb", "new.dtb")), encoding="utf-8")
    with opened(browser, path) as there:
        yield there


@pytest.fixture(autouse=True)
def cleared(page: Opened) -> Iterator[None]:
    page.tab.keyboard.press("Escape")
    yield
    assert page.complaints == []
    assert page.requests == [page.url]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible(page: Opened, scheme: str) -> None:
    page.tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    assert page.serious_faults() == []
    page.shot(f"diff-page-{scheme}.png")
    page.tab.emulate_media(color_scheme="light")


def test_a_region_and_its_row_light_up_together(page: Opened) -> None:
    label = page.tab.locator("svg.picture:visible .mark", has_text="dsp@54000000")
    label.focus()
    page.tab.keyboard.press("Enter")
    page.tab.mouse.move(2, 2)
    hot = page.tab.locator("tr.hot")
    assert hot.count() == 1
    assert "0x52000000..0x527fffff" in hot.inner_text()
    assert "0x54000000..0x547fffff" in hot.inner_text()


def test_only_what_differs(page: Opened) -> None:
    assert page.tab.locator("tr.same:visible").count() > 0
    page.tab.check("#only")
    assert page.tab.locator("tr.same:visible").count() == 0
    assert page.tab.locator("svg.picture:visible .mark.dim", has_text="fw@50000000").count() == 1
    page.tab.uncheck("#only")
    assert page.tab.locator(".dim").count() == 0


def test_search_and_keys(page: Opened) -> None:
    page.tab.locator("body").press("/")
    page.tab.keyboard.type("DSP@")
    assert page.tab.locator("#found").inner_text().endswith(" found")
    assert page.tab.locator("svg.picture:visible .mark.dim").count() >= 2
    page.tab.keyboard.press("Escape")
    picture = page.tab.locator("svg.picture:visible")
    whole = picture.get_attribute("viewBox")
    page.tab.locator("body").press("+")
    assert picture.get_attribute("viewBox") != whole
    page.tab.locator("body").press("0")
    back = [float(value) for value in (picture.get_attribute("viewBox") or "").split()]
    assert back == pytest.approx([float(value) for value in (whole or "").split()], abs=0.01)


@pytest.mark.parametrize("width", [400, 2000])
def test_widths(page: Opened, width: int) -> None:
    page.tab.set_viewport_size({"width": width, "height": 900})
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= width
    page.shot(f"diff-page-{width}.png")
    page.tab.set_viewport_size({"width": 1200, "height": 900})


def test_many_regions_stay_quick(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "many.html"
    difference = compare(by_hand.many(2000), by_hand.many(1990))
    path.write_text(render_diff_page(difference, names=("old", "new")), encoding="utf-8")
    with opened(browser, path) as there:
        there.first_paint()
        begin = time.monotonic()
        there.tab.fill("#search", "region-7")
        there.tab.check("#only")
        assert time.monotonic() - begin < 3
        assert there.complaints == []
