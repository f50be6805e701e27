# SPDX-License-Identifier: Apache-2.0
"""Laws of `upgrade` on random trees in the words of 2013: everything is rewritten or asked, and nothing else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from carveout.board import read_board
from carveout.boot import boot
from carveout.change.difference import compare
from carveout.change.proposal import contents
from carveout.change.upgrade import Upgrade, upgrade
from carveout.change.upgrade_overlay import upgrade_overlay
from carveout.check.run import NamedScene
from carveout.errors import EditError, UsageError
from carveout.fdt import parse
from carveout.fdt.overlay import apply
from carveout.fdt.writer import write
from support.boards import (
    blob_of,
    cells,
    cpus,
    memory,
    mib,
    node,
    region,
    reserved_memory,
    text,
    usual_scene,
    wide,
)
from support.random_boards import Case, cases

if TYPE_CHECKING:
    from carveout.boot.result import PlacedRegion
    from carveout.fdt import Tree
    from carveout.fdt.draft import DraftNode

SCENES = (NamedScene("6.12", usual_scene("6.12")),)
_compatibles = st.lists(
    st.sampled_from(
        [
            "reserved-memory",
            "reserved-memory-region",
            "contiguous-memory",
            "linux,contiguous-memory-region",
            "shareable-memory-region",
            "fsl,qman-backing-store",
            "shared-dma-pool",
            "qcom,smem",
        ]
    ),
    max_size=3,
    unique=True,
)
_flags = st.lists(
    st.sampled_from(["no-map", "reusable", "linux,default-contiguous-region", "linux,default-cma"]),
    max_size=2,
    unique=True,
)


@st.composite
def _old(draw: st.DrawFn, number: int) -> DraftNode:
    base = draw(st.sampled_from([0, 0x5000_0000 + number * mib(32)]))
    entries = [(base, mib(draw(st.sampled_from([4, 16]))))]
    if draw(st.integers(0, 4)) == 0:
        entries.append((0x7000_0000 + number * mib(1), 4096))
    names = draw(_compatibles)
    properties = {"reg": b"".join(wide(*entry) for entry in entries)}
    if draw(st.integers(0, 4)) == 0:
        properties = {"size": wide(mib(4))}
    if names:
        properties["compatible"] = text(*names)
    properties |= dict.fromkeys(draw(_flags), b"")
    return node(f"old{number}@{base:x}", {**properties, "phandle": cells(number + 1)})


@st.composite
def old_trees(draw: st.DrawFn) -> Tree:
    """A board with regions of 2013 below the memory node, at the root and in /reserved-memory."""
    regions = [draw(_old(number)) for number in range(draw(st.integers(0, 5)))]
    below: list[DraftNode] = []
    root: list[DraftNode] = []
    inside: list[DraftNode] = [region("fw@40080000", reg=[(0x4008_0000, 4096)])]
    for found in regions:
        draw(st.sampled_from([below, root, inside])).append(found)
    ram = memory((0x4000_0000, mib(1024)))
    if below:
        ram.children.append(reserved_memory(*below))
    device = node(
        "vpu",
        {draw(st.sampled_from(["memory-region", "linux,contiguous-region"])): cells(draw(st.integers(1, 6)))},
    )
    parents = [reserved_memory(*inside)] if draw(st.booleans()) or len(inside) > 1 else []
    return parse(blob_of(cpus(), ram, *parents, *root, device))


def answered(tree: Tree) -> Upgrade:
    """Answer every question with its first choice."""
    answers: list[tuple[str, str]] = []
    while True:
        result = upgrade(tree, SCENES, answers)
        if not result.questions:
            return result
        answers += [(question.path, question.choices[0][0]) for question in result.questions]


@given(old_trees())
def test_nothing_old_is_left_and_all_else_is_as_it_was(tree: Tree) -> None:
    result = answered(tree)
    after = result.proposal.after
    left = {path for path, _ in result.left}
    assert {found.path for found in read_board(after).legacy} <= left
    touched = {node.was for node in result.nodes} | {node.path for node in result.nodes}
    made = contents(after)
    for path, properties in contents(tree).items():
        moved = any(path == was or path.startswith(was + "/") for was in touched)
        if not moved and path != "/memory@40000000/reserved-memory":
            assert made[path] == properties
    # Who referred to a region still does.
    before_board, after_board = read_board(tree), read_board(after)
    for use in before_board.consumers:
        new = (
            next(n.path for n in result.nodes if n.was == use.region) if use.region in touched else use.region
        )
        assert new in [other.region for other in after_board.consumers if other.path == use.path]
    assert write(after) == after.blob


@given(old_trees())
def test_a_rewritten_tree_is_not_rewritten_again(tree: Tree) -> None:
    after = answered(tree).proposal.after
    again = upgrade(after, SCENES)
    assert (again.proposal.changes, again.questions) == ((), ())


@given(old_trees())
def test_an_overlay_comes_to_the_same(tree: Tree) -> None:
    result = answered(tree)
    if not result.is_done or not result.nodes:
        return
    try:
        found = upgrade_overlay(result, SCENES)
    except EditError:
        return  # a node that has to be renamed, a property that has to go, another order of dynamic regions
    merged = boot(read_board(apply(tree, found.overlay)), SCENES[0].scene)
    (wanted,) = result.after.boots
    difference = compare(wanted, merged)
    assert [pair for pair in difference.regions if places(pair.before) != places(pair.after)] == []
    assert difference.consumers == ()
    assert merged.outcome is wanted.outcome


def places(region: PlacedRegion | None) -> tuple[object, ...] | None:
    return None if region is None else (region.path, region.base, region.size, region.outcome, region.pool)


@given(cases())
def test_a_tree_of_today_is_left_alone(case: Case) -> None:
    try:
        result = upgrade(case.board.tree, [NamedScene("scene", case.scene)])
    except UsageError:
        return
    assert result.proposal.after.blob == case.board.tree.blob
    assert result.is_done
