# SPDX-License-Identifier: Apache-2.0
"""32-bit arm: the boot sequence (kernel-semantics 1.3, 3.7, 4.2, 6.4, 1.7) and the order of its steps."""

from __future__ import annotations

import pytest

from carveout.boot import boot
from carveout.boot.arm_memory_limit import arm_add_memory
from carveout.boot.result import Exactness, Outcome
from carveout.span import GIB, MIB, Span
from support.arm_boards import (
    IMAGE_SIZES,
    KERNELS,
    PHYS_OFFSET,
    RAM,
    STEXT,
    arm_scene,
    arm_state,
    boot_arm,
)
from support.boards import board_of, cells, cpus, memory, named, node, region, text, wide

OLD, NEW = ("5.10", "6.1"), ("6.12", "7.2")
POOL = "shared-dma-pool"
HALF = Span.sized(PHYS_OFFSET, 512 * MIB)


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernel_and_its_first_table_are_reserved(kernel: str) -> None:
    result = boot_arm(kernel)
    assert result.early is not None
    places = {(entry.base, entry.size) for entry in result.early.reserved}
    assert {(STEXT, IMAGE_SIZES[kernel]), (PHYS_OFFSET + 0x204000, 0x4000)} <= places


# ---- region drivers ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_coherent_pool_without_nomap_is_refused(kernel: str) -> None:
    result = boot_arm(kernel, region("a@50000000", reg=[(0x5000_0000, MIB)], compatible=POOL))
    assert named(result, "a@50000000").outcome is Outcome.RELEASED
    lines = [line for line in result.log if not line.startswith("cma: ")]
    assert lines == [
        "Reserved memory: regions without no-map are not yet supported",
        "OF: reserved mem: node a@50000000 compatible matching fail",
    ]


@pytest.mark.parametrize("kernel", KERNELS)
def test_coherent_pool_with_nomap(kernel: str) -> None:
    result = boot_arm(kernel, region("a@50000000", "no-map", reg=[(0x5000_0000, MIB)], compatible=POOL))
    assert named(result, "a@50000000").pool == "dma"


@pytest.mark.parametrize("kernel", KERNELS)
def test_contiguous_pool_must_be_a_multiple_of_8_mib(kernel: str) -> None:
    """Nasty test 7, and the table of 4.1."""
    four = boot_arm(kernel, region("a@50400000", "reusable", reg=[(0x5040_0000, 4 * MIB)], compatible=POOL))
    assert named(four, "a@50400000").outcome is Outcome.RELEASED
    assert "Reserved memory: incorrect alignment of CMA region" in four.log
    eight = boot_arm(kernel, region("a@50800000", "reusable", reg=[(0x5080_0000, 8 * MIB)], compatible=POOL))
    assert named(eight, "a@50800000").pool == "cma"


@pytest.mark.parametrize(
    ("kernel", "default"),
    # 0x5ff00000 is the end of what is free; the base is rounded down to 8 MiB (kernel-semantics 12).
    [("6.12", (0x5E80_0000, 16 * MIB)), ("7.2", (0x5780_0000, 128 * MIB))],
)
def test_static_default_pool_is_seen_too_late(kernel: str, default: tuple[int, int]) -> None:
    """Surprise 11: two areas, and the first one is wasted."""
    pool = region(
        "p@50000000", "reusable", "linux,cma-default", reg=[(0x5000_0000, 32 * MIB)], compatible=POOL
    )
    plain = region("top@5ff00000", reg=[(0x5FF0_0000, MIB)])
    result = boot_arm(kernel, pool, plain, ram=[HALF])
    assert [(a.base, a.size, a.is_default) for a in result.cma] == [
        (*default, False),
        (0x5000_0000, 32 * MIB, True),
    ]


