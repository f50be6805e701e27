# SPDX-License-Identifier: Apache-2.0
"""What is free on a board, what would be left by those who can go elsewhere, and what a device reaches."""

from __future__ import annotations

import pytest

from carveout.change.reach import reach_of
from carveout.change.room import largest
from carveout.change.space import common_space, fixed_holders, free_ranges, space_of
from carveout.errors import UsageError
from carveout.report.intervals import total
from carveout.span import GIB, MIB, Span, subtract
from support.boards import DTB_AT, IMAGES, boot_regions, cells, node, region, usual_board

SOC = {"#address-cells": cells(1), "#size-cells": cells(1)}


def test_each_kind_of_room_holds_the_one_before() -> None:
    room = space_of(
        boot_regions("6.12", region("pool", size=64 * MIB), region("fw@50000000", reg=[(0x5000_0000, MIB)]))
    )
    assert subtract(room.free, room.early) == []
    assert subtract(room.early, room.areas) == []
    assert subtract(room.areas, room.movable) == []
    assert total(room.free) < total(room.early) < total(room.areas) < total(room.movable)


def test_what_is_given_stays() -> None:
    boot = boot_regions(
        "6.12", region("fw@50000000", "no-map", reg=[(0x5000_0000, MIB)]), reserve=[(0x5800_0000, 4096)]
    )
    room = space_of(boot)
    image = IMAGES["6.12", 4096]
    for fixed in (image, Span.sized(DTB_AT, 8), Span.sized(0x5000_0000, MIB), Span.sized(0x5800_0000, 4096)):
        assert not any(span.overlaps(fixed) for span in room.movable)
    assert {holder.who for holder in fixed_holders(boot)} == {
        "kernel", "dtb", "memreserve", "/reserved-memory/fw@50000000"
    }  # fmt: skip


@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12", "7.2"])
@pytest.mark.parametrize("flags", [(), ("no-map",), ("reusable",)])
def test_what_the_kernel_places_would_leave(kernel: str, flags: tuple[str, ...]) -> None:
    boot = boot_regions(kernel, region("pool", *flags, size=64 * MIB, compatible="shared-dma-pool"))
    (pool,) = boot.regions
    assert pool.base is not None
    place = Span.sized(pool.base, 64 * MIB)
    room = space_of(boot)
    assert any(span.contains(place) for span in room.movable)
    assert not any(span.overlaps(place) for span in room.early)


def test_free_is_what_memblock_has_free() -> None:
    boot = boot_regions("6.12", region("fw@50000000", "no-map", reg=[(0x5000_0000, MIB)]))
    assert space_of(boot).free == free_ranges(boot)
    assert largest([]) is None
    assert largest([Span(0, 2), Span(4, 6), Span(8, 9)]) == Span(0, 2)


def test_room_in_all_scenes() -> None:
    rooms = [space_of(boot_regions(kernel)) for kernel in ("6.12", "7.2")]
    common = common_space(rooms)
    for room in rooms:
        assert subtract(common.free, room.free) == []
    assert common_space(rooms[:1]) == rooms[0]


def soc(dma_ranges: bytes | None, **extra: bytes) -> object:
    properties = dict(SOC) if dma_ranges is None else {**SOC, "dma-ranges": dma_ranges}
    return node("soc", properties, node("dev", extra))


@pytest.mark.parametrize(
    ("bus", "bits", "expected"),
    [
        pytest.param(soc(None), None, [(0, 1 << 64, 0)], id="no-limit"),
        pytest.param(soc(None), 32, [(0, 4 * GIB, 0)], id="bits"),
        pytest.param(soc(b""), 31, [(0, 2 * GIB, 0)], id="empty"),
        pytest.param(soc(cells(0, 0, 0x4000_0000, 0x1000_0000)), None,
                     [(0x4000_0000, 0x5000_0000, -0x4000_0000)], id="offset"),
        pytest.param(soc(cells(0, 0, 0x4000_0000, 0x4000_0000)), 28,
                     [(0x4000_0000, 0x5000_0000, -0x4000_0000)], id="bits-of-the-bus"),
        pytest.param(soc(cells(0, 0, 0x4000_0000, 0x1000, 0x1000, 0, 0x4000_1000, 0x1000)), None,
                     [(0x4000_0000, 0x4000_2000, -0x4000_0000)], id="neighbours-that-translate-alike"),
        pytest.param(soc(cells(0, 0, 0x4000_0000, 0x1000, 0x8000, 0, 0x4000_1000, 0x1000)), None,
                     [(0x4000_0000, 0x4000_1000, -0x4000_0000), (0x4000_1000, 0x4000_2000, 0x7000 - 0x4000_0000)],
                     id="neighbours-that-do-not"),
        pytest.param(soc(cells(0, 0, 0x4000_0000, 0x1000), iommus=cells(1)), None, [(0, 1 << 64, 0)], id="iommu"),
    ],
)  # fmt: skip
def test_what_a_device_reaches(bus: object, bits: int | None, expected: list[tuple[int, int, int]]) -> None:
    board = usual_board(others=[bus])  # type: ignore[list-item]
    reach = reach_of(board, "/soc/dev", bits)
    assert [(w.span.start, w.span.end, w.offset) for w in reach.windows] == expected
    assert reach.has_iommu == (
        board.tree.node("/soc/dev") is not None and "iommus" in board.tree.node("/soc/dev")
    )  # type: ignore[operator]


def test_a_bus_that_cannot_be_read_is_said() -> None:
    board = usual_board(others=[soc(cells(0, 0, 0x4000_0000))])  # type: ignore[list-item]
    with pytest.raises(UsageError, match="dma-ranges of /soc cannot be read"):
        reach_of(board, "/soc/dev", None)
    with pytest.raises(UsageError, match="there is no node /nope"):
        reach_of(board, "/nope", None)
