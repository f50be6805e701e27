# SPDX-License-Identifier: Apache-2.0
"""`upgrade`: every name and layout of 2013 in the words of today; what is not clear is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.change.proposal import contents
from carveout.change.upgrade import Upgrade, upgrade
from carveout.check.run import NamedScene
from carveout.errors import UsageError
from carveout.fdt import parse
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
    usual_board,
    usual_scene,
    wide,
)

if TYPE_CHECKING:
    from carveout.fdt import Tree
    from carveout.fdt.draft import DraftNode

POOL = "/reserved-memory/pool@50000000"
REG = wide(0x5000_0000, mib(4))
AUGUST = "linux,contiguous-memory-region"
SCENES = [NamedScene("6.12", usual_scene("6.12"))]


def old(compatible: str | None, *flags: str, name: str = "pool@50000000", **more: bytes) -> DraftNode:
    return node(
        name,
        {
            **({"compatible": text(*compatible.split(" "))} if compatible else {}),
            "reg": more.pop("reg", REG),
            **{key.replace("_", "-"): value for key, value in more.items()},
            **dict.fromkeys(flags, b""),
        },
    )


def below_memory(
    *regions: DraftNode, cells_: tuple[int, int] = (2, 2), extra: tuple[DraftNode, ...] = ()
) -> Tree:
    parent = reserved_memory(*regions, address_cells=cells_[0], size_cells=cells_[1])
    ram = memory((0x4000_0000, mib(1024)))
    ram.children.append(parent)
    return parse(blob_of(cpus(), ram, *extra))


def run(tree: Tree, *answers: tuple[str, str]) -> Upgrade:
    return upgrade(tree, SCENES, answers)


def result_of(tree: Tree, *answers: tuple[str, str]) -> dict[str, dict[str, bytes]]:
    result = run(tree, *answers)
    assert result.is_done, (result.questions, result.reasons)
    return contents(result.proposal.after)


SHARED = {"compatible": text("shared-dma-pool"), "reg": REG, "reusable": b""}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(old("reserved-memory"), {"reg": REG}, id="LG01"),
        pytest.param(
            old("qcom,smem reserved-memory", "no-map"),
            {"compatible": text("qcom,smem"), "reg": REG, "no-map": b""},
            id="LG01-driver",
        ),
        pytest.param(old("contiguous-memory reserved-memory"), SHARED, id="LG02"),
        pytest.param(old(AUGUST), SHARED, id="LG03"),
        pytest.param(old("shareable-memory-region"), SHARED, id="LG04"),
        pytest.param(
            old("contiguous-memory reserved-memory", "linux,default-contiguous-region"),
            {**SHARED, "linux,cma-default": b""},
            id="LG05",
        ),
        pytest.param(
            old("shared-dma-pool", "reusable", "linux,default-cma"),
            {**SHARED, "linux,cma-default": b""},
            id="LG06",
        ),
        pytest.param(old(None, "linux,default-cma"), {**SHARED, "linux,cma-default": b""}, id="LG06-bare"),
        pytest.param(old("reserved-memory-region"), {"reg": REG, "no-map": b""}, id="LG09"),
    ],
)
def test_names_in_place(before: DraftNode, after: dict[str, bytes]) -> None:
    tree = usual_board(before).tree
    expected = contents(tree)
    expected[POOL] = after
    assert result_of(tree) == expected


def test_a_region_of_august_2013_for_a_device_is_its_coherent_pool() -> None:
    device = node("dsp", {"memory-region": cells(5)})
    tree = usual_board(old("reserved-memory-region", phandle=cells(5)), others=[device]).tree
    assert result_of(tree)[POOL] == {
        "compatible": text("shared-dma-pool"),
        "reg": REG,
        "phandle": cells(5),
        "no-map": b"",
    }


def test_regions_below_the_memory_node_move() -> None:
    tree = below_memory(
        old(AUGUST, phandle=cells(1)),
        old("reserved-memory-region", name="dsp@58000000", reg=wide(0x5800_0000, mib(1))),
        extra=(
            node("vpu", {"linux,contiguous-region": cells(1)}),
            node("aliases", {"pool": text("/memory@40000000/reserved-memory/pool@50000000")}),
            node("__symbols__", {"contig": text("/memory@40000000/reserved-memory/pool@50000000"), "vpu": text("/vpu")}),
        ),
    )  # fmt: skip
    after = result_of(tree)
    assert after["/reserved-memory"] == {"#address-cells": cells(2), "#size-cells": cells(2), "ranges": b""}
    assert after[POOL] == {**SHARED, "phandle": cells(1)}
    assert after["/reserved-memory/dsp@58000000"] == {"reg": wide(0x5800_0000, mib(1)), "no-map": b""}
    assert after["/vpu"] == {"memory-region": cells(1)}
    assert after["/aliases"] == {"pool": text(POOL)}
    assert after["/__symbols__"] == {"contig": text(POOL), "vpu": text("/vpu")}
    assert not any(path.startswith("/memory@40000000/") for path in after)
    assert set(after["/memory@40000000"]) == {"device_type", "reg"}


def test_a_region_at_the_root_moves_behind_those_that_are_there() -> None:
    tree = usual_board(
        region("fw@58000000", reg=[(0x5800_0000, 4096)]), others=[old("contiguous-memory reserved-memory")]
    ).tree
    result = run(tree)
    parent = result.proposal.after.node("/reserved-memory")
    assert parent is not None
    assert [child.name for child in parent.children] == ["fw@58000000", "pool@50000000"]
    assert result.nodes[0].was == "/pool@50000000"


@pytest.mark.parametrize("placed", ["in place", "below the memory node"])
def test_base_zero_means_that_the_kernel_chooses(placed: str) -> None:
    zero = old(AUGUST, name="pool@0", reg=wide(0, mib(4)))
    tree = usual_board(zero).tree if placed == "in place" else below_memory(zero)
    after = result_of(tree)
    assert after["/reserved-memory/pool"] == {
        "compatible": text("shared-dma-pool"),
        "size": wide(mib(4)),
        "reusable": b"",
    }


def test_cells_that_never_came_to_be() -> None:
    users = [
        node("plain", {"memory-region": cells(1, 2)}),
        node("zeros", {"memory-region": cells(1, 0, 2)}),
        node("numbers", {"memory-region": cells(1, 7, 2)}),
    ]
    tree = usual_board(
        region("a@50000000", reg=[(0x5000_0000, 4096)], phandle=1, extra={"#memory-region-cells": cells(1)}),
        region("b@51000000", reg=[(0x5100_0000, 4096)], phandle=2, extra={"#memory-region-cells": cells(0)}),
        others=users[1:],
    ).tree
    (question,) = run(tree).questions
    assert question.path == "/numbers"
    assert "(0x7)" in question.text
    after = result_of(tree, ("/numbers", "drop-numbers"))
    assert after["/zeros"] == after["/numbers"] == {"memory-region": cells(1, 2)}
    assert not any("#memory-region-cells" in properties for properties in after.values())


def test_the_header_of_a_crash_kernel() -> None:
    tree = usual_board(old("linux,elfcorehdr"), others=[node("chosen", {})]).tree
    after = result_of(tree)
    assert after["/chosen"] == {"linux,elfcorehdr": REG}
    assert POOL not in after


def test_ranges_of_powerpc_on_another_board() -> None:
    ranges = wide(0x5000_0000, 0x1000, 0x5100_0000, 0, 0x5200_0000, 0x2000)
    root = {
        "#address-cells": cells(2),
        "#size-cells": cells(2),
        "reserved-ranges": ranges,
        "reserved-names": text("ibm,fw", "none", "a/b@1"),
    }
    tree = parse(blob_of(cpus(), memory((0x4000_0000, mib(1024))), root=root))
    (question,) = run(tree).questions
    assert (question.path, [choice for choice, _ in question.choices]) == ("/", ["regions", "ranges"])
    assert not run(tree, ("/", "ranges")).proposal.changes
    after = result_of(tree, ("/", "regions"))
    assert {path: found["reg"] for path, found in after.items() if path.startswith("/reserved-memory/")} == {
        "/reserved-memory/ibm,fw@50000000": wide(0x5000_0000, 0x1000),
        "/reserved-memory/a-b@52000000": wide(0x5200_0000, 0x2000),
    }
    assert set(after["/"]) == {"#address-cells", "#size-cells"}


ASKED = [
    pytest.param(
        usual_board(old("fsl,qman-backing-store reserved-memory")).tree,
        {
            "fsl,bman-fbpr": {"compatible": text("fsl,bman-fbpr"), "reg": REG},
            "fsl,qman-fqd": {"compatible": text("fsl,qman-fqd"), "reg": REG},
            "fsl,qman-pfdr": {"compatible": text("fsl,qman-pfdr"), "reg": REG},
        },
        id="LG10",
    ),
    pytest.param(
        usual_board(old("contiguous-memory", "no-map")).tree,
        {"pool": SHARED, "no-map": {"reg": REG, "no-map": b""}},
        id="contiguous-and-no-map",
    ),
    pytest.param(
        usual_board(old("qcom,smem", "linux,default-contiguous-region")).tree,
        {
            "pool": {**SHARED, "compatible": text("shared-dma-pool", "qcom,smem"), "linux,cma-default": b""},
            "plain": {"compatible": text("qcom,smem"), "reg": REG},
        },
        id="default-of-another-driver",
    ),
    pytest.param(
        usual_board(old("reserved-memory-region", "reusable")).tree,
        {"no-map": {"reg": REG, "no-map": b""}, "reusable": {"reg": REG, "reusable": b""}},
        id="exclusive-and-reusable",
    ),
    pytest.param(
        usual_board(old(AUGUST, reg=REG + wide(0x5800_0000, 4096))).tree,
        {"first": SHARED, "all": {**SHARED, "reg": REG + wide(0x5800_0000, 4096)}},
        id="several-entries",
    ),
]


@pytest.mark.parametrize(("tree", "choices"), ASKED)
def test_what_is_not_clear_is_asked(tree: Tree, choices: dict[str, dict[str, bytes]]) -> None:
    result = run(tree)
    assert not result.is_done
    (question,) = result.questions
    assert question.path == POOL
    assert [choice for choice, _ in question.choices] == list(choices)
    for choice, expected in choices.items():
        assert result_of(tree, (POOL, choice))[POOL] == expected


BELOW = "/memory@40000000/reserved-memory/pool@50000000"


def test_a_node_that_the_old_kernel_passed_over() -> None:
    tree = below_memory(old(None))
    assert [question.path for question in run(tree).questions] == [BELOW]
    assert contents(run(tree, (BELOW, "leave")).proposal.after) == contents(tree)
    assert result_of(tree, (BELOW, "reserve"))[POOL] == {"reg": REG}


def test_base_zero_of_memory_that_is_not_contiguous() -> None:
    zero = below_memory(old("reserved-memory-region", name="pool@0", reg=wide(0, 4096)))
    path = "/memory@40000000/reserved-memory/pool@0"
    assert [question.path for question in run(zero).questions] == [path]
    assert result_of(zero, (path, "choose"))["/reserved-memory/pool"] == {"size": wide(4096), "no-map": b""}


def test_cells_that_differ() -> None:
    # 16 bytes are one entry in the cells of the root and two in those of the node above; 8 are one of the latter only.
    both = below_memory(old(AUGUST, reg=cells(0x5000_0000, mib(4), 0, 0)), cells_=(1, 1))
    choices = [choice for question in run(both).questions for choice, _ in question.choices]
    assert choices[:2] == ["parent-cells", "root-cells"]
    one = below_memory(old(AUGUST, reg=cells(0x5000_0000, mib(4))), cells_=(1, 1))
    assert result_of(one)[POOL] == SHARED


def test_a_device_with_both_properties() -> None:
    device = node("vpu", {"memory-region": cells(1), "linux,contiguous-region": cells(2)})
    tree = usual_board(
        region("a@50000000", reg=[(0x5000_0000, 4096)], phandle=1),
        region("b@51000000", reg=[(0x5100_0000, 4096)], phandle=2),
        others=[device],
    ).tree
    assert [question.path for question in run(tree).questions] == ["/vpu"]
    assert result_of(tree, ("/vpu", "memory-region"))["/vpu"] == {"memory-region": cells(1)}
    assert result_of(tree, ("/vpu", "linux,contiguous-region"))["/vpu"] == {"memory-region": cells(2)}


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([(POOL, "fsl,qman")], f"--answer {POOL}=fsl,qman: expected one of fsl,bman-fbpr, fsl,qman-fqd, "),
        ([("/other", "pool")], "--answer /other=pool: nothing is asked about this node"),
        (
            [(POOL, "fsl,qman-fqd"), (POOL, "fsl,qman-pfdr")],
            f"--answer {POOL}: fsl,qman-fqd and fsl,qman-pfdr contradict each other",
        ),
    ],
)
def test_answers_that_do_not_fit(answers: list[tuple[str, str]], why: str) -> None:
    with pytest.raises(UsageError) as caught:
        run(usual_board(old("fsl,qman-backing-store")).tree, *answers)
    assert str(caught.value).startswith(why)


def test_two_regions_of_one_name() -> None:
    tree = usual_board(
        region("pool@50000000", reg=[(0x5000_0000, 4096)]), others=[old("contiguous-memory")]
    ).tree
    with pytest.raises(UsageError, match="/reserved-memory has a node 'pool@50000000' already"):
        run(tree)


def test_what_is_left_to_a_person() -> None:
    bus = node("soc", {"#address-cells": cells(1), "#size-cells": cells(1)}, old("contiguous-memory"))
    ion = node("ion", {"compatible": text("linux,ion")}, node("heap", {"memory-region": cells(1)}))
    tree = usual_board(region("a@50000000", reg=[(0x5000_0000, 4096)], phandle=1), others=[bus, ion]).tree
    left = dict(run(tree).left)
    assert left.keys() == {"/soc/pool@50000000", "/ion/heap"}
    assert "by hand" in left["/soc/pool@50000000"]


def test_a_region_that_the_kernel_of_today_would_not_keep() -> None:
    # As plain memory it was reserved; as a pool its size does not fit, and the driver gives it back.
    odd = old("contiguous-memory", reg=wide(0x5000_0000, 0x3000))
    result = run(usual_board(odd).tree)
    assert not result.is_done
    assert result.reasons[0].startswith(f"{POOL} would not be kept: ")


def test_nothing_to_do() -> None:
    tree = usual_board(region("a@50000000", reg=[(0x5000_0000, 4096)])).tree
    result = run(tree)
    assert result.is_done
    assert (result.nodes, result.proposal.after.blob) == ((), tree.blob)


def test_an_overlay_is_no_board() -> None:
    tree = parse(blob_of(node("__fixups__", {"a": text("/fragment@0:target:0")})))
    with pytest.raises(UsageError, match="this is an overlay"):
        run(tree)
