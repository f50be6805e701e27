# SPDX-License-Identifier: Apache-2.0
"""How far requests could grow, how little RAM is enough, which region stands in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot import Scene
from carveout.change.bisect import Found, last_that_works
from carveout.change.effects import DEFAULT_AREA
from carveout.change.fit import Fit, fit
from carveout.change.fit_ram import shrunk
from carveout.change.lab import Lab
from carveout.check.run import NamedScene
from carveout.errors import UsageError
from carveout.span import GIB, KIB, MIB, Span
from support.boards import (
    board_of,
    cells,
    cpus,
    memory,
    node,
    region,
    reserved_memory,
    usual_board,
    usual_scene,
)

if TYPE_CHECKING:
    from carveout.fdt.draft import DraftNode

POOL = region("pool", "reusable", size=128 * MIB, compatible="shared-dma-pool", phandle=1)
MIDDLE = region("fw@60000000", "no-map", reg=[(0x6000_0000, 2 * MIB)])


def search(
    *regions: DraftNode, kernels: tuple[str, ...] = ("6.12",), most: int = 3000, **scene: object
) -> Fit:
    board = usual_board(*regions, others=[node("dev", {"memory-region": cells(1)})])
    scenes = [NamedScene(kernel, usual_scene(kernel, **scene)) for kernel in kernels]
    return fit(Lab(board.tree, scenes, most=most))


def works_up_to(limit: int, *odd: int) -> tuple[list[int], object]:
    asked: list[int] = []

    def objections(step: int) -> tuple[str, ...]:
        asked.append(step)
        return () if (step <= limit) != (step in odd) else (f"{step} is too much",)

    return asked, objections


@pytest.mark.parametrize("limit", [0, 1, 2, 7, 99, 100])
def test_halving(limit: int) -> None:
    asked, objections = works_up_to(limit)
    found = last_that_works(objections, 100)  # type: ignore[arg-type]
    assert found == Found(limit, () if limit == 100 else (f"{limit + 1} is too much",), (), ())
    assert len(asked) == len(set(asked)) < 30
    assert 0 not in asked


def test_what_breaks_the_rule_is_kept() -> None:
    _, objections = works_up_to(50, 52, 49)
    found = last_that_works(objections, 100)  # type: ignore[arg-type]
    assert (found.step, found.beyond, found.before) == (50, (52,), (49,))


def test_nothing_works() -> None:
    _, objections = works_up_to(-1)
    assert last_that_works(objections, 5, first_works=False) == Found(-1, ("0 is too much",), (), ())  # type: ignore[arg-type]
    assert last_that_works(objections, -1) == Found(-1, (), (), ())  # type: ignore[arg-type]


def test_a_pool_grows_to_the_largest_range() -> None:
    found = search(POOL, MIDDLE)
    growth = next(entry for entry in found.growths if entry.request.subject == "/reserved-memory/pool")
    # above the firmware: [0x60200000, 0x80000000)
    assert growth.largest is not None
    assert growth.largest >= 510 * MIB - 64 * MIB
    assert growth.slack == growth.largest - 128 * MIB
    assert growth.largest % (2 * MIB) == 0
    assert growth.stopped_by
    assert growth.least_ram[0] is not None
    assert growth.least_ram[0] < GIB


def test_a_place_that_the_region_driver_gives_back_is_none() -> None:
    # Debian's riscv64 6.12 has no contiguous memory for devices: room for the pool is of no use.
    board = board_of(
        cpus("riscv"),
        memory((0x8000_0000, GIB), name="memory@80000000"),
        reserved_memory(
            region("fw@a0000000", "no-map", reg=[(0xA000_0000, 2 * MIB)]),
            region("pool", "reusable", size=600 * MIB, compatible="shared-dma-pool"),
        ),
    )
    scene = NamedScene("6.12", Scene(kernel="6.12", opensbi=()))
    assert [move.placed for move in fit(Lab(board.tree, [scene])).moves if move.placed] == []


def test_a_request_without_a_place_is_told_what_would_fit() -> None:
    found = search(region("pool", "reusable", size=512 * MIB, compatible="shared-dma-pool"), MIDDLE)
    growth = found.growths[0]
    assert not growth.request.is_placed
    assert growth.largest == 510 * MIB
    assert growth.slack == -2 * MIB
    assert any(move.placed == ("/reserved-memory/pool",) for move in found.moves)


def test_a_static_pool_grows_upwards() -> None:
    pool = region("pool@50000000", "no-map", reg=[(0x5000_0000, MIB)], compatible="shared-dma-pool")
    (growth, *_) = search(pool, region("fw@50400000", "no-map", reg=[(0x5040_0000, MIB)])).growths
    assert (growth.request.way, growth.largest) == ("reg", 4 * MIB)
    assert "overlaps" in growth.stopped_by[0]


def test_the_default_area_grows_too() -> None:
    found = search(MIDDLE)
    growth = found.growths[-1]
    assert growth.request.subject == DEFAULT_AREA
    assert growth.request.size == 64 * MIB
    assert growth.largest is not None
    assert growth.largest > 300 * MIB
    fixed = search(MIDDLE, cmdline="cma=16M@0x70000000")
    assert all(entry.request.subject != DEFAULT_AREA for entry in fixed.growths)


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12", "7.2"])
def test_the_least_ram_holds_what_is_given_there(kernel: str) -> None:
    (least,) = search(
        region("fw@60000000", "no-map", reg=[(0x6000_0000, 2 * MIB)]), kernels=(kernel,)
    ).least_ram
    assert least.least == 0x6020_0000 - 0x4000_0000
    assert "fw@60000000 at 0x60000000..0x601fffff is not in RAM any more" in least.why[0]
    assert least.for_placed is not None
    assert least.for_placed < least.least


@pytest.mark.parametrize(
    ("extra", "is_searched"),
    [({"numa-node-id": cells(1)}, True), ({"hotpluggable": b""}, False)],
    ids=["numa", "hotpluggable"],
)
def test_ram_that_is_more_than_banks(extra: dict[str, bytes], is_searched: bool) -> None:
    # The kernel keeps out of memory that can be pulled; RAM given by --memory cannot say that.
    board = board_of(
        cpus(),
        memory((0x4000_0000, GIB), extra={"numa-node-id": cells(0)} if "numa-node-id" in extra else {}),
        memory((0x8000_0000, GIB), name="memory@80000000", extra=extra),
        reserved_memory(POOL),
    )
    found = fit(Lab(board.tree, [NamedScene("6.12", usual_scene(cmdline="movable_node"))]))
    (least,) = found.least_ram
    assert (least.least is not None) == is_searched
    assert is_searched or "the memory nodes say more than where RAM is" in least.why[0]


def test_each_amount_of_ram_is_searched() -> None:
    board = usual_board(POOL)
    scenes = [
        NamedScene(name, usual_scene(memory=(Span.sized(0x4000_0000, size),)))
        for name, size in (("512M", 512 * MIB), ("1G", GIB))
    ]
    found = fit(Lab(board.tree, scenes))
    assert [least.group.total for least in found.least_ram] == [512 * MIB, GIB]
    assert found.least_ram[0].least == found.least_ram[1].least


def test_the_cost_is_bounded_and_what_is_left_is_named() -> None:
    found = search(POOL, MIDDLE, most=20)
    assert found.cost <= 20
    assert "/reserved-memory/pool" in found.left_out


def test_a_board_without_ram_is_told_what_to_say() -> None:
    with pytest.raises(UsageError, match="pass --memory SIZE@BASE"):
        fit(Lab(usual_board(POOL, ram=()).tree, [NamedScene("6.12", usual_scene())]))


def test_how_ram_shrinks() -> None:
    banks = [Span.sized(0x8000_0000, GIB), Span.sized(0x4000_0000, 512 * MIB)]
    assert shrunk(banks, GIB) == (Span.sized(0x4000_0000, 512 * MIB), Span.sized(0x8000_0000, 512 * MIB))
    assert shrunk(banks, 512 * MIB) == (Span.sized(0x4000_0000, 512 * MIB),)
    assert shrunk(banks, 4 * KIB) == (Span.sized(0x4000_0000, 4 * KIB),)
    assert shrunk(banks, 0) == ()
