# SPDX-License-Identifier: Apache-2.0
"""What no boot has shown is `modelled`, and says why; what a boot has shown stays exact (kernel-semantics)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot.result import Exactness, Outcome
from carveout.boot.run import boot
from carveout.span import Span
from support.boards import (
    KERNELS,
    boot_regions,
    cells,
    mib,
    named,
    node,
    region,
    usual_board,
    usual_scene,
)

if TYPE_CHECKING:
    from carveout.boot.result import Boot

M16 = mib(16)
POOL = "shared-dma-pool"


def is_doubted(result: Boot, words: str) -> bool:
    """Say whether the boot is modelled for a reason with these words."""
    return result.exactness is Exactness.MODELLED and any(words in note for note in result.notes)


# ---- regions ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_an_empty_alloc_ranges(kernel: str) -> None:
    # 3.4: no attempt, so a failure. 3.3 says that 7.2's reader returns nothing for 0 entries, which would make it
    # absent; 7.2.13 was booted on arm64 and riscv64 (recording plain-11-0005), and allocates nothing.
    found = named(boot_regions(kernel, region("d", size=M16, extra={"alloc-ranges": b""})), "d")
    assert (found.outcome, found.exactness) == (Outcome.ALLOC_FAILED, Exactness.EXACT)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_dynamic_region_of_size_0(kernel: str) -> None:
    # 2.5 (2): it "can succeed": at the top of the highest free range, which here is the end of RAM.
    result = boot_regions(kernel, region("d", size=0))
    found = named(result, "d")
    assert (found.base, found.size) == (0x8000_0000, 0)
    assert found.exactness is Exactness.MODELLED
    assert result.exactness is Exactness.MODELLED


def test_a_dynamic_nomap_region_keeps_its_place_when_memory_is_full() -> None:
    # 3.4: 5.10 finds a base, then removes it from `memory`, which fails when 127 entries are there (2.2); a base that
    # is not 0 counts as success (3.4 step 7).
    statics = [
        region(f"s{i}", "no-map", reg=[(0x5000_0000 + i * mib(2), mib(1))], extra={"a": b""})
        for i in range(63)
    ]
    # 63 statics make 127 entries.
    result = boot_regions("5.10", *statics, region("d", "no-map", size=M16))
    found = named(result, "d")
    assert len(result.memory) == 127
    assert (found.base, found.outcome) == (0x7F00_0000, Outcome.PLACED)
    assert found.exactness is Exactness.MODELLED
    assert not any("failed to allocate" in line for line in result.log)


# ---- the command line ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("cmdline", "words"),
    [
        pytest.param("initrd=0x50000000,8M", "initrd=", id="initrd"),
        pytest.param("initrdmem=0x50000000,8M", "initrdmem=", id="initrdmem"),
        pytest.param("numa=fake=2", "numa=", id="numa"),
    ],
)
def test_arguments_that_are_not_simulated(cmdline: str, words: str) -> None:
    assert is_doubted(boot_regions("6.12", cmdline=cmdline), words)


@pytest.mark.parametrize("cmdline", ["cma=16M cma=32M", "cma=16M@0x60000000 cma=32M@0x50000000", "noinitrd"])
def test_arguments_that_are_simulated(cmdline: str) -> None:
    assert boot_regions("6.12", cmdline=cmdline).exactness is Exactness.EXACT


def test_a_reversed_initrd_that_5_10_accepts() -> None:
    # 1.1: only 6.1 and later ignore it. Its size wraps, and what the kernel makes of that was never booted.
    chosen = node(
        "chosen", {"linux,initrd-start": cells(0x5080_0000), "linux,initrd-end": cells(0x5000_0000)}
    )
    result = boot_regions("5.10", region("d", size=M16), others=[chosen])
    assert named(result, "d").exactness is Exactness.MODELLED
    assert boot_regions("6.1", region("d", size=M16), others=[chosen]).exactness is Exactness.EXACT


# ---- dma-ranges ------------------------------------------------------------------------------------------
def bus(value: bytes, name: str = "soc", *children: object, **more: bytes) -> object:
    own = {"#address-cells": cells(1), "#size-cells": cells(1), "dma-ranges": value, **more}
    return node(name, own, *children)


@pytest.mark.parametrize("kernel", KERNELS)
def test_dma_ranges_without_a_complete_entry(kernel: str) -> None:
    # 1.2: with a non-empty property cpu_end begins at 0 and no entry raises it, so nothing can be reached. ≤6.1: no
    # bits, D0 is above the mask 0, so 4 GiB. ≥6.12: the limit is 1, which 4.3 rounds down to 0: no limit.
    odd = bus(cells(0, 0))
    with_bus, without = boot_regions(kernel, others=[odd]), boot_regions(kernel, others=[bus(b"")])
    assert is_doubted(with_bus, "dma-ranges of /soc")
    assert without.exactness is Exactness.EXACT
    assert with_bus.cma[0].base == without.cma[0].base


def test_dma_ranges_that_the_bus_above_cannot_translate() -> None:
    inner = bus(cells(0, 0x9000_0000, 0x1000_0000), "inner")
    outer = bus(cells(0, 0, 0x4000_0000, 0x1000_0000), "outer", inner)
    assert is_doubted(boot_regions("6.12", others=[outer]), "dma-ranges of /outer/inner")


def test_sound_dma_ranges_are_exact() -> None:
    outer = bus(cells(0, 0, 0x4000_0000, 0x4000_0000), "outer", bus(cells(0, 0, 0x4000_0000), "inner"))
    assert boot_regions("6.12", others=[outer]).exactness is Exactness.EXACT


# ---- does it survive? ------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", KERNELS)
def test_a_refused_region_that_frees_the_kernel(kernel: str) -> None:
    # 8.5: the undo frees the bytes for everyone. 7.2 refuses a misaligned pool with an error as well (3.7).
    over = region("r", "reusable", reg=[(0x4030_0000, mib(1))], compatible=POOL)
    result = boot_regions(kernel, over)
    assert named(result, "r").outcome is Outcome.RELEASED
    assert is_doubted(result, "gave away memory of the kernel")


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_pool_over_the_kernel(kernel: str) -> None:
    over = region("r", "reusable", reg=[(0x4040_0000, mib(4))], compatible=POOL)
    assert is_doubted(boot_regions(kernel, over), "lies on memory of the kernel")


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_fixed_area_over_nomap(kernel: str) -> None:
    # 4.3: a fixed place is only checked against `reserved`, and a no-map region is not in it (8.7).
    over = region("n", "no-map", reg=[(0x6000_0000, M16)])
    result = boot_regions(kernel, over, cmdline="cma=64M@0x60000000")
    assert result.cma[0].base == 0x6000_0000
    assert is_doubted(result, "lies on no-map memory")


@pytest.mark.parametrize("kernel", KERNELS)
def test_hardly_any_memory_is_left(kernel: str) -> None:
    small = boot_regions(kernel, ram=[Span.sized(0x4000_0000, mib(96))], dtb_at=0x4500_0000, cmdline="cma=0")
    assert is_doubted(small, "is left free")
    assert boot_regions(kernel, cmdline="cma=0").exactness is Exactness.EXACT


def test_an_image_outside_ram() -> None:
    board = usual_board(ram=[Span.sized(0x5000_0000, mib(512))])
    assert is_doubted(boot(board, usual_scene("6.12", dtb_at=0x5800_0000)), "not wholly in RAM")


def test_a_tree_outside_ram() -> None:
    assert is_doubted(boot_regions("6.12", dtb_at=0x3000_0000), "tree is not wholly in RAM")


def test_a_very_long_command_line() -> None:
    # 10: COMMAND_LINE_SIZE is 1024 on arm and riscv, 2048 elsewhere; the rest is cut off.
    assert is_doubted(boot_regions("6.12", cmdline="x" * 5000 + " cma=16M"), "command line is so long")


def test_no_room_for_what_follows_the_regions() -> None:
    # 5.6 (6): a region without alloc-ranges may take the last bytes: of 25 MiB above the image, 24 here. The memory
    # map alone takes 2 MiB (4.6).
    small = Span.sized(0x4000_0000, mib(64))
    result = boot_regions("6.12", region("d", size=mib(24)), ram=[small], dtb_at=0x4010_0000)
    assert named(result, "d").exactness is Exactness.EXACT
    assert is_doubted(result, "there is no room for struct pages")


@pytest.mark.parametrize(("kernel", "page_size"), [*((k, 4096) for k in KERNELS), ("6.12", 16384)])
def test_any_amount_of_ram_takes_bounded_time(kernel: str, page_size: int) -> None:
    # A tree can claim all of the physical addresses; so much RAM was never booted.
    ram = [Span.sized(0x4000_0000, 1 << 46)]
    result = boot_regions(kernel, ram=ram, page_size=page_size)
    assert result.exactness is Exactness.MODELLED


# ---- reasons ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", ["5.10", "6.1", "6.12"])
@pytest.mark.parametrize(
    ("kind", "free_on"),
    [
        # 3.5: on 5.10 NOMAP stays, since add only fills gaps; 6.1 and 6.12 clear it.
        pytest.param({"reg": [(0x5000_0000, M16)]}, ("6.1", "6.12"), id="static"),
        # 3.5, 8.32: on 5.10 it is RAM again; 6.1 and 6.12 leave it reserved.
        pytest.param({"size": M16}, ("5.10",), id="dynamic"),
    ],
)
def test_a_refused_nomap_pool_is_not_always_given_back(
    kernel: str, kind: dict[str, object], free_on: tuple[str, ...]
) -> None:
    pool = region("r", "no-map", "reusable", compatible=POOL, **kind)
    found = named(boot_regions(kernel, pool), "r")
    assert found.outcome is Outcome.RELEASED
    assert ("given back to the system" in found.why) is (kernel in free_on)
    assert ("none of the memory became free" in found.why) is (kernel not in free_on)
