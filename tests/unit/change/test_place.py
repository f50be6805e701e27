# SPDX-License-Identifier: Apache-2.0
"""Where a region can go: what is asked, what is refused, which answer is best, and what is added to the tree."""

from __future__ import annotations

from itertools import pairwise

import pytest

from carveout.boot import Scene
from carveout.change.lab import Lab
from carveout.change.place import Placement, place
from carveout.change.place_refusal import refusal
from carveout.change.place_search import every_layout, good_layouts, place_count, spread_places
from carveout.change.request import Kind, Request, page_sizes, want
from carveout.check.run import NamedScene
from carveout.errors import UsageError
from carveout.fdt.draft import DraftNode
from carveout.span import GIB, KIB, MIB, Span
from carveout.values import replace
from support.boards import cells, memory, node, region, text, usual_board, usual_scene

SOC = {
    "#address-cells": cells(1),
    "#size-cells": cells(1),
    "dma-ranges": cells(0, 0, 0x4000_0000, 0x1000_0000),
}
REGIONS = (
    region("fw@50000000", "no-map", reg=[(0x5000_0000, 2 * MIB)]),
    region("pool", "reusable", size=128 * MIB, compatible="shared-dma-pool", phandle=1),
)
DEVICES = (
    node("soc", SOC, node("vpu@1000", {"memory-region": cells(1)}), node("dsp@2000", {"compatible": text("x,dsp")})),
    node("gpu", {"memory-region": cells(1), "memory-region-names": text("one")}),
)  # fmt: skip


def solve(
    *requests: Request,
    regions: tuple[DraftNode, ...] = REGIONS,
    kernels: tuple[str, ...] = ("6.12",),
    **more: int,
) -> Placement:
    board = usual_board(*regions, others=DEVICES)
    scenes = [NamedScene(kernel, usual_scene(kernel)) for kernel in kernels]
    lab = Lab(board.tree, scenes, most=more.pop("most", 2000))
    return place(lab, requests, **more)


def bases(placement: Placement) -> list[tuple[int, ...]]:
    return [answer.layout for answer in placement.answers]


def test_the_best_answer_leaves_the_largest_ranges_whole() -> None:
    # free: [image, tree) 88.6 MiB, [tree, fw) 126 MiB, [fw, pool and early) 357 MiB
    placement = solve(Request(size=64 * MIB))
    assert bases(placement)[0] == (0x4400_0000,)
    assert not placement.answers[0].moved
    assert placement.search.boots == placement.search.tried < 20


def test_a_place_that_moves_others_comes_last_and_is_said() -> None:
    small = region("pool", "reusable", size=64 * MIB, compatible="shared-dma-pool", phandle=1)
    placement = solve(Request(size=720 * MIB), regions=(REGIONS[0], small))
    assert placement.answers
    for answer in placement.answers:
        assert answer.moved >= {"/reserved-memory/pool"}
        assert answer.layout[0] >= 0x5020_0000


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_is_made_as_it_should_be(kind: Kind) -> None:
    placement = solve(Request(size=32 * MIB, kind=kind, device="/soc/dsp@2000", name="dsp"))
    if kind is Kind.PLAIN:
        assert placement.answers
    after = placement.answers[0].proposal.after
    (base,) = placement.answers[0].layout
    made = after.node(f"/reserved-memory/dsp@{base:x}")
    assert made is not None
    assert ("no-map" in made, "reusable" in made) == (kind.no_map, kind is Kind.REUSABLE)
    entry = after.node("/soc/dsp@2000")
    assert entry is not None
    phandle = made.prop("phandle")
    regions = entry.prop("memory-region")
    assert phandle is not None
    assert regions is not None
    assert regions.value == phandle.value
    result = placement.answers[0].trial.boots[0]
    assert next(r.pool for r in result.regions if r.name.startswith("dsp@")) == kind.pool


def test_the_bus_of_the_device_limits_where() -> None:
    placement = solve(Request(size=16 * MIB, device="/soc/vpu@1000"))
    for (base,) in bases(placement):
        assert 0x4000_0000 <= base <= 0x5000_0000 - 16 * MIB
    entries = placement.answers[0].proposal.after.node("/soc/vpu@1000")
    assert entries is not None
    prop = entries.prop("memory-region")
    assert prop is not None
    assert prop.cells() == (1, 2)


def test_names_of_entries_go_along() -> None:
    placement = solve(Request(size=16 * MIB, device="/gpu", name="second"))
    gpu = placement.answers[0].proposal.after.node("/gpu")
    assert gpu is not None
    names = gpu.prop("memory-region-names")
    assert names is not None
    assert names.strings() == ("one", "second")


