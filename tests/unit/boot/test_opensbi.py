# SPDX-License-Identifier: Apache-2.0
"""The region that OpenSBI writes into the tree: from the tree, from --opensbi, assumed, or not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from carveout.boot.result import Exactness
from carveout.boot.run import boot
from carveout.boot.scene import Scene
from carveout.errors import SceneError
from carveout.span import GIB, KIB, MIB, Span
from support.boards import board_of, cells, cpus, memory, named, region, reserved_memory, text

if TYPE_CHECKING:
    from carveout.boot.result import Boot

RAM = Span.sized(0x8000_0000, GIB)
PLACE = Span.sized(0x8000_0000, 512 * KIB)
LINE = (
    "OF: reserved mem: 0x0000000080000000..0x000000008007ffff (512 KiB) map non-reusable mmode_resv0@80000000"
)


def riscv(*regions: Any, machine: str = "sifive,hifive-unmatched-a00", ram: Span = RAM, **scene: Any) -> Boot:
    """Boot 6.12 on a board of this machine."""
    root = {"#address-cells": cells(2), "#size-cells": cells(2), "compatible": text(machine)}
    nodes = [reserved_memory(*regions)] if regions else []
    board = board_of(cpus("riscv"), memory((ram.start, ram.size), name="memory@80000000"), *nodes, root=root)
    values = {"kernel_image": Span.sized(0x8020_0000, 32 * MIB), "dtb_at": 0xBFE0_0000, **scene}
    return boot(board, Scene(kernel="6.12.107", arch="riscv64", **values))


def fact(result: Boot) -> tuple[str, str]:
    """Return value and source of the scene's entry about OpenSBI."""
    (found,) = [fact for fact in result.scene.facts if fact.name == "opensbi"]
    return found.value, found.source


def test_a_tree_with_the_region_is_taken_as_it_is() -> None:
    result = riscv(region("mmode_resv0@80000000", reg=[PLACE_REG]))
    assert result.exactness is Exactness.EXACT
    assert fact(result) == ("mmode_resv0@80000000", "tree")
    assert [one.name for one in result.regions] == ["mmode_resv0@80000000"]


PLACE_REG = (PLACE.start, PLACE.size)


def test_a_given_region_comes_before_the_others() -> None:
    result = riscv(region("a@90000000", reg=[(0x9000_0000, MIB)]), opensbi=(PLACE,))
    assert [one.name for one in result.regions] == ["mmode_resv0@80000000", "a@90000000"]
    assert result.log[0] == LINE
    assert fact(result) == ("0x80000000+0x80000", "given")


def test_a_given_region_leaves_open_only_how_large_the_tree_becomes() -> None:
    result = riscv(region("d", size=MIB), opensbi=(PLACE,))
    assert named(result, "d").exactness is Exactness.EXACT
    assert result.exactness is Exactness.MODELLED


def test_several_regions_keep_their_order_and_count_down() -> None:
    other = Span.sized(0x8004_0000, 256 * KIB)
    result = riscv(region("d", size=MIB), opensbi=(Span.sized(0x8000_0000, 256 * KIB), other))
    assert [one.name for one in result.regions] == ["mmode_resv1@80000000", "mmode_resv0@80040000", "d"]
    assert [one.size for one in result.regions[:2]] == [256 * KIB, 256 * KIB]


def test_reserved_memory_is_made_where_the_tree_has_none() -> None:
    result = riscv(opensbi=(PLACE,))
    assert result.log == (LINE,)


def test_none_means_that_the_firmware_adds_nothing() -> None:
    result = riscv(region("d", size=MIB), opensbi=())
    assert [one.name for one in result.regions] == ["d"]
    assert result.exactness is Exactness.EXACT
    assert fact(result) == ("none", "given")


def test_on_qemus_virt_machine_the_known_place_is_assumed_and_said() -> None:
    result = riscv(region("d", size=MIB), machine="riscv-virtio")
    assert LINE in result.log
    assert named(result, "d").exactness is Exactness.MODELLED
    assert "--opensbi" in named(result, "d").why
    assert fact(result)[1].startswith("assumed")


def test_nothing_is_assumed_outside_ram() -> None:
    result = riscv(machine="riscv-virtio", ram=Span.sized(0x4000_0000, 256 * MIB), kernel_image=None)
    assert result.regions == ()


def test_on_another_board_nothing_is_invented() -> None:
    result = riscv(region("d", size=MIB))
    assert [one.name for one in result.regions] == ["d"]
    assert named(result, "d").exactness is Exactness.MODELLED
    assert any("pass --opensbi" in note for note in result.notes)


def test_a_tree_that_has_the_region_contradicts_the_option() -> None:
    with pytest.raises(SceneError, match="has /reserved-memory/mmode_resv0@80000000 already"):
        riscv(region("mmode_resv0@80000000", reg=[PLACE_REG]), opensbi=(PLACE,))


def test_a_place_that_no_address_can_name_is_refused() -> None:
    huge = Span.sized(1 << 64, MIB)
    with pytest.raises(SceneError, match="--opensbi"):
        riscv(region("d", size=MIB), opensbi=(huge,))
