# SPDX-License-Identifier: Apache-2.0
"""Answers from rows made by hand: what is worse, what is alike, what counts once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.report.sweep_text import render_sweep
from carveout.sweep.answers import Pair, answer, pattern_of

if TYPE_CHECKING:
    from carveout.sweep.answers import Answers
    from carveout.sweep.rows import Row

SCENES = ("6.12 1G", "7.2 1G", "6.12 2G", "7.2 2G")
PAIRS = (Pair("6.12 1G", "7.2 1G"), Pair("6.12 2G", "7.2 2G"))


def cell(scene: str, **values: object) -> Row:
    usual: Row = {
        "kind": "cell", "scene": scene, "outcome": "ok", "failure": None, "failed": 0, "released": 0, "errors": 0,
        "warnings": 0, "share": 0.1, "reserved_kib": 1, "users_refused": 0, "complaints": [],
    }  # fmt: skip
    return usual | values


def region(scene: str, **values: object) -> Row:
    usual: Row = {
        "kind": "region",
        "scene": scene,
        "path": "/r",
        "outcome": "placed",
        "base": "0x1",
        "pool": None,
    }
    return usual | {"why": "asked so; not known where"} | values


def answers(*boards: tuple[str, list[Row]]) -> Answers:
    rows = [[{"kind": "board", "board": name, "error": None}, *found] for name, found in boards]
    return answer(SCENES, rows, pairs=PAIRS)


def four(**after: object) -> list[Row]:
    return [cell(scene, **(after if scene.startswith("7.2") else {})) for scene in SCENES]


def test_scenes_that_are_worse_alike_are_one_entry() -> None:
    rows = four()
    rows += [region(scene, outcome="released" if scene.startswith("7.2") else "placed") for scene in SCENES]
    for number, row in enumerate(rows[:4]):
        row["complaints"] = [f"node 'r' at 0x{number}000"] if str(row["scene"]).startswith("7.2") else []
    found = answers(("a.dtb", rows))
    (entry,) = found.broken
    assert (entry.pair, entry.also) == (PAIRS[0], ("7.2 2G",))
    assert entry.what == ("/r was placed and is released: asked so",)
    assert entry.lines == ("node 'r' at 0x1000",)
    assert found.kinds == {"a region was placed and is released": 1, "kernel: node 'NAME' at N": 1}


def test_scenes_that_are_worse_in_another_way_stay_apart() -> None:
    rows = four()
    rows[1]["outcome"], rows[1]["failure"] = "panic", "x"
    rows[3]["users_refused"] = 2
    found = answers(("a.dtb", rows), ("b.dtb", four(users_refused=1)))
    assert [(entry.board, entry.pair.after, entry.also) for entry in found.broken] == [
        ("a.dtb", "7.2 1G", ()), ("a.dtb", "7.2 2G", ()), ("b.dtb", "7.2 1G", ("7.2 2G",)),
    ]  # fmt: skip
    assert found.kinds == {
        "the boot was ok and is panic": 1,
        "devices whose memory-region gives an error": 2,
    }
    text = render_sweep(found)
    assert "  in how many boards:\n        2  devices whose memory-region gives an error\n" in text


def test_a_line_alone_is_not_worse() -> None:
    assert answers(("a.dtb", four(complaints=["something"]))).kinds == {}


def test_what_does_not_fit_names_all_scenes_of_it() -> None:
    rows = four(failed=1)
    rows += [region(scene, outcome="alloc-failed") for scene in SCENES if scene.startswith("7.2")]
    found = answers(("a.dtb", rows))
    assert [(entry.scene, entry.also, entry.what) for entry in found.misfits] == [
        ("7.2 1G", ("7.2 2G",), "/r: alloc-failed")
    ]
    assert found.misfit_cells == 2
    assert (
        "What does not fit: 1 boards in 2 cells\n  a.dtb, 7.2 1G, 7.2 2G: /r: alloc-failed\n"
        in render_sweep(found)
    )


def test_many_scenes_are_counted_after_the_first_six() -> None:
    scenes = [f"7.2 {number}G" for number in range(1, 10)]
    rows = [{"kind": "board", "board": "a.dtb", "error": None}, *(cell(scene, failed=1) for scene in scenes)]
    text = render_sweep(answer(scenes, [rows]))
    assert (
        "a.dtb, 7.2 1G, 7.2 2G, 7.2 3G, 7.2 4G, 7.2 5G, 7.2 6G and 3 more: 1 regions are not placed" in text
    )


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("cma: Failed to reserve 64 MiB", "cma: Failed to reserve N MiB"),
        ("node 'x@1': base 0x10, size 3 MiB", "node 'NAME': base N, size N MiB"),
        ("a (0x1--0x2) overlaps with b@1 (0x2--0x3)", "NAME (A--B) overlaps with NAME (A--B)"),
    ],
)
def test_pattern(line: str, pattern: str) -> None:
    assert pattern_of(line) == pattern
