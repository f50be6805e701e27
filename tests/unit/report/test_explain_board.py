# SPDX-License-Identifier: Apache-2.0
"""Explanations as text and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from carveout.explain.answer import explain
from carveout.report.explain_board_json import SCHEMA, render_explanation_json
from carveout.report.explain_board_text import render_explanation
from carveout.report.terminal import Terminal
from support.boards import cells, mib, node, region, usual_board, usual_scene

if TYPE_CHECKING:
    from carveout.board import Board

BOARD = usual_board(
    region("fw@60000000", "no-map", reg=[(0x6000_0000, mib(1))]),
    region("pool", "reusable", size=mib(900), compatible="shared-dma-pool", phandle=1),
    *(region(f"r{number}", size=mib(1)) for number in range(12)),
    others=[node("vpu", {"memory-region": cells(1)})],
)
QUESTIONS = ("pool", "r3", "fw", "vpu", "0x60000000", "0x40000000-0x80000000", "default cma", "kernel")


def shown(
    what: str, *, board: Board = BOARD, width: int = 100, steps: bool = False, unicode: bool = True
) -> str:
    told = explain(board, usual_scene(), what)
    place = Terminal(width=width, unicode=unicode)
    return render_explanation(told, title="t", terminal=place, with_steps=steps)


@pytest.mark.parametrize("width", [60, 100, 160])
@pytest.mark.parametrize("steps", [False, True])
@pytest.mark.parametrize("what", QUESTIONS)
def test_no_line_is_too_long(what: str, width: int, *, steps: bool) -> None:
    lines = shown(what, width=width, steps=steps).splitlines()
    assert max(map(len, lines)) <= width
    assert not any(line != line.rstrip() for line in lines)


@pytest.mark.parametrize("what", QUESTIONS)
def test_the_short_form_is_short(what: str) -> None:
    assert len(shown(what).splitlines()) <= 75
    assert len(shown(what).splitlines()) <= len(shown(what, steps=True).splitlines())


def test_steps_have_their_log_lines() -> None:
    text = shown("pool", steps=True)
    assert "log: OF: reserved mem: failed to allocate memory for node 'pool': size 900 MiB" in text
    assert "log:" not in shown("pool")


def test_a_failure_in_text() -> None:
    text = shown("pool")
    assert "pool gets no place: it asks for 900 MiB aligned to 2 MiB.\n" in text
    assert "/vpu fails with -22 (EINVAL): the kernel has no such region" in text
    assert "What would help (each of these was booted)\n" in text
    assert "Other kernels\n" in text


def test_of_a_disabled_region_nobody_gets_anything() -> None:
    board = usual_board(
        region("off", size=mib(4), status="disabled", phandle=1),
        others=[node("vpu", {"memory-region": cells(1)})],
    )
    text = shown("off", board=board)
    assert "  /vpu: the region is disabled: the driver is told all is well, and gets no memory\n" in text


def test_names_from_a_tree_are_made_harmless() -> None:
    evil = usual_board(
        region("a\x1b[31m", size=mib(900)), others=[node("b\x07", {"memory-region": cells(1)})]
    )
    for what in ("/reserved-memory/a\x1b[31m", "/b\x07", "0x40000000+1G"):
        for steps in (False, True):
            text = shown(what, board=evil, steps=steps)
            assert "\x1b" not in text
            assert "\x07" not in text


def test_ascii_only() -> None:
    assert shown("pool", unicode=False).isascii()


@pytest.mark.parametrize("what", QUESTIONS)
def test_json(what: str) -> None:
    value = json.loads(render_explanation_json(explain(BOARD, usual_scene(), what)))
    assert value["schema"] == SCHEMA == "carveout.explain/1"
    assert set(value) == {
        "schema", "scene", "kind", "subject", "answer", "exactness", "doubts", "outcome", "region", "asked", "reasons",
        "attempts", "attempts_left_out", "steps", "consumers", "pieces", "pieces_rest", "kernels", "remedies",
        "remedies_tried", "parts",
    }  # fmt: skip
    assert value["answer"]
    for kernel in value["kernels"]:
        assert set(kernel) == {"kernel", "same", "text", "base", "size", "exactness", "causes"}


def test_json_of_a_search_and_a_remedy() -> None:
    value = json.loads(render_explanation_json(explain(BOARD, usual_scene(), "pool")))
    (attempt,) = value["attempts"]
    assert attempt["direction"] == "top-down"
    assert attempt["base"] is None
    first = attempt["tried"][0]
    assert (first["base"], first["size"], first["usable"]) == ("0x60100000", "0x1ff00000", "0x1fe00000")
    assert int(first["missing"], 16) == mib(900) - mib(510)
    assert (first["below"], first["above"]) == ("/reserved-memory/fw@60000000", "end of RAM")
    smaller = value["remedies"][0]
    assert smaller["kind"] == "size"
    assert smaller["edits"] == [
        {"kind": "set", "path": "/reserved-memory/pool", "property": "size", "value": f"{mib(510):016x}"}
    ]
