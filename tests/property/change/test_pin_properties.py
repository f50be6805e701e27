# SPDX-License-Identifier: Apache-2.0
"""Laws of `pin` on random boards: the pinned tree boots to the same map, and all three forms of the change agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from carveout.board import read_board
from carveout.boot import boot
from carveout.boot.result import Outcome, RegionKind
from carveout.change.overlay import overlay_of
from carveout.change.pin import pin
from carveout.change.proposal import contents
from carveout.check.run import NamedScene
from carveout.errors import EditError, UsageError
from carveout.fdt.edit import remove_property
from carveout.fdt.overlay import apply
from carveout.fdt.writer import write
from carveout.span import GIB, MIB, Span
from support.boards import usual_scene
from support.random_boards import BUILDS, Case, cases

if TYPE_CHECKING:
    from carveout.boot import Boot
    from carveout.change.pin import Pin
    from carveout.fdt import Tree


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
    # Taking the new properties out again gives the same structure, byte for byte.
    undone = after
    for region in result.regions:
        undone = remove_property(undone, region.path, "reg")
    assert structure_of(undone) == structure_of(tree)
    assert undone.strings.startswith(tree.strings)


def structure_of(tree: Tree) -> bytes:
    return tree.blob[tree.structure.start : tree.structure.end]


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


@given(cases(), st.sampled_from([256 * MIB, 512 * MIB, 2 * GIB]), st.sampled_from(BUILDS))
def test_a_place_for_two_scenes_is_good_in_both(case: Case, ram: int, build: tuple[str, int]) -> None:
    kernel, page_size = build
    other = usual_scene(kernel, page_size=page_size, memory=(Span.sized(0x4000_0000, ram),))
    asked = [NamedScene("own", case.scene), NamedScene("other", other)]
    try:
        result = pin(case.board.tree, asked)
    except UsageError:
        return
    if result.proposal is None:
        assert result.reasons
        return
    board = read_board(result.proposal.after)
    for named, before in zip(asked, result.before.boots, strict=True):
        found = {region.path: region for region in boot(board, named.scene).regions}
        for region in result.regions:
            here = found[region.path]
            assert (here.outcome, here.base, here.size) == (
                Outcome.PLACED,
                region.place.start,
                region.place.size,
            )
        for was in before.regions:
            if was.outcome is Outcome.PLACED and was.path not in {region.path for region in result.regions}:
                assert found[was.path].base == was.base