@pytest.mark.parametrize("kernel", OLD)
def test_static_default_pool_is_seen_in_time(kernel: str) -> None:
    pool = region(
        "p@50000000", "reusable", "linux,cma-default", reg=[(0x5000_0000, 32 * MIB)], compatible=POOL
    )
    result = boot_arm(kernel, pool, ram=[HALF])
    assert [(a.base, a.is_default) for a in result.cma] == [(0x5000_0000, True)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_dynamic_default_pool_is_seen_in_time(kernel: str) -> None:
    result = boot_arm(kernel, region("p", "reusable", "linux,cma-default", size=32 * MIB, compatible=POOL))
    assert [(a.base, a.is_default) for a in result.cma] == [(0x7E00_0000, True)]


def test_refused_pool_is_free_only_after_the_dump() -> None:
    """The kernel dumps memblock before its late pass over static regions (kernel-semantics 12)."""
    result = boot_arm("6.12", region("a@50000000", reg=[(0x5000_0000, MIB)], compatible=POOL))
    assert result.early is not None
    assert (0x5000_0000, MIB) in {(r.base, r.size) for r in result.early.reserved}
    assert (0x5000_0000, MIB) not in {(r.base, r.size) for r in result.reserved}


# ---- initrd ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kernel", "lines"),
    [
        ("5.10", ["INITRD: 0x40300000+0x00100000 overlaps in-use memory region - disabling initrd"]),
        *(
            (kernel, ["INITRD: 0x40300000+0x00100000 overlaps in-use memory region", " - disabling initrd"])
            for kernel in ("6.1", "6.12", "7.2")
        ),
    ],
)
def test_initrd_over_the_kernel_is_dropped(kernel: str, lines: list[str]) -> None:
    result = boot_arm(kernel, initrd=Span.sized(STEXT, MIB))
    assert [line for line in "\n".join(result.messages).split("\n") if "initrd" in line.lower()] == lines
    assert not any(claim.who == "initrd" for claim in result.claims)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("initrd", [Span.sized(0x9000_0000, MIB), Span(0x5FF0_0000, 0x7010_0000)])
def test_initrd_must_lie_in_one_bank(kernel: str, initrd: Span) -> None:
    result = boot_arm(kernel, ram=[HALF, Span(0x7000_0000, 0x8000_0000)], initrd=initrd)
    line = f"INITRD: 0x{initrd.start:08x}+0x{initrd.size:08x} is not a memory region - disabling initrd"
    assert line in result.messages


# ---- mem= --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("cmdline", "banks"),
    [
        ("mem=512M", [(0x4000_0000, 0x2000_0000)]),
        ("mem=512M@0x40000000 mem=256M@0x70000000", [(0x4000_0000, 0x2000_0000), (0x7000_0000, 0x1000_0000)]),
        ("mem=0x20000800", [(0x4000_0000, 0x2000_0000)]),
        ("mem=512M@0x30000000", [(0x4000_0000, 0x1000_0000)]),
        ("mem=512M mem=16M@0x10000000", [(0x4000_0000, 0x2000_0000)]),
        ("mem=512M mem=4M@0x60000800", [(0x4000_0000, 0x2000_0000), (0x6000_1000, 0x3F_F000)]),
        ("mem=3G", [(0x4000_0000, 0xBFFF_F000)]),
    ],
)
def test_mem_replaces_all_ram(cmdline: str, banks: list[tuple[int, int]]) -> None:
    result = boot_arm("6.12", cmdline=cmdline)
    assert result.early is not None
    assert [(m.base, m.size) for m in result.early.memory] == banks


def test_bank_above_4_gib_is_ignored() -> None:
    state = arm_state("6.12")
    arm_add_memory(state, 0x1_0000_0000, MIB, PHYS_OFFSET)
    assert state.mb.memory == ()


