# SPDX-License-Identifier: Apache-2.0
"""The gallery's pages in a real browser: they open from a file, ask nobody for anything, and complain of nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.browser import launched, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "gallery" / "pages").glob("*.html"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as running:
        yield running


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_of_the_gallery_works(browser: Any, path: Path) -> None:
    with opened(browser, path) as page:
        scenes = page.tab.locator("#scene option").count()
        assert scenes >= 2
        for scene in range(scenes):
            page.tab.select_option("#scene", str(scene))
            page.shot(f"gallery-{path.stem}-{scene}.png")
        assert page.complaints == []
        assert page.requests == [page.url]
