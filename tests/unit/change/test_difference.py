# SPDX-License-Identifier: Apache-2.0
"""Two boots set side by side: pairs of regions, areas and devices, and what differs about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot import boot
from carveout.change.difference import compare
from support.boards import boot_regions, cells, mib, node, region, text, usual_board, usual_scene

if TYPE_CHECKING:
    from carveout.boot import Boot
    from carveout.change.difference import Difference
    from carveout.fdt.draft import DraftNode


def booted(*regions: DraftNode, symbols: dict[str, str] | None = None, **scene: object) -> Boot:
    named = {label: text(path) for label, path in (symbols or {}).items()}
    others = [node("__symbols__", named)] if named else []
    return boot_regions("6.12", *regions, others=others, **scene)


def changes(difference: Difference) -> list[tuple[str | None, str | None]]:
    return [
        (pair.before.name if pair.before else None, pair.after.name if pair.after else None)
        for pair in difference.changed_regions
    ]


FW = region("fw@50000000", "no-map", reg=[(0x5000_0000, mib(1))])


def test_the_same_twice() -> None:
    difference = compare(booted(FW, region("pool", size=mib(4))), booted(FW, region("pool", size=mib(4))))
    assert not difference.differs
    assert [pair.differs for pair in difference.regions] == [False, False]
    assert (difference.scene, difference.log, difference.consumers) == ((), (), ())


def test_added_gone_and_in_another_order() -> None:
    one = region("one@51000000", reg=[(0x5100_0000, 4096)])
    two = region("two@52000000", reg=[(0x5200_0000, 8192)])
    difference = compare(booted(FW, one), booted(two, FW))
    assert changes(difference) == [(None, "two@52000000"), ("one@51000000", None)]


@pytest.mark.parametrize(
    ("after", "symbols"),
    [
        pytest.param(region("fw@60000000", "no-map", reg=[(0x6000_0000, mib(1))]), {}, id="base-name"),
        pytest.param(
            region("secure@60000000", "no-map", reg=[(0x6000_0000, mib(1))]),
            {"fw": "/reserved-memory/secure@60000000"},
            id="label",
        ),
    ],
)
def test_a_static_region_that_moves_has_another_path(after: DraftNode, symbols: dict[str, str]) -> None:
    before = booted(FW, symbols={"fw": "/reserved-memory/fw@50000000"} if symbols else None)
    (pair,) = compare(before, booted(after, symbols=symbols)).regions
    assert (pair.is_moved, pair.is_renamed, pair.is_resized) == (True, True, False)


def test_a_region_with_another_name_at_its_place() -> None:
    (pair,) = compare(
        booted(FW), booted(region("tee@50000000", "no-map", reg=[(0x5000_0000, mib(1))]))
    ).regions
    assert (pair.is_renamed, pair.is_moved) == (True, False)


def test_names_that_several_regions_have_pair_nothing() -> None:
    twins = [
        region(f"fw@{base:x}", reg=[(base, size)])
        for base, size in ((0x5100_0000, 4096), (0x5200_0000, 8192))
    ]
    difference = compare(booted(FW), booted(*twins))
    assert changes(difference) == [(None, "fw@51000000"), (None, "fw@52000000"), ("fw@50000000", None)]


def test_size_and_attributes() -> None:
    before = region("pool", "no-map", size=mib(4))
    after = region("pool", "reusable", size=mib(8), compatible="shared-dma-pool")
    (pair,) = compare(booted(before), booted(after)).regions
    assert pair.is_resized
    assert set(pair.attributes) == {
        "requested_size", "align", "nomap", "reusable", "pool", "driver", "compatible",
    }  # fmt: skip


def test_areas_devices_log_and_scene() -> None:
    pool = region("pool", "reusable", size=mib(8), compatible="shared-dma-pool", phandle=1)
    board = usual_board(pool, others=[node("vpu", {"memory-region": cells(1)})])
    none = usual_board(others=[node("vpu", {"memory-region": cells(1)})])
    difference = compare(boot(board, usual_scene("6.12")), boot(none, usual_scene("7.2")))
    (use,) = difference.consumers
    assert (use.before.region if use.before else None) == "/reserved-memory/pool"
    assert use.after is not None
    assert use.after.errno == 19
    assert [(pair.before is None, pair.after is None) for pair in difference.changed_areas][-1] == (
        False,
        True,
    )
    assert "kernel" in [pair.name for pair in difference.scene]
    assert any(sign == "-" and "initialized node pool" in line for sign, line in difference.log)
    assert difference.differs


def test_a_device_of_a_region_that_was_renamed_is_the_same() -> None:
    def of(name: str, base: int) -> Boot:
        found = region(name, reg=[(base, 4096)], phandle=1)
        return boot(
            usual_board(found, others=[node("vpu", {"memory-region": cells(1)})]), usual_scene("6.12")
        )

    difference = compare(of("fw@50000000", 0x5000_0000), of("fw@60000000", 0x6000_0000))
    assert difference.changed_regions
    assert difference.consumers == ()
