# SPDX-License-Identifier: Apache-2.0
"""A pool as a line of characters, and pools and requests in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carveout.pool.result import Reason
from carveout.pool.runs import extents_of, page_set
from carveout.pool.trace import Extent, Op, PoolKind, PoolSpec, Request, TraceHeader
from carveout.pool.view import Hole
from carveout.report.pool_words import (
    asked_text,
    cell_pages,
    failures_text,
    fitted,
    holes_text,
    pool_title,
    reason_text,
    strip,
)
from carveout.report.terminal import Terminal

SPAN = Extent(100, 100)


@pytest.mark.parametrize(
    ("used", "width", "shown"),
    [
        ([], 10, ".........."),
        ([(100, 100)], 10, "##########"),
        ([(100, 1)], 10, "-........."),
        ([(105, 5)], 10, "+........."),
        ([(101, 9)], 10, "*........."),
        ([(100, 10), (195, 5)], 10, "#........+"),
        ([(50, 60)], 10, "#........."),
        ([(150, 100)], 10, ".....#####"),
        ([(100, 50)], 3, "#+."),
        ([(100, 1)], 500, "#" + "." * 99),
    ],
)
def test_a_cell_is_as_dark_as_its_pages_are_full(used: list[tuple[int, int]], width: int, shown: str) -> None:
    assert strip([Extent(*run) for run in used], SPAN, width, unicode=False) == shown
    assert len(strip([Extent(*run) for run in used], SPAN, width, unicode=True)) == len(shown)


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(1, 30)), max_size=8),
    st.integers(1, 130),
    st.integers(1, 90),
)
def test_a_cell_is_free_or_full_only_when_all_its_pages_are(
    runs: list[tuple[int, int]], pages: int, width: int
) -> None:
    extents = extents_of(page_set(Extent(*run) for run in runs))
    used = {pfn for extent in extents for pfn in range(extent.pfn, extent.end)}
    shown = strip(extents, Extent(0, pages), width, unicode=False)
    width = len(shown)
    covered = []
    for cell, char in enumerate(shown):
        low, high = cell_pages(cell, width, pages)
        covered += range(low, high)
        inside = {pfn in used for pfn in range(low, high)}
        assert (char == ".") == (inside == {False})
        assert (char == "#") == (inside == {True})
    assert covered == list(range(pages))


def test_holes_by_alignment() -> None:
    holes = (Hole(0, 300), Hole(3, 256), Hole(9, 0))
    assert (
        holes_text(holes, 4096)
        == "~1.2 MiB, 1 MiB aligned to 64 KiB, 1 MiB aligned to 1 MiB, nothing aligned to 2 MiB"
    )
    assert holes_text((Hole(0, 512),), 4096) == "2 MiB"


def test_words() -> None:
    header = TraceHeader(kernel="6.12")
    assert asked_text(Request(op=Op.CMA_ALLOC, pages=225, align=8), header) == "900 KiB aligned to 1 MiB"
    assert asked_text(Request(op=Op.CMA_ALLOC, pages=1), header) == "4 KiB"
    assert asked_text(Request(op=Op.DMA_ALLOC, size=5 << 20), header) == "5 MiB aligned to 1 MiB"
    assert failures_text({Reason.ROOM: 1, Reason.TOO_LARGE: 3}) == "3 too large, 1 room"
    assert all(reason_text(reason) for reason in Reason if reason)
    pool = PoolSpec(id="0", name="a\x1b[31m", base_pfn=0x50000, pages=512, kind=PoolKind.COHERENT)
    assert pool_title(pool, 4096) == "a\\x1b[31m: coherent DMA pool, 0x50000000..0x501fffff, 2 MiB"


def test_a_line_that_is_too_wide_goes_on_indented() -> None:
    place = Terminal(width=60)
    pieces = fitted("  " + "word " * 20, place)
    assert len(pieces) > 1
    assert all(len(piece) <= 60 for piece in pieces)
    assert pieces[1].startswith("    word")
