# SPDX-License-Identifier: Apache-2.0
"""`place` on random boards, against a judge of its own and a search that tries every place."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from carveout.board import read_board
from carveout.boot.run import boot
from carveout.change.lab import Lab
from carveout.change.overlay import overlay_of
from carveout.change.place import place
from carveout.change.proposal import contents
from carveout.change.request import Kind, Request
from carveout.check.run import NamedScene
from carveout.errors import UsageError
from carveout.fdt import parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.overlay import apply
from carveout.fdt.writer import build
from carveout.span import KIB, MIB, Span
from support.boards import region
from support.random_boards import cases

if TYPE_CHECKING:
    from carveout.boot.result import Boot
    from carveout.boot.scene import Scene
    from carveout.change.place import Placement
    from carveout.fdt import Tree
    from support.random_boards import Case

# An example is a search, and each law boots every answer again.
few = settings(max_examples=max(10, settings().max_examples // 3))
fewest = settings(max_examples=max(8, settings().max_examples // 6))

POOLS = {Kind.COHERENT: "dma", Kind.REUSABLE: "cma"}


class Held(NamedTuple):
    start: int
    end: int
    who: str


def with_regions(tree: Tree, *regions: DraftNode) -> Tree:
    """Put regions in front of the others by writing the whole tree anew: no span-preserving edit, no proposal."""
    root = DraftNode.from_node(tree.root)
    parent = root.child("reserved-memory")
    if parent is None:
        parent = DraftNode(
            "reserved-memory", {"#address-cells": b"\0\0\0\2", "#size-cells": b"\0\0\0\2", "ranges": b""}
        )
        root.children.insert(0, parent)
    for new in regions:
        parent.children.insert(0, new)
    return parse(build(root, reserve_map=[(entry.address, entry.size) for entry in tree.reserve_map]))


def node_for(request: Request, name: str, base: int) -> DraftNode:
    flags = {
        Kind.PLAIN: (),
        Kind.NO_MAP: ("no-map",),
        Kind.COHERENT: ("no-map",),
        Kind.REUSABLE: ("reusable",),
    }
    compatible = "shared-dma-pool" if request.kind in POOLS else None
    return region(f"{name}@{base:x}", *flags[request.kind], reg=[(base, request.size)], compatible=compatible)


def held(result: Boot) -> set[Held]:
    found = {Held(claim.base, claim.base + claim.size, claim.who) for claim in result.claims}
    for entry in result.regions:
        if entry.outcome in ("placed", "reserve-failed") and entry.base is not None and entry.size:
            found.add(Held(entry.base, entry.base + entry.size, entry.path))
            found |= {Held(extra.start, extra.end, entry.path) for extra in entry.extra}
    return found


def clashes(result: Boot) -> set[tuple[str, str]]:
    everything = sorted(held(result))
    return {
        (min(one.who, two.who), max(one.who, two.who))
        for one in everything
        for two in everything
        if one.who != two.who and one.start < two.end and two.start < one.end
    }


def is_good(before: Boot, after: Boot, request: Request, path: str, base: int) -> bool:
    """Say whether a boot has the region as asked for, and all else as well as before."""
    mine = next((entry for entry in after.regions if entry.path == path), None)
    if mine is None or mine.outcome != "placed" or (mine.base, mine.size) != (base, request.size):
        return False
    if request.kind in POOLS and mine.pool != POOLS[request.kind]:
        return False
    if mine.nomap != (request.kind in (Kind.NO_MAP, Kind.COHERENT)):
        return False
    ram = sorted((entry.base, entry.base + entry.size) for entry in after.memory)
    at = base
    for start, end in ram:
        if start <= at < end:
            at = end
    if at < base + request.size:
        return False
    if any(path in pair for pair in clashes(after)):
        return False
    return is_as_good(before, after)


def is_as_good(before: Boot, after: Boot) -> bool:
    if after.outcome != "ok":
        return False
    now = {entry.path: entry for entry in after.regions}
    for entry in before.regions:
        if entry.outcome == "placed" and entry.size:
            here = now[entry.path]
            if (here.outcome, here.size, here.pool) != ("placed", entry.size, entry.pool):
                return False
    areas = {(area.name, area.from_region): area for area in after.cma}
    for area in before.cma:
        same = areas.get((area.name, area.from_region))
        if same is None or same.size < area.size or (area.activated and not same.activated):
            return False
    given = {(use.path, use.index): use for use in after.consumers}
    for use in before.consumers:
        if use.errno is None and use.region is not None and given[use.path, use.index].errno is not None:
            return False
    return clashes(after) <= clashes(before)


def solve(case: Case, requests: list[Request], **more: int) -> Placement | None:
    lab = Lab(case.board.tree, [NamedScene("one", case.scene)], **more)
    if lab.base.boots[0].outcome != "ok":
        return None
    try:
        return place(lab, requests)
    except UsageError:
        return None


kinds = st.sampled_from(list(Kind))
sizes = st.sampled_from([32 * MIB, 64 * MIB, 96 * MIB, 160 * MIB, 256 * MIB])
aligns = st.sampled_from([None, 64 * KIB, 2 * MIB, 32 * MIB])
requests = st.builds(
    lambda size, align, kind: Request(size=size, align=align, kind=kind), sizes, aligns, kinds
)


def boot_with(tree: Tree, scene: Scene, *nodes: DraftNode) -> Boot:
    return boot(read_board(with_regions(tree, *nodes)), scene)


@few
@given(cases(), requests)
def test_the_simulator_accepts_every_answer(case: Case, request: Request) -> None:
    placement = solve(case, [request])
    assume(placement is not None)
    assert placement is not None
    (wanted,) = placement.wanted
    for answer in placement.answers:
        (base,) = answer.layout
        assert base % wanted.align == 0
        path = f"/reserved-memory/{wanted.name}@{base:x}"
        after = boot_with(case.board.tree, case.scene, node_for(request, wanted.name, base))
        assert is_good(placement.boots[0], after, request, path, base)
        moved = {effect.effect.subject for effect in answer.effects}
        now = {entry.path: entry.base for entry in after.regions}
        for entry in placement.boots[0].regions:
            if entry.outcome == "placed" and entry.size and now[entry.path] != entry.base:
                assert entry.path in moved


@few
@given(cases(), st.lists(requests, min_size=2, max_size=3))
def test_answers_to_several_requests_hold_together(case: Case, asked: list[Request]) -> None:
    placement = solve(case, asked)
    assume(placement is not None)
    assert placement is not None
    for answer in placement.answers:
        named = list(zip(asked, placement.wanted, answer.layout, strict=True))
        nodes = [node_for(request, wanted.name, base) for request, wanted, base in named]
        after = boot_with(case.board.tree, case.scene, *nodes)
        for request, wanted, base in named:
            path = f"/reserved-memory/{wanted.name}@{base:x}"
            assert is_good(placement.boots[0], after, request, path, base)


windows = st.builds(
    Span.sized,
    st.sampled_from([0x4000_0000, 0x4200_0000, 0x4800_0000 - 2 * MIB, 0x4900_0000, 0x5000_0000, 0x6000_0000 - 4 * MIB,
                     0x7800_0000, 0x8000_0000 - 8 * MIB]),
    st.sampled_from([4 * MIB, 8 * MIB]),
)  # fmt: skip


@fewest
@given(cases(), windows, st.sampled_from([MIB, 3 * MIB, 4 * MIB]), st.sampled_from([Kind.PLAIN, Kind.NO_MAP]))
def test_no_room_is_what_a_search_of_every_place_finds(
    case: Case, window: Span, size: int, kind: Kind
) -> None:
    align = 256 * KIB
    request = Request(size=size, align=align, within=(window,), kind=kind, name="new")
    placement = solve(case, [request])
    assume(placement is not None)
    assert placement is not None
    before = placement.boots[0]
    naive = [
        base
        for base in range(window.start, window.end - size + 1, align)
        if is_good(
            before,
            boot_with(case.board.tree, case.scene, node_for(request, "new", base)),
            request,
            f"/reserved-memory/new@{base:x}",
            base,
        )
    ]
    assert {answer.layout[0] for answer in placement.answers} <= set(naive)
    assert bool(placement.answers) == bool(naive)
    if not naive:
        assert placement.search.is_complete


@few
@given(cases(), requests, st.integers(1, 12))
def test_the_search_costs_no_more_than_allowed(case: Case, request: Request, most: int) -> None:
    placement = solve(case, [request], most=most)
    assume(placement is not None)
    assert placement is not None
    assert placement.search.boots <= most


@few
@given(cases(), st.lists(requests, min_size=1, max_size=3))
def test_an_answer_as_an_overlay_gives_the_same_tree_in_the_same_order(
    case: Case, asked: list[Request]
) -> None:
    # Order is part of it: kernels place regions in the order of the tree.
    placement = solve(case, asked)
    assume(placement is not None and placement.answers)
    assert placement is not None
    proposal = placement.answers[0].proposal
    merged = apply(proposal.before, overlay_of(proposal))
    assert [node.path for node in merged.nodes()] == [node.path for node in proposal.after.nodes()]
    assert contents(merged) == contents(proposal.after)