# ---- crashkernel= ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("argument", ["2G-:64M", "0"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_crash_kernel_of_nothing(kernel: str, argument: str) -> None:
    """Booted with the first: 5.10.223 reserves nothing at the end of lowmem, and says so; newer ones do not."""
    said = [
        text for text in boot_arm(kernel, cmdline=f"crashkernel={argument}").messages if "crashkernel" in text
    ]
    zero = ["crashkernel size resulted in zero bytes"] if ":" in argument else []
    line = (
        ["Reserving 0MB of memory at 1792MB for crashkernel (System RAM: 768MB)"] if kernel == "5.10" else []
    )
    assert said == zero + line


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("cmdline", "line", "place"),
    [
        # The last multiple of 128 MiB that leaves room below the struct pages at the top of lowmem.
        (
            "crashkernel=128M",
            "Reserving 128MB of memory at 1536MB for crashkernel (System RAM: 768MB)",
            (0x6000_0000, 128 * MIB),
        ),
        (
            "crashkernel=64M@0x60000000",
            "Reserving 64MB of memory at 1536MB for crashkernel (System RAM: 768MB)",
            (0x6000_0000, 64 * MIB),
        ),
        ("crashkernel=64M@0x40000000", "crashkernel reservation failed - memory is in use.", None),
        ("crashkernel=700M", "crashkernel reservation failed - No suitable area found.", None),
        # Chosen by the size of lowmem, 768 MiB, not of RAM, 1 GiB.
        (
            "crashkernel=512M-1G:32M,1G-:64M",
            "Reserving 32MB of memory at 1664MB for crashkernel (System RAM: 768MB)",
            (0x6800_0000, 32 * MIB),
        ),
    ],
)
def test_crashkernel(kernel: str, cmdline: str, line: str, place: tuple[int, int] | None) -> None:
    result = boot_arm(kernel, cmdline=cmdline)
    assert [text for text in result.messages if "crashkernel" in text] == [line]
    assert [(c.base, c.size) for c in result.claims if c.who == "crashkernel"] == ([place] if place else [])


# ---- exactness and machines --------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_complete_scene_is_exact(kernel: str) -> None:
    result = boot_arm(kernel, region("a", size=16 * MIB))
    assert (result.exactness, result.profile.doubts) == (Exactness.EXACT, ())


def test_another_build_is_modelled() -> None:
    assert boot_arm("6.12", kernel_image=Span.sized(STEXT, 0x100_0000)).exactness is Exactness.MODELLED


def test_lpae_is_modelled() -> None:
    scene = arm_scene("6.12", kernel="6.12.107+deb13-armmp-lpae")
    result = boot(board_of(cpus("arm,cortex-a15"), memory((RAM.start, RAM.size))), scene)
    assert result.exactness is Exactness.MODELLED
    assert any("LPAE" in note for note in result.notes)


def test_kernel_outside_ram_is_modelled() -> None:
    assert boot_arm("6.12", cmdline="mem=256M@0x60000000").exactness is Exactness.MODELLED


@pytest.mark.parametrize(
    ("compatible", "base", "exactness"),
    [
        # The DMA zone is the first GiB: its last byte, 0x3fffffff, is rounded down to 8 MiB.
        ("brcm,bcm2711", 0x3F80_0000 - 64 * MIB, Exactness.MODELLED),
        ("ti,omap5", 0x8000_0000 - 64 * MIB, Exactness.MODELLED),
        ("linux,dummy-virt", 0x8000_0000 - 64 * MIB, Exactness.EXACT),
    ],
)
def test_machines_with_code_of_their_own(compatible: str, base: int, exactness: Exactness) -> None:
    root = {"#address-cells": cells(2), "#size-cells": cells(2), "compatible": text("some,board", compatible)}
    board = board_of(cpus("arm,cortex-a15"), memory((0, 2 * GIB)), root=root)
    scene = arm_scene(
        "6.12", kernel_image=Span.sized(3 * MIB, IMAGE_SIZES["6.12"]), dtb_at=0x800_0000, cmdline="cma=64M"
    )
    result = boot(board, scene)
    assert ([area.base for area in result.cma], result.exactness) == ([base], exactness)


def test_kaslr_seed_does_not_matter_on_arm() -> None:
    chosen = node("chosen", {"kaslr-seed": wide(1)})
    board = board_of(cpus("arm,cortex-a15"), memory((RAM.start, RAM.size)), chosen)
    assert boot(board, arm_scene("6.12")).exactness is Exactness.EXACT
