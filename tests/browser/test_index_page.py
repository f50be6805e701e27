# SPDX-License-Identifier: Apache-2.0
"""A folder of pages in a real browser: the index, its search, and the way to a board."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.check.result import BoardResult
from carveout.report.html.index_page import board_page, render_index
from support import boots_by_hand as by_hand
from support.browser import launched, opened

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.browser


def test_from_the_index_to_a_board(tmp_path: Path) -> None:
    entries = []
    for number, name in enumerate(("alpha.dtb", "beta.dtb", "gamma.dtb"), 1):
        result = BoardResult(file=name, findings=(), boots=(("6.12", by_hand.one_gigabyte()),))
        entry, page = board_page(result, number)
        entries.append(entry)
        (tmp_path / (entry.page or "")).write_text(page or "", encoding="utf-8")
    index = tmp_path / "index.html"
    index.write_text(render_index(entries), encoding="utf-8")
    with launched() as browser, opened(browser, index) as there:
        assert there.serious_faults() == []
        there.shot("index-page.png")
        there.tab.locator("body").press("/")
        there.tab.keyboard.type("BETA")
        assert there.tab.locator("#found").inner_text() == "1 of 3"
        assert there.tab.locator(".boards tbody tr:visible").count() == 1
        there.tab.locator(".boards a:visible").click()
        there.tab.wait_for_selector("h1")
        assert there.tab.locator("h1").inner_text() == "beta.dtb"
        assert there.complaints == []
        assert all(url.startswith("file:") for url in there.requests)
