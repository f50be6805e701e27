# SPDX-License-Identifier: Apache-2.0
"""Which cause is found, when a log is that of a boot with one thing otherwise.

The log is made with the thing changed, the comparison is asked without: what has to come out is the thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot.run import boot
from carveout.kernel.vendor import Vendor
from carveout.observe.item import Standing
from carveout.observe.log import read_log
from carveout.observe.verification import Evidence
from carveout.observe.verify import verify
from carveout.values import replace
from support.boards import region, usual_board, usual_scene

if TYPE_CHECKING:
    from carveout.board import Board
    from carveout.boot.scene import Scene
    from carveout.fdt.draft import DraftNode
    from carveout.observe.verification import Verification

MIB = 1 << 20
POOL = region("pool", "reusable", size=32 * MIB, compatible="shared-dma-pool")
FIXED = region("fw@50000000", "no-map", reg=[(0x5000_0000, MIB)])
LIMITED = region("video", size=4 * MIB, alloc_ranges=[(0x6000_0000, 0x1000_0000)])


def log_of(board: Board, scene: Scene, *, banner: str | None = None) -> Evidence:
    result = boot(board, scene)
    first = ["Booting Linux on physical CPU 0x0000000000 [0x410fd034]"]
    first += [f"Linux version {banner} (a@b) (gcc) #1"] if banner else []
    lines = [*first, *(line for text in result.log for line in text.split("\n")), "Zone ranges:",
             f"Memory: 900000K/1048576K available (1K kernel code, {sum(a.size for a in result.cma) >> 10}K cma-reserved)"]  # fmt: skip
    return Evidence(log=read_log(["".join(f"[    0.000000] {line}\n" for line in lines).encode()]))


def compared(
    *regions: DraftNode,
    given: Scene,
    really: Scene | None = None,
    booted: tuple[DraftNode, ...] | None = None,
) -> Verification:
    board = usual_board(*regions)
    other = board if booted is None else usual_board(*booted)
    return verify(board, given, log_of(other, really or given))


def causes(result: Verification) -> set[str]:
    return {item.cause.kind for item in result.differences if item.cause is not None}


def test_nothing_is_otherwise() -> None:
    result = compared(POOL, FIXED, LIMITED, given=usual_scene("6.12"))
    assert (result.differences, result.deductions) == ((), ())


def test_cma_on_the_command_line() -> None:
    given = usual_scene("6.12", cmdline="console=ttyS0")
    given = replace(given, kernel="6.12.107+deb13-arm64")
    result = compared(FIXED, given=given, really=replace(given, cmdline="console=ttyS0 cma=128M"))
    tried = [item.cause for item in result.differences if item.cause is not None]
    assert {cause.kind for cause in tried} == {"cmdline"}
    assert all(cause.is_tried and "cma=128M" in cause.text for cause in tried)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"CMA_SIZE_MBYTES": "256"}, "CONFIG_CMA_SIZE_MBYTES=256"),
        ({"DMA_CMA": "n", "CMA": "n"}, "CONFIG_DMA_CMA=n"),
    ],
)
def test_a_configuration_that_nobody_said_is_deduced(options: dict[str, str], words: str) -> None:
    given = replace(usual_scene("6.1", cmdline="console=ttyS0"), kernel="6.6")
    really = replace(given, vendor=Vendor(name="x", base="6.6", config=tuple(options.items())))
    result = compared(POOL, given=given, really=really)
    assert result.differences == ()
    assert words in " ".join(deduction.text for deduction in result.deductions)
    assert result.exactness.value == "modelled"


def test_a_page_size_that_nobody_said_is_deduced() -> None:
    given = replace(usual_scene("6.1", cmdline="console=ttyS0"), kernel="6.6")
    result = compared(POOL, given=given, really=replace(given, page_size=16384))
    assert result.differences == ()
    assert [deduction.kind for deduction in result.deductions] == ["page-size"]


def test_where_the_tree_lies_is_deduced() -> None:
    really = usual_scene("6.12", dtb_at=0x7FE0_0000)
    result = compared(LIMITED, POOL, given=replace(really, dtb_at=None), really=really)
    assert result.differences == ()
    assert {deduction.kind for deduction in result.deductions} <= {"scene"}


def test_room_that_the_tree_takes_is_not_taken_for_another_page_size() -> None:
    # home-assistant/operating-system issue 4924: the tree in the middle of the window of the pool. Pages of 64 KiB would
    # refuse the pool too, but no area of 64 MiB, which the log has, is made with them.
    pool = region("pool", "reusable", "linux,cma-default", size=384 * MIB,
                  alloc_ranges=[(0x4800_0000, 0x2800_0000)], compatible="shared-dma-pool")  # fmt: skip
    given = usual_scene("6.12", dtb_at=None)
    really = usual_scene("6.12", dtb_at=0x5C00_0000)
    result = compared(pool, given=given, really=really)
    assert result.differences == ()
    (deduction,) = result.deductions
    assert deduction.kind == "scene"
    assert "lies where pool would have room" in deduction.text
    assert any("failed to allocate memory for node 'pool'" in line for line in deduction.evidence)


def test_another_blob() -> None:
    moved = region("fw@50000000", "no-map", reg=[(0x5800_0000, MIB)])
    result = compared(FIXED, POOL, given=usual_scene("6.12"), booted=(moved, POOL))
    assert {item.subject for item in result.differences} == {"fw@50000000"}
    assert causes(result) == {"tree"}


def test_another_size() -> None:
    larger = region("pool", "reusable", size=64 * MIB, compatible="shared-dma-pool")
    result = compared(POOL, given=usual_scene("6.12"), booted=(larger,))
    assert causes(result) == {"tree"}
    assert "0x4000000" in " ".join(item.cause.text for item in result.differences if item.cause is not None)


def test_a_node_that_firmware_adds() -> None:
    optee = region("optee_core@5e000000", "no-map", reg=[(0x5E00_0000, 2 * MIB)])
    result = compared(FIXED, given=usual_scene("6.12"), booted=(optee, FIXED))
    assert [(item.subject, item.standing) for item in result.differences] == [
        ("optee_core@5e000000", Standing.ONLY_SEEN)
    ]
    assert causes(result) == {"firmware"}


def test_a_node_that_is_not_there() -> None:
    result = compared(FIXED, LIMITED, given=usual_scene("6.12"), booted=(LIMITED,))
    assert [(item.subject, item.standing) for item in result.differences] == [
        ("fw@50000000", Standing.ONLY_PREDICTED)
    ]
    assert causes(result) == {"tree"}


def test_what_a_vendor_took_from_a_newer_kernel() -> None:
    given = replace(usual_scene("6.1", cmdline="console=ttyS0"), kernel="6.4")
    two = (region("a", size=4 * MIB), region("b", size=4 * MIB))
    result = compared(*two, given=given, really=replace(given, behaviour={"region_table": "two-pass"}))
    told = [
        " ".join((item.cause.text, *item.cause.others))
        for item in result.differences
        if item.cause is not None
    ]
    assert all("region_table=two-pass" in text or "Linux 6." in text for text in told)
    assert all(item.cause is not None and item.cause.is_tried for item in result.differences)


def test_what_nothing_explains_is_unknown() -> None:
    board = usual_board(FIXED)
    line = b"[    0.0] OF: reserved mem: not enough space for all defined regions.\n"
    result = verify(board, usual_scene("6.12"), Evidence(log=read_log([line])))
    assert causes(result) == {"unknown"}


def test_an_excerpt_does_not_disagree_by_what_is_missing() -> None:
    board = usual_board(FIXED, POOL)
    line = b"OF: reserved mem: 0x0000000050000000..0x00000000500fffff (1024 KiB) nomap non-reusable fw@50000000\n"
    result = verify(board, usual_scene("6.12"), Evidence(log=read_log([line])))
    assert result.agrees
    assert any(not item.decides for item in result.items)


@pytest.mark.parametrize("release", ["4.19.55-v7l+", "3.18.31-perf", "8.1.0"])
def test_a_kernel_that_is_not_simulated(release: str) -> None:
    board = usual_board(FIXED)
    given = replace(usual_scene("5.10"), kernel=None)
    result = verify(board, given, log_of(board, usual_scene("5.10"), banner=release))
    assert any(release in note for note in result.notes)
    assert result.exactness.value == "modelled"
