# SPDX-License-Identifier: Apache-2.0
"""Laws of every explanation, whatever the board, the scene, the kernel and the question."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from carveout.board import read_board
from carveout.boot import boot
from carveout.boot.result import Outcome, RegionKind
from carveout.boot.watch import watch
from carveout.change.remedies import find_remedies
from carveout.change.trial import region_at
from carveout.errors import CarveoutError, UsageError
from carveout.explain.answer import explain
from carveout.explain.pieces import pieces_of
from carveout.explain.region import explain_region
from carveout.explain.target import find_target
from carveout.report.explain_board_json import render_explanation_json
from carveout.report.explain_board_text import render_explanation
from carveout.report.terminal import Terminal
from carveout.span import Span
from support.boards import mib, region, usual_board, usual_scene
from support.random_boards import Case, cases, wild_cases

# An explanation is several boots.
fewer = settings(max_examples=max(settings().max_examples // 4, 5))

BOARD = usual_board(region("pool", size=mib(4)), region("fw@50000000", reg=[(0x5000_0000, mib(1))]))
BOOT = boot(BOARD, usual_scene())
PIECES = (
    "pool",
    "fw",
    "/",
    "&",
    "@",
    "0x",
    "50000000",
    "-",
    "+",
    "..",
    "16M",
    "default cma",
    "reserved-memory",
    " ",
)


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=8).map("".join)))
def test_any_text_is_understood_or_refused(what: str) -> None:
    try:
        found = find_target(BOARD, BOOT, what)
    except UsageError:
        return
    assert found.span is None or 0 <= found.span.start < found.span.end <= 1 << 64


@fewer
@given(cases())
def test_a_place_is_explained_as_it_is(case: Case) -> None:
    result = boot(case.board, case.scene)
    for made in result.regions:
        told = explain_region(
            case.board, case.scene, result, made.path, with_kernels=False, with_remedies=False
        )
        if made.kind is not RegionKind.DYNAMIC or not told.attempts:
            continue
        assert told.attempts[-1].found == (made.base or None)
        for attempt in told.attempts:
            for tried in attempt.tried:
                assert attempt.window.contains(tried.span)
                assert tried.is_taken or tried.missing > 0 or attempt.align & (attempt.align - 1)


@fewer
@given(cases())
def test_watching_changes_nothing(case: Case) -> None:
    result = boot(case.board, case.scene)
    steps = range(len(result.trace))
    assert watch(case.board, case.scene, steps=steps, states=steps, addresses=(0x5000_0000,)).boot == result


@fewer
@given(cases(), st.integers(0x3F00_0000, 0x9000_0000), st.integers(1, 1 << 30))
def test_pieces_cover_the_span(case: Case, start: int, size: int) -> None:
    result = boot(case.board, case.scene)
    span = Span.sized(start, size)
    pieces, rest = pieces_of(case.board, case.scene, result, span)
    at = span.start
    for piece in pieces:
        assert piece.span.start == at
        at = piece.span.end
    assert at == (rest.start if rest is not None else span.end)


@fewer
@given(cases())
def test_a_remedy_helps(case: Case) -> None:
    result = boot(case.board, case.scene)
    failing = [made.path for made in result.regions if made.outcome is not Outcome.PLACED][:1]
    for path in failing:
        for remedy in find_remedies(case.board, case.scene, path, most=40).remedies:
            board = read_board(remedy.change.apply(case.board.tree))
            after = boot(board, remedy.change.scene or case.scene)
            placed = region_at(after, path)
            assert placed is not None
            assert (placed.outcome, placed.base) == (Outcome.PLACED, remedy.base)
            kept = {made.path for made in after.regions if made.outcome is Outcome.PLACED}
            assert {made.path for made in result.regions if made.outcome is Outcome.PLACED} <= kept


@fewer
@given(wild_cases(), st.sampled_from(["default cma", "0x50000000", "0x40000000+1G", "kernel"]))
def test_no_board_is_too_wild(case: Case, what: str) -> None:
    with suppress(CarveoutError):
        result = boot(case.board, case.scene)
        for asked in (what, *(made.path for made in result.regions[:2])):
            with suppress(UsageError):
                told = explain(case.board, case.scene, asked)
                assert render_explanation(told, title="", terminal=Terminal(), with_steps=True)
                assert json.loads(render_explanation_json(told))["answer"]
