# SPDX-License-Identifier: Apache-2.0
"""What is offered for a region without a place, and that each offer is what a boot of it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from carveout.board import read_board
from carveout.boot import boot
from carveout.boot.result import Outcome
from carveout.change.remedies import (
    MOST_BOOTS,
    Remedies,
    RemedyKind,
    find_remedies,
    find_smaller_default,
    find_use_remedies,
)
from carveout.change.room import room
from carveout.change.trial import region_at
from carveout.span import GIB, Span
from support.boards import board_of, cells, cpus, mib, node, region, reserved_memory, usual_board, usual_scene

if TYPE_CHECKING:
    from carveout.board import Board
    from carveout.boot import Scene
    from carveout.change.remedies import Remedy

PATH = "/reserved-memory/pool"
POOL = {"compatible": "shared-dma-pool"}


def remedies(board: Board, scene: Scene, path: str = PATH) -> dict[RemedyKind, list[Remedy]]:
    """Look for remedies, and try each of them again without the code that found it."""
    found = find_remedies(board, scene, path)
    assert found.tried <= MOST_BOOTS
    kinds: dict[RemedyKind, list[Remedy]] = {}
    for remedy in found.remedies:
        kinds.setdefault(remedy.kind, []).append(remedy)
        changed = read_board(remedy.change.apply(board.tree))
        placed = region_at(boot(changed, remedy.change.scene or scene), path)
        assert placed is not None
        assert (placed.outcome, placed.base, placed.size, placed.pool) == (
            Outcome.PLACED, remedy.base, remedy.size, remedy.pool
        )  # fmt: skip
    return kinds


def one(kinds: dict[RemedyKind, list[Remedy]], kind: RemedyKind) -> Remedy:
    (only,) = kinds[kind]
    return only


#   0x40000000        0x50000000 fw                       0x80000000
#   |   ...free 128M... |        | ...free 767 MiB...     |
SPLIT = region("fw@50000000", "no-map", reg=[(0x5000_0000, mib(1))])


def test_the_largest_size_that_fits() -> None:
    board = usual_board(SPLIT, region("pool", "reusable", size=mib(800), **POOL))
    found = one(remedies(board, usual_scene()), RemedyKind.SIZE)
    # 767 MiB are free above the firmware, and a pool is a multiple of 2 MiB.
    assert (found.size, found.base) == (mib(766), 0x8000_0000 - mib(766))
    assert found.what == "make it 766 MiB, 34 MiB less"


def test_a_smaller_alignment() -> None:
    board = usual_board(SPLIT, region("pool", size=mib(600), alignment=mib(512)))
    found = one(remedies(board, usual_scene()), RemedyKind.ALIGNMENT)
    assert found.what == "align it to 128 MiB instead of 512 MiB"
    assert found.base % mib(128) == 0


def test_another_window() -> None:
    board = usual_board(region("pool", size=mib(64), alloc_ranges=[(0x4800_0000 - mib(1), mib(64))]))
    kinds = remedies(board, usual_scene())
    texts = [remedy.what for remedy in kinds[RemedyKind.ALLOC_RANGES]]
    assert texts[-1] == "take alloc-ranges away: anywhere in RAM"
    assert texts[0].startswith("widen alloc-ranges to 0x")


def test_a_window_outside_ram() -> None:
    board = usual_board(region("pool", size=mib(64), alloc_ranges=[(0xC000_0000, mib(256))]))
    kinds = remedies(board, usual_scene())
    assert kinds[RemedyKind.ALLOC_RANGES][0].base == 0x8000_0000 - mib(64)
    assert one(kinds, RemedyKind.MEMORY).change.scene is not None


def test_a_window_that_the_cells_have_no_room_for_is_not_offered() -> None:
    # Two cells for addresses and one for sizes, and RAM above 4 GiB: from 0 to there no window can be written.
    pool = node("pool", {"size": cells(0x4000_0000), "alloc-ranges": cells(0, 0, 0x2000_0000)})
    parent = reserved_memory(pool, address_cells=2, size_cells=1)
    root = {"#address-cells": cells(2), "#size-cells": cells(1)}
    board = board_of(cpus(), parent, root=root)
    scene = usual_scene(memory=(Span.sized(4 * GIB, 4 * GIB),), kernel_image=None, dtb_at=None)
    texts = [remedy.what for remedy in find_remedies(board, scene, PATH).remedies]
    assert texts == ["take alloc-ranges away: anywhere in RAM"]


def test_no_place_that_the_bus_of_its_device_does_not_reach() -> None:
    # The window lies beyond RAM, and the bus carries the lower half of RAM: the top would help the region alone.
    soc = node(
        "soc",
        {
            "#address-cells": cells(1),
            "#size-cells": cells(1),
            "dma-ranges": cells(0, 0, 0x4000_0000, 0x2000_0000),
        },
        node("dev", {"memory-region": cells(1)}),
    )
    pool = region("pool", size=mib(64), alloc_ranges=[(0xC000_0000, mib(256))], phandle=1)
    kinds = remedies(usual_board(pool, others=[soc]), usual_scene())
    assert [remedy for found in kinds.values() for remedy in found if remedy.base >= 0x6000_0000] == []


def test_somebody_else_moves() -> None:
    board = usual_board(SPLIT, region("pool", size=mib(820)))
    found = one(remedies(board, usual_scene()), RemedyKind.MOVE)
    assert found.what.startswith("move /reserved-memory/fw@50000000 from 0x50000000 to 0x")
    assert found.change.caution


def test_the_tree_is_loaded_elsewhere() -> None:
    board = usual_board(region("pool", size=mib(512), alloc_ranges=[(0x6000_0000, mib(512))]))
    found = one(remedies(board, usual_scene(dtb_at=0x7FF0_0000)), RemedyKind.MOVE)
    assert found.what.startswith("load the device tree blob at 0x")
    assert found.base == 0x6000_0000


def test_the_initrd_is_loaded_elsewhere() -> None:
    board = usual_board(region("pool", size=mib(512), alloc_ranges=[(0x6000_0000, mib(512))]))
    scene = usual_scene(initrd=Span.sized(0x7000_0000, mib(16)))
    assert one(remedies(board, scene), RemedyKind.MOVE).what.startswith("load the initrd at 0x")


def test_another_pool_gets_smaller_or_another_window() -> None:
    window = [(0x6000_0000, mib(256))]
    board = usual_board(
        region("first", size=mib(100), alloc_ranges=window),
        region("pool", "reusable", size=mib(200), alloc_ranges=window, **POOL),
    )
    kinds = remedies(board, usual_scene())
    shrunk = one(kinds, RemedyKind.SHRINK_OTHER)
    assert shrunk.what == "make /reserved-memory/first 56 MiB instead of 100 MiB"
    assert one(kinds, RemedyKind.MOVE).what.startswith("keep /reserved-memory/first within 0x")


def test_more_ram() -> None:
    board = usual_board(region("pool", size=mib(1200)))
    found = one(remedies(board, usual_scene()), RemedyKind.MEMORY)
    assert found.what == "on a board with 2 GiB of RAM it fits (--memory 0x80000000@0x40000000)"
    assert found.change.scene is not None
    assert found.change.scene.memory == (Span.sized(0x4000_0000, 2 * GIB),)


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12", "7.2"])
@pytest.mark.parametrize(
    ("made", "what"),
    [
        pytest.param({"size": mib(3)}, "make it 4 MiB: a multiple of", id="dynamic-size"),
        pytest.param({"reg": [(0x6010_0000, mib(4))]}, "put it at 0x60", id="static-base"),
        pytest.param(
            {"reg": [(0x6000_0000, mib(3))]}, "put it at 0x60000000..0x603fffff, 4 MiB", id="static-size"
        ),
    ],
)
def test_a_pool_off_the_granule(kernel: str, made: dict[str, Any], what: str) -> None:
    board = usual_board(region("pool", "reusable", **POOL, **made))
    kinds = remedies(board, usual_scene(kernel))
    texts = [remedy.what for found in kinds.values() for remedy in found]
    assert any(text.startswith(what) for text in texts)


def test_flags_that_exclude_each_other() -> None:
    board = usual_board(region("pool", "reusable", "no-map", reg=[(0x6000_0000, mib(4))], **POOL))
    texts = {remedy.what: remedy.pool for remedy in remedies(board, usual_scene())[RemedyKind.FLAGS]}
    assert texts == {"take no-map away": "cma", "take reusable away": "dma"}


def test_the_command_line_takes_the_default_pool_away() -> None:
    made = region("pool", "reusable", "linux,cma-default", size=mib(64), **POOL)
    for kernel in ("6.12", "7.2"):
        found = remedies(usual_board(made), usual_scene(kernel, cmdline="quiet cma=32M ro"))
        (remedy,) = found[RemedyKind.COMMAND_LINE]
        assert remedy.change.scene is not None
        assert remedy.change.scene.cmdline == "quiet ro"


def test_a_fixed_place_that_is_taken() -> None:
    made = region("pool", "no-map", reg=[(0x4800_0000, mib(1))])
    kinds = remedies(usual_board(made), usual_scene())
    assert kinds[RemedyKind.MOVE][0].what.startswith("put it at 0x")
    # Without no-map it is accepted, and lies on the tree: that is no help.
    assert RemedyKind.FLAGS not in kinds


def test_a_reserve_entry_on_a_no_map_region() -> None:
    made = region("pool", "no-map", reg=[(0x6000_0000, mib(1))])
    board = usual_board(made, reserve=[(0x4018_0000, 0x1000), (0x6000_0000, mib(1))])
    kinds = remedies(board, usual_scene("6.1"))
    dropped = [r for r in kinds[RemedyKind.MOVE] if r.change.reserve_map is not None]
    assert [r.change.reserve_map for r in dropped] == [((0x4018_0000, 0x1000),)]


def test_a_region_that_is_switched_off() -> None:
    board = usual_board(region("pool", size=mib(4), status="disabled"))
    assert one(remedies(board, usual_scene()), RemedyKind.FORM).what == 'switch the node on: status = "okay"'


def test_a_size_with_too_few_cells() -> None:
    board = usual_board(region("pool", extra={"size": cells(mib(4))}))
    assert RemedyKind.FORM in remedies(board, usual_scene())


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(region("pool", size=mib(4)), id="placed-already"),
        pytest.param(region("other", size=mib(4)), id="no-such-region"),
    ],
)
def test_nothing_is_tried_without_need(made: Any) -> None:
    assert find_remedies(usual_board(made), usual_scene(), PATH) == Remedies((), 0)


def test_nothing_is_tried_without_ram() -> None:
    board = usual_board(region("pool", size=mib(4)), ram=())
    assert find_remedies(board, usual_scene(), PATH) == Remedies((), 0)


def test_nobody_loses_what_it_had() -> None:
    window = [(0x7000_0000, mib(128))]
    board = usual_board(
        region("pool", size=mib(100), alloc_ranges=window),
        region("last", size=mib(100), alloc_ranges=window, phandle=1),
        others=[node("user", {"memory-region": cells(1)})],
    )
    # On 6.1 the last one is placed first: whatever helps `pool` leaves `last` its place.
    for remedy in find_remedies(board, usual_scene("6.1"), PATH).remedies:
        after = boot(read_board(remedy.change.apply(board.tree)), remedy.change.scene or usual_scene("6.1"))
        last = region_at(after, "/reserved-memory/last")
        assert last is not None
        assert last.outcome is Outcome.PLACED


def test_the_number_of_boots_is_bounded() -> None:
    board = usual_board(region("pool", size=mib(4000)))
    assert find_remedies(board, usual_scene(), PATH, most=3).tried <= 3


def test_a_smaller_default_area() -> None:
    board = usual_board(SPLIT)
    found = find_smaller_default(board, usual_scene(cmdline="quiet cma=900M"))
    (remedy,) = found.remedies
    assert remedy.change.scene is not None
    area = next(a for a in boot(board, remedy.change.scene).cma if a.is_default)
    assert (area.base, area.size) == (remedy.base, remedy.size)
    assert find_smaller_default(board, usual_scene()) == Remedies((), 0)


def test_room() -> None:
    assert room(Span(0x1800, 0x4000), 0x1000) == 0x2000
    assert room(Span(0x1800, 0x1900), 0x1000) == 0


@pytest.mark.parametrize("kernel", ["5.10", "6.12", "7.2"])
def test_a_device_that_is_refused_a_region(kernel: str) -> None:
    # A coherent pool that is mapped: memremap() refuses it when the device is bound.
    board = usual_board(
        region("pool", reg=[(0x6000_0000, mib(4))], phandle=1, **POOL),
        others=[node("dsp", {"memory-region": cells(1)})],
    )
    found = find_use_remedies(board, usual_scene(kernel), ("/dsp", 0))
    assert {remedy.what: remedy.pool for remedy in found.remedies} == {
        "add no-map": "dma",
        "add reusable": "cma",
    }
    for remedy in found.remedies:
        after = boot(read_board(remedy.change.apply(board.tree)), usual_scene(kernel))
        assert [use.errno for use in after.consumers] == [None]


def test_a_device_that_is_served_needs_nothing() -> None:
    board = usual_board(
        region("pool", "no-map", reg=[(0x6000_0000, mib(4))], phandle=1, **POOL),
        others=[node("dsp", {"memory-region": cells(1)})],
    )
    assert find_use_remedies(board, usual_scene(), ("/dsp", 0)) == Remedies((), 0)
    assert find_use_remedies(board, usual_scene(), ("/other", 0)) == Remedies((), 0)


def test_a_place_that_does_not_serve_the_device_is_said_to_be_none() -> None:
    # A coherent pool that is mapped is refused to its device wherever it lies.
    board = usual_board(
        region("pool", size=mib(2000), phandle=1, **POOL), others=[node("dsp", {"memory-region": cells(1)})]
    )
    found = find_remedies(board, usual_scene(), PATH).remedies
    assert found
    assert all([use.errno for use in remedy.unserved] == [22] for remedy in found)
    released = usual_board(
        region("pool", "reusable", reg=[(0x6000_0000, mib(3))], phandle=1, **POOL),
        others=[node("dsp", {"memory-region": cells(1)})],
    )
    assert RemedyKind.FLAGS not in remedies(released, usual_scene())