def test_a_tree_without_reserved_memory_gets_it() -> None:
    placement = solve(Request(size=16 * MIB, name="new"), regions=())
    (base,) = bases(placement)[0]
    parent = placement.answers[0].proposal.after.node("/reserved-memory")
    assert parent is not None
    assert [child.name for child in parent.children] == [f"new@{base:x}"]
    assert "ranges" in parent


def test_one_place_for_several_kernels() -> None:
    placement = solve(Request(size=64 * MIB, kind=Kind.REUSABLE), kernels=("5.10", "6.1", "6.12", "7.2"))
    assert placement.wanted[0].align == 4 * MIB  # 5.10's
    assert placement.answers
    for answer in placement.answers:
        assert len(answer.trial.boots) == 4
        assert answer.layout[0] % (4 * MIB) == 0


def test_several_requests_do_not_take_each_others_place() -> None:
    placement = solve(*[Request(size=60 * MIB, name=f"r{n}", kind=Kind.NO_MAP) for n in range(4)])
    for answer in placement.answers:
        places = sorted(Span.sized(base, 60 * MIB) for base in answer.layout)
        assert all(one.end <= two.start for one, two in pairwise(places))


def test_no_room_says_what_is_in_the_way() -> None:
    placement = solve(Request(size=800 * MIB))
    assert placement.answers == ()
    assert placement.search.is_complete
    why = refusal(placement, placement.wanted[0])
    assert why.span == Span(0x5020_0000, 0x8000_0000)
    assert (why.below, why.above) == ("/reserved-memory/fw@50000000", "the end of RAM")
    assert [holder.who for holder in why.in_the_way] == ["/reserved-memory/fw@50000000"]


