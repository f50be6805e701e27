# SPDX-License-Identifier: Apache-2.0
"""Exact or honest: what is missing makes a result modelled, and the option is named; RAM is never invented."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from carveout.boot.result import BootOutcome, Exactness, Outcome
from carveout.boot.run import boot
from carveout.boot.scene import Scene
from carveout.span import GIB, Span
from support.boards import (
    KERNELS,
    RAM,
    board_of,
    boot_regions,
    cells,
    cpus,
    memory,
    mib,
    named,
    node,
    region,
    reserved_memory,
    text,
    usual_board,
    usual_scene,
    wide,
)

EXACT, MODELLED, UNKNOWN = Exactness.EXACT, Exactness.MODELLED, Exactness.UNKNOWN
REGIONS = (
    region("plain@50000000", reg=[(0x5000_0000, mib(16))]),
    region("nomap@52000000", "no-map", reg=[(0x5200_0000, mib(16))]),
    region("dynamic", size=mib(16)),
)


def judged(result: Any) -> dict[str, Exactness]:
    found = {region.name.split("@")[0]: region.exactness for region in result.regions}
    return {**found, **{area.name: area.exactness for area in result.cma}, "all": result.exactness}


def everything(exactness: Exactness) -> dict[str, Exactness]:
    return dict.fromkeys(("plain", "nomap", "dynamic", "reserved", "all"), exactness)


# ---- nothing missing ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_scene_that_says_enough_is_exact(kernel: str) -> None:
    result = boot_regions(kernel, *REGIONS)
    assert judged(result) == everything(EXACT)
    assert all(r.why == "" or "pass --" not in r.why for r in result.regions)
    # What remains to be said is about the tree's own word for RAM and the initrd.
    assert result.notes == (
        "RAM is as in the tree; a boot loader that changes it needs --memory",
        "no initrd: neither --initrd nor /chosen names one",
    )


def test_16k_pages_are_exact_too() -> None:
    assert judged(boot_regions("6.12", *REGIONS, page_size=16384)) == everything(EXACT)


# ---- what is missing ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("missing", "option"),
    [("kernel_image", "pass --kernel-image BASE+SIZE"), ("dtb_at", "pass --dtb-at BASE")],
)
def test_a_place_that_is_missing(kernel: str, missing: str, option: str) -> None:
    # A plain region is reserved whatever else is there; a no-map one can meet what is reserved already (8.6).
    result = boot_regions(kernel, *REGIONS, **{missing: None})
    assert judged(result) == {**everything(MODELLED), "plain": EXACT}
    assert all(option in named(result, name).why for name in ("nomap@52000000", "dynamic"))
    assert option in result.cma[0].why
    assert any(option in note for note in result.notes)
    assert option not in named(result, "plain@50000000").why


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"kernel": "6.6"}, id="kernel-between"),
        pytest.param({"kernel": "6.12.1"}, id="another-stable-release"),
        pytest.param({"behaviour": {"memreserve": "first"}}, id="override"),
    ],
)
def test_a_kernel_that_was_not_booted(changes: dict[str, Any]) -> None:
    scene = replace(usual_scene("6.12"), **changes)
    result = boot(usual_board(*REGIONS), scene)
    assert judged(result) == everything(MODELLED)
    assert all(r.why for r in result.regions)


def test_an_image_of_another_size_is_another_build() -> None:
    result = boot_regions("6.12", *REGIONS, kernel_image=Span.sized(0x4020_0000, 0x200_0000))
    assert judged(result)["reserved"] is MODELLED
    assert any("another build" in note for note in result.notes)


@pytest.mark.parametrize(
    ("chosen", "cmdline", "expected"),
    [
        pytest.param({"kaslr-seed": wide(5)}, "", MODELLED, id="seed"),
        pytest.param({"kaslr-seed": wide(5)}, "nokaslr", EXACT, id="nokaslr"),
        pytest.param({"kaslr-seed": wide(0)}, "", EXACT, id="seed-0"),
        pytest.param({"kaslr-seed": b""}, "", EXACT, id="no-seed"),
    ],
)
def test_randomised_addresses(chosen: dict[str, bytes], cmdline: str, expected: Exactness) -> None:
    result = boot_regions("6.12", *REGIONS, others=[node("chosen", chosen)], cmdline=cmdline)
    assert judged(result) == {**everything(EXACT), "reserved": expected, "all": expected}


def test_memmap_is_no_parameter_of_these_architectures() -> None:
    # 5.10, 6.12.117 and 7.2.13 were booted with it on arm64: nothing changes.
    result = boot_regions("6.12", *REGIONS, cmdline="memmap=16M$0x50000000")
    assert judged(result) == everything(EXACT)


@pytest.mark.parametrize("argument", ["kvm-arm.mode=protected"])
def test_parameters_that_are_not_simulated(argument: str) -> None:
    result = boot_regions("6.12", *REGIONS, cmdline=argument)
    assert judged(result) == {**everything(EXACT), "reserved": MODELLED, "all": MODELLED}
    name = argument.partition("=")[0].replace("-", "_")
    assert name in result.cma[0].why.replace("-", "_")


def test_more_ram_than_was_ever_booted() -> None:
    result = boot_regions("6.12", *REGIONS, ram=[Span.sized(GIB, 96 * GIB)])
    assert judged(result)["reserved"] is MODELLED
    assert any("64 GiB" in note for note in result.notes)


def test_a_tree_that_was_made_here() -> None:
    board = replace(usual_board(*REGIONS), is_made_here=True)
    result = boot(board, usual_scene("6.12"))
    assert judged(result) == {**everything(MODELLED), "plain": EXACT}


@pytest.mark.parametrize(
    ("chosen", "scene", "option"),
    [
        pytest.param({"linux,uefi-system-table": wide(0x7800_0000)}, {}, "pass --efi", id="tree-says-efi"),
        pytest.param({}, {"efi": True}, "pass --efi-map FILE", id="no-map-of-the-firmware"),
    ],
)
def test_efi(chosen: dict[str, bytes], scene: dict[str, Any], option: str) -> None:
    result = boot_regions("6.12", *REGIONS, others=[node("chosen", chosen)], **scene)
    assert judged(result) == {**everything(MODELLED), "plain": EXACT}
    assert option in named(result, "dynamic").why


# ---- RAM unknown -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param([], id="no-memory-node"),
        pytest.param([memory((0x4000_0000, 0))], id="size-0"),
        pytest.param([memory(extra={"reg": b""})], id="empty-reg"),
    ],
)
def test_ram_is_never_invented(kernel: str, nodes: list[Any]) -> None:
    board = board_of(cpus(), *nodes, reserved_memory(*REGIONS))
    result = boot(board, usual_scene(kernel))
    assert (result.ram_known, result.exactness, result.outcome) == (False, UNKNOWN, BootOutcome.OK)
    assert (result.memory, result.cma, result.log, result.messages) == ((), (), (), ())
    dynamic = named(result, "dynamic")
    assert (dynamic.base, dynamic.outcome, dynamic.exactness) == (None, Outcome.UNKNOWN, UNKNOWN)
    assert "pass --memory SIZE@BASE" in dynamic.why
    # What the tree fixes is still told.
    plain = named(result, "plain@50000000")
    assert (plain.base, plain.size, plain.outcome, plain.exactness) == (
        0x5000_0000,
        mib(16),
        Outcome.PLACED,
        EXACT,
    )
    assert any("pass --memory SIZE@BASE" in note for note in result.notes)


@pytest.mark.parametrize("kernel", KERNELS)
def test_given_ram_settles_it(kernel: str) -> None:
    board = board_of(cpus(), reserved_memory(*REGIONS))
    result = boot(board, usual_scene(kernel, memory=(RAM,)))
    assert judged(result) == everything(EXACT)
    assert named(result, "dynamic").base == 0x7F00_0000
    assert not any("RAM" in note for note in result.notes)


def test_unknown_ram_wins_over_everything() -> None:
    board = board_of(cpus(), reserved_memory(*REGIONS))
    assert boot(board, Scene(kernel="6.6")).exactness is UNKNOWN


def test_malformed_regions_without_ram() -> None:
    # Nothing of this depends on RAM: the outcome is that of a boot with RAM.
    bad = region("bad", extra={"size": cells(1)})
    off = region("off", size=mib(1), status="disabled")
    none = node("none", {"compatible": text("x")})
    board = board_of(cpus(), reserved_memory(bad, off, none))
    found = {r.name: r.outcome for r in boot(board, Scene(kernel="6.12")).regions}
    assert found == {"bad": Outcome.ALLOC_FAILED, "off": Outcome.IGNORED, "none": Outcome.IGNORED}


def test_more_regions_than_memblock_holds_without_ram() -> None:
    # 2.2: 6.12 panics at a full list, with or without RAM; what the tree fixes is told up to there.
    many = [region(f"r{n}", reg=[(0x5000_0000 + 0x2000 * n, 0x1000)]) for n in range(700)]
    result = boot(board_of(cpus(), reserved_memory(*many)), Scene(kernel="6.12"))
    assert result.exactness is UNKNOWN
    assert result.log == ()


@pytest.mark.parametrize(
    ("initrd", "expected"),
    [
        pytest.param(Span.sized(0x7000_0000, 0x10_0000), EXACT, id="in-RAM"),
        pytest.param(Span.sized(0x8010_0000, 0x10_0000), MODELLED, id="behind-it"),
        pytest.param(Span.sized(0x7FF0_0000, 0x20_0000), MODELLED, id="across-its-end"),
    ],
)
def test_an_initial_ram_disk_outside_ram(initrd: Span, expected: Exactness) -> None:
    """Six kernels were booted with one behind RAM on arm64, and died reading it; where memory is, they would not."""
    result = boot_regions("6.12", *REGIONS, initrd=initrd)
    assert judged(result)["all"] is expected
    limited = boot_regions("6.12", *REGIONS, initrd=Span.sized(0x7000_0000, 0x10_0000), cmdline="mem=512M")
    assert judged(limited)["all"] is EXACT


@pytest.mark.parametrize(
    ("gib", "cmdline", "expected"),
    [
        # 6.1.0-50 with 6 GiB printed that the third pool found no room in an area of 2 MiB.
        pytest.param(6, "cma=4K", MODELLED, id="too-small"),
        pytest.param(6, "cma=4M", EXACT, id="large-enough"),
        pytest.param(1, "cma=4K", EXACT, id="less-RAM-wants-less"),
        pytest.param(6, "cma=0", EXACT, id="no-area"),
    ],
)
def test_a_default_area_too_small_for_dma_pools(gib: int, cmdline: str, expected: Exactness) -> None:
    result = boot_regions("6.1", *REGIONS, ram=[Span.sized(GIB, gib * GIB)], cmdline=cmdline)
    assert judged(result)["all"] is expected
