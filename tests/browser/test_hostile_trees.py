# SPDX-License-Identifier: Apache-2.0
"""Trees from anyone, through the command line, in a real browser: nothing runs, is mirrored, or runs over its edge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from carveout.cli.main import main
from support.boards import blob_of, cells, cpus, memory, mib, node, region, reserved_memory, text
from support.browser import launched, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.browser

RUN = "document.title='run'"
MARKUP = f'"\'`--></title></style></script></svg><script>{RUN}</script><img src=x onerror="{RUN}"><svg onload={RUN}>'
CONTROLS = "\x1b[2J\x07\x08\x7f\u202e\u2066\u200f\u061c\u05d0\u0628(1)\ufeff\u0301"
TEMPLATES = "{{7*7}}${7*7}<%=7*7%>]]>&lt;javascript:" + RUN
LONG = {
    "markup": MARKUP + TEMPLATES + CONTROLS + "y" * 10_000,
    "wide": "W" * 10_000,
    "wide-words": "WWWW MMMM " * 1_000,
    "ideographs": "\u6f22" * 10_000,
    "narrow-then-wide": "i" * 5_000 + "W@" * 2_500,
    "paths": "/M@1" * 2_500,
}


def tree(value: str) -> bytes:
    """Return a board of which every text is hostile, and every name as long as a name may be."""
    name = value.encode("ascii", "ignore").decode().replace("/", "|").replace("\x00", "")
    kept = name[:200]
    long = text(value)
    return blob_of(
        cpus(),
        memory((0x4000_0000, mib(1024))),
        node("chosen", {"bootargs": long}),
        reserved_memory(
            region(f"{kept}@50000000", "no-map", reg=[(0x5000_0000, mib(8))], phandle=1, extra={"label": long}),
            region(f"{kept}a", "reusable", size=mib(16), phandle=2, compatible="shared-dma-pool"),
            region(f"{kept}b", size=mib(4096), compatible=value, phandle=3),
            region(f"{kept}@54000000", reg=[(0x5400_0000, mib(8))], compatible=value),
            region(f"{kept}@54400000", reg=[(0x5440_0000, mib(8))], status=value),
        ),
        node(
            f"{kept}d",
            {
                "compatible": long,
                "status": text("okay"),
                "memory-region": cells(1, 2, 3),
                "memory-region-names": long + text("two") + long,
            },
        ),
        root={
            "#address-cells": cells(2), "#size-cells": cells(2), "model": long, "compatible": long,
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as running:
        yield running


QUICK = ("markup", "wide", "paths")


@pytest.fixture(
    scope="module",
    params=[*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG if name not in QUICK)],
)
def files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return every kind of page and picture of a board, by its name."""
    folder = tmp_path_factory.mktemp(request.param)
    board = folder / "board.dtb"
    board.write_bytes(tree(LONG[request.param]))
    named = [str(board), "--kernel", "6.12"]
    made = {
        "page": (["map", *named, "--kernel", "7.2", "--format", "html"], "page.html"),
        "picture": (["map", *named, "--format", "svg"], "wide.svg"),
        "narrow": (["map", *named, "--format", "svg", "--width", "400"], "narrow.svg"),
        "diff": (["diff", *named, "--b-kernel", "7.2", "--format", "html"], "diff.html"),
        "diff-picture": (["diff", *named, "--b-kernel", "7.2", "--format", "svg"], "diff.svg"),
    }
    for argv, file in made.values():
        assert main([*argv, "-o", str(folder / file)]) in (0, 1)
    report = folder / "report"
    assert main(["check", *named, "--no-project", "--format", "html", "-o", str(report)]) in (0, 1)
    return {
        **{name: folder / file for name, (_, file) in made.items()},
        "index": report / "index.html",
        "board": report / "0001-board.html",
    }


REORDERING = (
    r"/[\u0590-\u08ff\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c\u0000-\u0008\u000b-\u001f\u007f-\u009f]/"
)

# Text that ends behind the edge of its picture, or begins before it; 2 pixels for what a font has beside its letters.
OVER_THE_EDGE = """() => [...document.querySelectorAll('svg')].flatMap((svg) => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter((node) => {
    const box = node.getBoundingClientRect();
    return box.width && (box.right > frame.right + 2 || box.left < frame.left - 2);
  }).map((node) => node.textContent.slice(0, 60));
})"""


# Text of one label that runs into the size at the end of its line.
INTO_THE_SIZE = """() => [...document.querySelectorAll('svg text.size')].flatMap((size) => {
  const at = size.getBoundingClientRect();
  return [...size.parentNode.querySelectorAll('text')].filter((node) => {
    const box = node.getBoundingClientRect();
    return node !== size && at.width && Math.abs(box.bottom - at.bottom) < 6 && box.right > at.left;
  }).map((node) => node.textContent.slice(0, 60));
})"""


def test_hostile_text_is_text(browser: Any, files: dict[str, Path]) -> None:
    for name, file in files.items():
        with opened(browser, file) as there:
            tab = there.tab
            assert tab.evaluate("document.title") != "run", name
            assert tab.evaluate("document.querySelectorAll('img, iframe, object, embed').length") == 0
            assert (
                tab.evaluate("[...document.querySelectorAll('*')].filter(e => e.onload || e.onerror).length")
                == 0
            )
            shown = "document.documentElement.textContent"
            assert tab.evaluate(f"({shown}.match({REORDERING}) || [''])[0]") == "", name
            for width in (400, 1200):
                tab.set_viewport_size({"width": width, "height": 900})
                if file.suffix == ".html":
                    assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
                    there.shot(f"hostile-{file.parent.name}-{name}-{width}.png")
                assert tab.evaluate(OVER_THE_EDGE) == [], (name, width)
                assert tab.evaluate(INTO_THE_SIZE) == [], (name, width)
            assert there.complaints == []
            assert there.requests == [there.url]


def test_hostile_names_can_be_looked_for(browser: Any, files: dict[str, Path]) -> None:
    with opened(browser, files["page"]) as there:
        there.tab.fill("#search", MARKUP[:40])
        there.tab.keyboard.press("Enter")
        there.tab.locator(".scene:visible .mark[role=button]").first.focus()
        there.tab.keyboard.press("Enter")
        there.tab.fill("#search", "@50000000")
        assert there.tab.locator("#found").inner_text() != "nothing found"
        assert there.tab.title() != "run"
        assert there.complaints == []