def test_a_search_that_ends_early_says_so() -> None:
    # It fits only by taking the room of the pool, which then has none.
    placement = solve(Request(size=800 * MIB), regions=(REGIONS[1],), most=5)
    assert placement.answers == ()
    assert not placement.search.is_complete
    assert placement.search.boots <= 5
    assert any("pool finds no place" in text for text, _ in placement.objections)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        pytest.param(Request(size=0), "size 0", id="size-0"),
        pytest.param(Request(size=0x1001), "no multiple of 0x1000 .*ask for 0x2000", id="no-page"),
        pytest.param(Request(size=3 * MIB, kind=Kind.REUSABLE), "no multiple of 0x200000", id="no-area"),
        pytest.param(Request(size=MIB, align=3 * MIB), "no power of two", id="align"),
        pytest.param(Request(size=MIB, within=(Span(0, KIB),)), "even if all of it were free", id="within"),
        pytest.param(Request(size=GIB, device="/soc/vpu@1000"), "is less than 1 GiB in one piece", id="reach"),
        pytest.param(Request(size=MIB, device="/soc/vpu@1000", within=(Span(0x6000_0000, 0x7000_0000),)),
                     "have no room in common", id="within-and-reach"),
        pytest.param(Request(size=MIB, device="/nope"), "no node /nope", id="device"),
        pytest.param(Request(size=MIB, device="/reserved-memory/pool"), "is a region, expected", id="region"),
        pytest.param(Request(size=MIB, name="a@1"), "is no name for a node", id="name"),
        pytest.param(Request(size=MIB, name="x" * 40), "is no name for a node", id="long-name"),
    ],
)  # fmt: skip
def test_requests_that_contradict_themselves(request_: Request, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        solve(request_)


def test_boards_that_give_no_ground_to_stand_on() -> None:
    unknown = Lab(usual_board(ram=()).tree, [NamedScene("6.12", usual_scene())])
    with pytest.raises(UsageError, match="pass --memory"):
        place(unknown, [Request(size=MIB)])
    dead = usual_board(
        region("p@90000000", "reusable", reg=[(0x9000_0000, 16 * MIB)], compatible="shared-dma-pool")
    )
    with pytest.raises(UsageError, match=r"does not boot as it is \(panic"):
        place(Lab(dead.tree, [NamedScene("6.12", usual_scene())]), [Request(size=MIB)])
    with pytest.raises(UsageError, match="more than 8"):
        place(Lab(usual_board().tree, [NamedScene("6.12", usual_scene())]), [Request(size=MIB)] * 9)


@pytest.mark.parametrize(
    ("kind", "field", "option"),
    [
        pytest.param(Kind.REUSABLE, "dma_cma", "CONFIG_DMA_CMA", id="contiguous"),
        pytest.param(Kind.COHERENT, "dma_declare_coherent", "CONFIG_DMA_DECLARE_COHERENT", id="coherent"),
    ],
)
def test_a_kernel_that_makes_no_such_pool(kind: Kind, field: str, option: str) -> None:
    lab = Lab(usual_board().tree, [NamedScene("6.12", usual_scene())])
    (boot,) = lab.base.boots
    without = replace(
        boot, profile=replace(boot.profile, config=replace(boot.profile.config, **{field: False}))
    )
    with pytest.raises(UsageError, match=f"Linux 6.12 as configured makes no .*{option} is off"):
        want(lab.base.board, [without], [Request(size=32 * MIB, kind=kind)])


def test_a_parent_that_the_kernel_refuses() -> None:
    board = usual_board(region("fw@50000000", reg=[(0x5000_0000, MIB)]))
    root = DraftNode.from_node(board.tree.root)
    parent = root.child("reserved-memory")
    assert parent is not None
    del parent.properties["ranges"]
    from carveout.fdt import parse
    from carveout.fdt.writer import build

    with pytest.raises(UsageError, match="is refused by the kernel"):
        place(Lab(parse(build(root)), [NamedScene("6.12", usual_scene())]), [Request(size=MIB)])


def test_one_cell_for_addresses_keeps_it_below_4_gib() -> None:
    from carveout.fdt import parse
    from carveout.fdt.writer import build

    root = DraftNode("", {"#address-cells": cells(1), "#size-cells": cells(1)})
    root.children.append(
        DraftNode("memory@40000000", {"device_type": text("memory"), "reg": cells(0x4000_0000, GIB)})
    )
    lab = Lab(parse(build(root)), [NamedScene("6.12", usual_scene())])
    placement = place(lab, [Request(size=16 * MIB)])
    assert placement.wanted[0].windows == (Span(0, 4 * GIB),)
    (base,) = placement.answers[0].layout
    added = placement.answers[0].proposal.after.node(f"/reserved-memory/carveout-16mib@{base:x}")
    assert added is not None
    reg = added.prop("reg")
    assert reg is not None
    assert reg.cells() == (base, 16 * MIB)
    with pytest.raises(UsageError, match="too few #address-cells"):
        place(lab, [Request(size=MIB, within=(Span(8 * GIB, 9 * GIB),))])


def wanted_of(*requests: Request) -> tuple[object, ...]:
    lab = Lab(usual_board().tree, [NamedScene("6.12", Scene(arch="arm64", kernel="6.12"))])
    return want(lab.base.board, lab.base.boots, requests)


FREE = [Span(0x1000, 0x9000), Span(0x1_0000, 0x1_4000)]


def test_layouts_at_the_ends() -> None:
    (wanted,) = wanted_of(Request(size=0x2000))
    assert set(good_layouts(FREE, [wanted])) == {(0x1000,), (0x7000,), (0x1_0000,), (0x1_2000,)}  # type: ignore[list-item]
    assert good_layouts(FREE, [wanted])[0] in {(0x1_0000,), (0x1_2000,)}  # type: ignore[list-item]
    assert place_count(FREE, wanted) == 7 + 3  # type: ignore[arg-type]
    assert spread_places(FREE, wanted, 100) == [*range(0x1000, 0x8000, 0x1000), 0x1_0000, 0x1_1000, 0x1_2000]  # type: ignore[arg-type]
    assert len(spread_places(FREE, wanted, 4)) <= 4  # type: ignore[arg-type]


def test_the_complete_search_finds_what_the_quick_one_may_miss() -> None:
    # 0x8000 and 0x4000 free: only one order and split fits all three.
    wanted = wanted_of(Request(size=0x4000), Request(size=0x5000), Request(size=0x3000))
    found = every_layout(FREE, wanted, most=50)  # type: ignore[arg-type]
    assert found.is_complete
    assert found.layouts
    for layout in found.layouts:
        places = sorted(
            Span.sized(base, size) for base, size in zip(layout, (0x4000, 0x5000, 0x3000), strict=True)
        )
        assert all(any(span.contains(place) for span in FREE) for place in places)
        assert all(one.end <= two.start for one, two in pairwise(places))
    assert every_layout(FREE, [*wanted, *wanted_of(Request(size=0x1000))], most=50).layouts == ()  # type: ignore[list-item]


def test_page_sizes() -> None:
    assert page_sizes(0x1_0000, 0x1_0000) == (4 * KIB, 16 * KIB, 64 * KIB)
    assert page_sizes(0x1_0000, 0x1000) == (4 * KIB,)
    assert page_sizes(0x100, 0x1000) == ()


def test_memory_nodes_are_not_touched() -> None:
    placement = solve(Request(size=16 * MIB))
    after = placement.answers[0].proposal.after
    before = usual_board(*REGIONS, others=DEVICES).tree
    assert memory((0x4000_0000, GIB)).properties["reg"] == after.node("/memory@40000000").prop("reg").value  # type: ignore[union-attr]
    assert {n.path for n in after.nodes()} - {n.path for n in before.nodes()} == {
        f"/reserved-memory/carveout-16mib@{placement.answers[0].layout[0]:x}"
    }
