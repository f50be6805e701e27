# SPDX-License-Identifier: Apache-2.0
"""The pools of a page while a trace ran, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from carveout.cli.map_pools import scene_pools
from carveout.report.html.map_page import View, render_map_page
from support.boards import boot_regions, mib, region
from support.browser import Opened, launched, opened
from support.pools import DATA

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    boot = boot_regions(
        "6.12",
        region(
            "video-pool@50400000", "reusable", compatible="shared-dma-pool", reg=[(0x5040_0000, mib(64))]
        ),
        region(
            "default-pool@58000000", "reusable", "linux,cma-default", compatible="shared-dma-pool",
            reg=[(0x5800_0000, mib(48))],
        ),
    )  # fmt: skip
    (pools,) = scene_pools([boot], str(DATA / "ftrace-dma-1.k6.12.txt.gz"), None)
    path = tmp_path_factory.mktemp("pools") / "board.html"
    view = View("6.12", boot, pools=pools.runs, no_pools=pools.missing)
    path.write_text(render_map_page([view], title="board.dtb"), encoding="utf-8")
    with launched() as browser, opened(browser, path) as there:
        yield there


@pytest.fixture(autouse=True)
def quiet(page: Opened) -> Iterator[None]:
    yield
    assert page.complaints == []
    assert page.requests == [page.url]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible(page: Opened, scheme: str) -> None:
    page.tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    assert page.serious_faults() == []
    page.shot(f"pool-strip-{scheme}.png")
    page.tab.emulate_media(color_scheme="light")


def test_a_request_and_its_box_light_up_together(page: Opened) -> None:
    row = page.tab.locator("tr[data-row='p0n0s3']")
    row.hover()
    box = page.tab.locator("svg.strip:visible .mark.hot")
    assert box.count() == 1
    assert row.get_attribute("data-name") == box.locator("title").text_content()


def test_a_box_leads_to_its_row(page: Opened) -> None:
    page.tab.locator("figure.pool svg:visible .mark[data-row='p0n0s40'] rect").dispatch_event("click")
    page.tab.mouse.move(2, 2)  # off the rows: what lies under the pointer lights up as well
    assert page.tab.locator("tr.hot[data-row='p0n0s40']").count() == 1
    assert page.tab.locator("tr.hot[data-row='p0n0s40']").is_visible()


def test_a_request_is_found(page: Opened) -> None:
    page.tab.fill("#search", "request 121 failed")
    assert page.tab.locator("#found").inner_text() == "1 found"
    page.tab.keyboard.press("Escape")


def test_the_slider_of_the_boot_leaves_the_pool_alone(page: Opened) -> None:
    page.tab.locator(".step").fill("0")
    assert page.tab.locator("svg.strip .later").count() == 0
    assert page.tab.locator("svg.picture .later").count() > 0


@pytest.mark.parametrize("width", [400, 2000])
def test_widths(page: Opened, width: int) -> None:
    page.tab.set_viewport_size({"width": width, "height": 900})
    assert page.tab.evaluate("document.documentElement.scrollWidth") <= width
    smallest: Any = page.tab.evaluate(
        """() => Math.min(...[...document.querySelectorAll('svg.strip text')]
            .filter(node => node.getClientRects().length).map(node => node.getBoundingClientRect().height))"""
    )
    assert smallest >= 10
    page.shot(f"pool-strip-{width}.png")
    page.tab.set_viewport_size({"width": 1200, "height": 900})
