# SPDX-License-Identifier: Apache-2.0
"""Laws of `pin` on random boards: the pinned tree boots to the same map, and all three forms of the change agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given

from carveout.board import read_board
from carveout.boot import boot
from carveout.boot.result import Outcome, RegionKind
from carveout.change.overlay import overlay_of
from carveout.change.pin import pin
from carveout.change.proposal import contents
from carveout.check.run import NamedScene
from carveout.errors import EditError, UsageError
from carveout.fdt.overlay import apply
from carveout.fdt.writer import write
from support.random_boards import Case, cases

if TYPE_CHECKING:
    from carveout.boot import Boot
    from carveout.change.pin import Pin


def attempted(case: Case) -> Pin | None:
    # None: the board does not survive, or a region has no place to begin with.
    try:
        return pin(case.board.tree, [NamedScene("scene", case.scene)])
    except UsageError:
        return None


def placed(result: Boot) -> dict[str, tuple[int | None, int | None]]:
    return {
        region.path: (region.base, region.size)
        for region in result.regions
        if region.outcome is Outcome.PLACED
    }


@given(cases())
def test_pinned_boards_boot_to_the_same_map(case: Case) -> None:
    result = attempted(case)
    if result is None or result.proposal is None:
        return
    before = boot(case.board, case.scene)
    after = boot(read_board(result.proposal.after), case.scene)
    assert placed(after) == placed(before)
    dynamic = {r.path for r in after.regions if r.kind is RegionKind.DYNAMIC and r.outcome is Outcome.PLACED}
    assert dynamic <= {path for path, _ in result.left}


@given(cases())
def test_only_reg_of_pinned_regions_is_new(case: Case) -> None:
    result = attempted(case)
    if result is None or result.proposal is None:
        return
    tree, after = case.board.tree, result.proposal.after
    expected = contents(tree)
    for region in result.regions:
        assert "reg" not in expected[region.path]
        expected[region.path]["reg"] = contents(after)[region.path]["reg"]
    assert contents(after) == expected
    assert [entry[:2] for entry in after.reserve_map] == [entry[:2] for entry in tree.reserve_map]
    assert write(after) == after.blob


@given(cases())
def test_an_overlay_makes_the_same_change(case: Case) -> None:
    result = attempted(case)
    if result is None or result.proposal is None or not result.regions:
        return
    try:
        overlay = overlay_of(result.proposal)
    except EditError:
        return  # a node without phandle, behind one of the same name: see test_proposal.py
    merged = apply(case.board.tree, overlay)
    assert contents(merged) == contents(result.proposal.after)
    assert [node.path for node in merged.nodes()] == [node.path for node in result.proposal.after.nodes()]
