# SPDX-License-Identifier: Apache-2.0
"""Explanations of recorded boots: the place explained is the recorded one, and every fact on the way is true.

The facts are worked out a second time by `support.naive_memory`, which knows nothing of memblock.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from carveout.board import read_board
from carveout.boot import boot
from carveout.boot.result import Outcome, RegionKind, StepKind
from carveout.boot.watch import watch
from carveout.explain.answer import explain
from carveout.explain.pieces import pieces_of
from carveout.explain.region import explain_region
from carveout.fdt import parse
from carveout.span import Span
from support.naive_memory import can_replay, free_after, highest_base, lowest_base
from support.recordings import recording, recordings, scene_of

if TYPE_CHECKING:
    from carveout.boot.result import Step
    from carveout.explain.model import Attempt

# Every boot with a dynamic region that went wrong somewhere, or has windows; and a cross-section of the rest.
EVERY = 24
WANTED = ("nofit", "range", "dyn", "align", "both", "two", "mem")
BOOTS = [
    found.id
    for number, found in enumerate(recordings())
    if number % EVERY == 0 or (any(word in found.scenario for word in WANTED) and number % 8 == 0)
]


@pytest.mark.parametrize("name", BOOTS)
def test_explained_place_is_the_recorded_one(name: str) -> None:
    recorded = recording(name)
    board, scene = read_board(parse(recorded.dtb)), scene_of(recorded)
    result = boot(board, scene)
    seen = {region.name: region for region in recorded.regions}
    for region in result.regions:
        told = explain_region(board, scene, result, region.path, with_kernels=False, with_remedies=False)
        assert told.region is not None
        truth = seen.get(region.name)
        if truth is not None and truth.base is not None and region.outcome is Outcome.PLACED:
            assert told.region.base == truth.base
        if region.kind is RegionKind.DYNAMIC and told.attempts:
            assert told.attempts[-1].found == (region.base or None)
            # movable_node keeps hotpluggable memory out of reach, which the plain replay does not know.
            _check_attempts(
                result.trace, region.path, told.attempts, replays="movable_node" not in recorded.cmdline
            )


def _check_attempts(
    trace: tuple[Step, ...], path: str, attempts: tuple[Attempt, ...], *, replays: bool
) -> None:
    at = next(
        n for n, s in enumerate(trace) if s.subject == path and s.kind in (StepKind.ALLOC, StepKind.FAIL)
    )
    before = trace[:at]
    for number, attempt in enumerate(attempts):
        best = lowest_base if attempt.bottom_up else highest_base
        for tried in attempt.tried:
            base = best(tried.span, attempt.size, attempt.align)
            if tried.is_taken:
                assert base == attempt.found
            elif attempt.align & (attempt.align - 1) == 0:
                assert base is None
                assert tried.missing == attempt.size - tried.usable > 0
        if not (replays and can_replay(before)):
            continue
        free = free_after(before, attempt.window)
        looked_at = [tried.span for tried in attempt.tried]
        order = free if attempt.bottom_up else free[::-1]
        assert looked_at == order[: len(looked_at)]
        if attempt.found is None:
            assert looked_at == order
        else:
            assert number == len(attempts) - 1


@pytest.mark.parametrize("name", BOOTS[::6])
def test_watching_changes_nothing(name: str) -> None:
    recorded = recording(name)
    board, scene = read_board(parse(recorded.dtb)), scene_of(recorded)
    result = boot(board, scene)
    seen = watch(
        board,
        scene,
        steps=range(len(result.trace)),
        states=range(len(result.trace)),
        addresses=(0, 0x5000_0000),
    )
    assert seen.boot == result


@pytest.mark.parametrize("name", BOOTS[::6])
def test_pieces_are_the_recorded_map(name: str) -> None:
    recorded = recording(name)
    board, scene = read_board(parse(recorded.dtb)), scene_of(recorded)
    result = boot(board, scene)
    if not result.memory:
        return
    span = Span(result.memory[0].base, result.memory[-1].base + result.memory[-1].size)
    pieces, rest = pieces_of(board, scene, result, span)
    assert pieces[0].span.start == span.start
    assert all(this.span.end == following.span.start for this, following in pairwise(pieces))
    assert pieces[-1].span.end == (rest.start if rest is not None else span.end)
    for piece in pieces:
        address = piece.span.start
        assert piece.is_ram == any(m.base <= address < m.base + m.size for m in result.memory)
        assert piece.reserved == any(r.base <= address < r.base + r.size for r in result.reserved)
        assert bool(piece.history) == (piece.is_ram or piece.reserved) or piece.region is not None


def test_an_area_across_two_nodes_is_said_to_be_useless() -> None:
    recorded = recording("numa-2-dyn-cma-cross__6.12.107+deb13-arm64")
    board, scene = read_board(parse(recorded.dtb)), scene_of(recorded)
    told = explain_region(board, scene, boot(board, scene), "/reserved-memory/d", with_kernels=False)
    assert told.answer[-1].startswith("The area is never activated")


def test_high_memory_comes_first_and_options_make_the_difference() -> None:
    recorded = recording("high-lowmem-nomap__7.2.13+deb14-armmp")
    told = explain(read_board(parse(recorded.dtb)), scene_of(recorded), "default cma")
    assert told.attempts[0].window_why.text == "high memory first, from 0x70000000 on"
    assert "(CONFIG_CMA_SIZE_MBYTES is 16 there, 128 here" in told.kernels[-1].causes[0]
