# SPDX-License-Identifier: Apache-2.0
"""The page of two boots: everything the text form says, closed in itself, the same bytes each time."""

from __future__ import annotations

import html
import re

import pytest

from carveout.change.difference import Difference, compare
from carveout.report.diff_text import render_text
from carveout.report.html.diff_page import render_diff_page
from carveout.report.terminal import Terminal
from support import boots_by_hand as by_hand
from support.boards import boot_regions, mib, region

HOSTILE = "</script><script>alert(1)</script>\u202e<img src=x onerror=alert(1)>"
STATIC = region("fw@50000000", "no-map", reg=[(0x5000_0000, mib(16))])
POOL = {"compatible": "shared-dma-pool"}

DIFFERENCES = {
    "moved": compare(
        boot_regions("6.12", STATIC, region("pool", "reusable", size=mib(32), **POOL)),
        boot_regions("7.2", region("pool", "reusable", size=mib(64), **POOL)),
    ),
    "same": compare(by_hand.one_gigabyte(), by_hand.one_gigabyte()),
    "unknown": compare(by_hand.ram_unknown(), by_hand.one_gigabyte()),
    "panics": compare(by_hand.panics(), by_hand.two_banks()),
    "hostile": compare(by_hand.hostile(), by_hand.one_gigabyte()),
    "many": compare(by_hand.many(60), by_hand.many(50)),
}
every_difference = pytest.mark.parametrize(
    "difference", [pytest.param(each, id=name) for name, each in DIFFERENCES.items()]
)


def shown(page: str) -> str:
    """Return the words of the page outside of its pictures, with one blank between them."""
    body = re.sub(r"<(svg|script|style).*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


@every_difference
def test_reproducible_and_closed(difference: Difference) -> None:
    page = render_diff_page(difference, names=("a.dtb", "b.dtb"))
    assert page == render_diff_page(difference, names=("a.dtb", "b.dtb"))
    assert not re.search(r"""(?:src|href|action)=["'](?!#)""", page)
    assert "default-src 'none'" in page
    assert page.count("<script>") == 1


@pytest.mark.parametrize("name", sorted(DIFFERENCES.keys() - {"hostile"}))  # which is cut at other places
def test_the_page_says_what_the_text_says(name: str) -> None:
    difference = DIFFERENCES[name]
    text = render_text(
        difference, names=("a.dtb", "b.dtb"), terminal=Terminal(width=1000, colour=False, unicode=True)
    )
    words = shown(render_diff_page(difference, names=("a.dtb", "b.dtb")))
    for line in text.splitlines()[2:]:
        # `old -> new` stands in two cells; the verb of a region is one of its own.
        for part in re.split(r" -> | {2,}|: | \(|\)$|^[-+] ", line.strip()):
            if part and not re.search(r"(?:is|are) the same$|^no difference|^RAM is known|^[-+]$", part):
                assert part.strip() in words or part.strip().lower() in words.lower(), part


@every_difference
def test_marks_of_the_picture_have_their_rows(difference: Difference) -> None:
    page = render_diff_page(difference, names=("a.dtb", "b.dtb"))
    drawn = set(re.findall(r'<g class="mark" data-row="(\w+)"', page))
    rows = set(re.findall(r'<tr[^>]* data-row="(\w+)"', page))
    assert drawn <= rows
    assert len(drawn) >= len(difference.regions)


def test_what_is_the_same_comes_last_and_is_marked() -> None:
    page = render_diff_page(DIFFERENCES["many"], names=("a", "b"))
    kinds = re.findall(r'<tr( class="same")? data-row="r\d+"', page)
    assert kinds == sorted(kinds)
    assert "Regions: 10 gone, 50 same." in shown(page)


def test_one_board_in_two_scenes() -> None:
    page = render_diff_page(DIFFERENCES["same"], names=("a.dtb", "a.dtb"))
    assert "<h1>Memory of a.dtb in two scenes</h1>" in page
    assert "No difference in what becomes of memory." in page


def test_names_are_escaped() -> None:
    page = render_diff_page(DIFFERENCES["moved"], names=(HOSTILE, "b"))
    assert "<img" not in page
    assert "alert(1)</script>" not in page
    assert "\u202e" not in page
