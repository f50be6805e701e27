# SPDX-License-Identifier: Apache-2.0
"""What a change does to everything else, seen by comparing two boots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.change.effects import Effect, effects
from carveout.span import MIB
from support.boards import boot_regions, cells, node, region, usual_board

if TYPE_CHECKING:
    from carveout.boot.result import Boot

BOARD = usual_board()
POOL = {"compatible": "shared-dma-pool"}


def booted(*regions: object, kernel: str = "6.12", **more: object) -> Boot:
    return boot_regions(kernel, *regions, **more)  # type: ignore[arg-type]


def texts(found: tuple[Effect, ...], *, loss: bool) -> list[str]:
    return [f"{effect.subject} {effect.text}" for effect in found if effect.is_loss is loss]


def test_the_same_boot_has_no_effects() -> None:
    boot = booted(region("pool", "reusable", size=16 * MIB, **POOL))
    assert effects(BOARD, boot, boot) == ()


def test_a_dynamic_region_that_moves_is_no_loss() -> None:
    before = booted(region("pool", size=16 * MIB))
    after = booted(region("pool", size=16 * MIB), region("new@7f000000", reg=[(0x7F00_0000, 16 * MIB)]))
    found = effects(BOARD, before, after, besides=["/reserved-memory/new@7f000000"])
    assert texts(found, loss=True) == []
    assert "/reserved-memory/pool moves from 0x7f000000..0x7fffffff to 0x7e000000..0x7effffff" in texts(
        found, loss=False
    )


def test_a_dynamic_region_that_finds_no_place_is_a_loss_for_its_device_too() -> None:
    device = node("dev", {"memory-region": cells(1)})
    pool = region("pool", "reusable", size=512 * MIB, phandle=1, **POOL)
    before = booted(pool, others=[device])
    after = booted(pool, region("new@60000000", reg=[(0x6000_0000, MIB)]), others=[device])
    lost = texts(effects(BOARD, before, after), loss=True)
    assert any(text.startswith("/reserved-memory/pool finds no place; the largest") for text in lost)
    assert any(text.startswith("/dev gets -22 for /reserved-memory/pool") for text in lost)


@pytest.mark.parametrize(
    ("after", "text"),
    [
        pytest.param(region("fw@50000000", "no-map", reg=[(0x5000_0000, MIB)], status="disabled"),
                     "is ignored", id="ignored"),
        pytest.param(region("fw@50000000", "no-map", reg=[(0x4030_0000, MIB)]), "is reserve-failed", id="refused"),
        pytest.param(region("fw@50000000", "no-map", reg=[(0x5000_0000, MIB // 2)]), "has 512 KiB instead of 1 MiB",
                     id="smaller"),
        pytest.param(region("fw@50000000", "no-map", reg=[(0x8000_0000, MIB)]), "is not in RAM any more", id="ram"),
    ],
)  # fmt: skip
def test_losses_of_a_static_region(after: object, text: str) -> None:
    before = booted(region("fw@50000000", "no-map", reg=[(0x5000_0000, MIB)]))
    assert text in texts(effects(BOARD, before, booted(after)), loss=True)[0]


def test_the_default_area_counts() -> None:
    before = booted()
    blocked = [
        region(f"fw@{base:x}", reg=[(base, 2 * MIB)]) for base in range(0x4280_0000, 0x8000_0000, 64 * MIB)
    ]
    lost = texts(effects(BOARD, before, booted(*blocked)), loss=True)
    assert "the default contiguous area cannot be made any more" in lost


def test_a_boot_that_dies_is_one_loss() -> None:
    before = booted()
    after = booted(region("pool@90000000", "reusable", reg=[(0x9000_0000, 16 * MIB)], **POOL))
    assert after.outcome == "panic"
    assert texts(effects(BOARD, before, after), loss=True) == [f"the boot ends in a panic: {after.failure}"]


def test_an_overlap_that_was_not_there() -> None:
    # 6.12 reads the reserve map after the regions: a dynamic region may land on it, and nobody says so.
    pool = region("pool", size=16 * MIB)
    reserve = [(0x7E00_0000, 0x1000)]
    before = booted(pool, kernel="6.12", reserve=reserve)
    after = booted(
        pool, region("new@7f000000", reg=[(0x7F00_0000, 16 * MIB)]), kernel="6.12", reserve=reserve
    )
    assert {r.name: r.base for r in after.regions}["pool"] == 0x7E00_0000
    lost = texts(effects(BOARD, before, after), loss=True)
    assert lost == ["memreserve overlaps /reserved-memory/pool at 0x7e000000..0x7e000fff"]


def test_a_region_that_moves_out_of_reach_is_a_loss() -> None:
    # The bus carries the upper half of RAM only; nothing in the kernel looks at that.
    soc = node(
        "soc",
        {
            "#address-cells": cells(1),
            "#size-cells": cells(1),
            "dma-ranges": cells(0x6000_0000, 0, 0x6000_0000, 0x2000_0000),
        },
        node("dev", {"memory-region": cells(1)}),
    )
    pool = region("pool", size=128 * MIB, phandle=1)
    top = region("new@60000000", reg=[(0x6000_0000, 400 * MIB)])
    before, after = booted(pool, others=[soc]), booted(pool, top, others=[soc])
    board = usual_board(pool, others=[soc])
    lost = texts(effects(board, before, after, besides=["/reserved-memory/new@60000000"]), loss=True)
    place = {r.name: r.base for r in after.regions}["pool"]
    assert place is not None
    assert place < 0x6000_0000
    assert lost == [
        f"/soc/dev does not reach /reserved-memory/pool at 0x{place:x}..0x{place + 128 * MIB - 1:x} any more"
    ]
