# SPDX-License-Identifier: Apache-2.0
"""Questions people asked in public, with the places their kernels logged: the explanation arrives there too."""

from __future__ import annotations

from pathlib import Path

import pytest

from carveout import load
from carveout.boot.result import Outcome
from carveout.boot.scene import Scene
from carveout.change.remedies import RemedyKind
from carveout.explain.answer import explain
from carveout.span import GIB, Span
from support.boards import board_of, cpus, memory, mib, node, region, reserved_memory, text

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


# Raspberry Pi 4 with an RTOS: github.com/TImada/raspi4_freertos, issue 9. The kernel logged the pool at
# 0x1f600000..0x1fffffff and "failed to allocate memory for node 'linux,cma': size 512 MiB".
@pytest.mark.parametrize("dtb_at", [0x0800_0000, 0x2EFF_0000])
def test_a_pool_in_the_middle_starves_the_default_pool(dtb_at: int) -> None:
    board = load(EXAMPLES / "rtos-pool.dtb")
    scene = Scene(kernel="6.12", kernel_image=Span.sized(0x20_0000, 0x24F_0000), dtb_at=dtb_at)
    pool = explain(board, scene, "rtos-pool")
    assert pool.answer[0] == "rtos-pool lies at 0x1f600000..0x1fffffff, 10 MiB as a coherent DMA pool."
    starved = explain(board, scene, "linux,cma")
    assert starved.region is not None
    assert starved.region.outcome is Outcome.ALLOC_FAILED
    neighbours = {name for tried in starved.attempts[0].tried for name in (tried.below.who, tried.above.who)}
    assert "/reserved-memory/rtos-pool" in neighbours
    helps = {remedy.kind for remedy in starved.remedies}
    assert {RemedyKind.SIZE, RemedyKind.ALLOC_RANGES, RemedyKind.MOVE} <= helps


# VisionFive 2: github.com/starfive-tech/VisionFive2, issues 97 and 53. The pool's window is as large as the pool:
# the kernel logged 0x70000000..0x8fffffff; with anything in the window there is no pool.
def test_a_window_as_large_as_the_pool() -> None:
    pool = region("linux,cma", "reusable", "linux,cma-default", size=mib(512), compatible="shared-dma-pool",
                  alloc_ranges=[(0x7000_0000, mib(512))])  # fmt: skip
    banks = memory((0x4000_0000, 4 * GIB))
    cpu = node("cpus", {}, node("cpu@0", {"device_type": text("cpu"), "compatible": text("riscv")}))
    scene = Scene(kernel="7.2", arch="riscv64", opensbi=(), kernel_image=Span.sized(0x4020_0000, 0x240_0000),
                  dtb_at=0x4800_0000)  # fmt: skip
    free = explain(board_of(cpu, banks, reserved_memory(pool)), scene, "linux,cma")
    assert free.region is not None
    assert (free.region.base, free.region.size) == (0x7000_0000, mib(512))
    assert any("exactly as large as the region" in sentence for sentence in free.answer)
    blocked = explain(
        board_of(cpu, banks, reserved_memory(region("fw@80000000", "no-map", reg=[(0x8000_0000, mib(1))]), pool)),
        scene, "linux,cma",
    )  # fmt: skip
    assert blocked.region is not None
    assert blocked.region.outcome is Outcome.ALLOC_FAILED
    moved = [remedy.what for remedy in blocked.remedies if remedy.kind is RemedyKind.MOVE]
    assert moved
    assert moved[0].startswith("move /reserved-memory/fw@80000000 from 0x80000000 to 0x")


# Raspberry Pi 4: github.com/home-assistant/operating-system, issue 4924. U-Boot puts the tree just below 512 MiB, into
# the middle of the 768 MiB in which a pool of 512 MiB must lie.
def test_the_boot_loader_puts_the_tree_into_the_window() -> None:
    pool = region("linux,cma", "reusable", "linux,cma-default", size=mib(512), compatible="shared-dma-pool",
                  alloc_ranges=[(0x0, 0x3000_0000)])  # fmt: skip
    board = board_of(cpus("arm,cortex-a72"), memory((0, 0x3B40_0000), name="memory@0"), reserved_memory(pool))
    scene = Scene(kernel="6.12", kernel_image=Span.sized(0x20_0000, 0x24F_0000), dtb_at=0x1FFF_0000)
    told = explain(board, scene, "linux,cma")
    assert told.region is not None
    assert told.region.outcome is Outcome.ALLOC_FAILED
    loads = [remedy for remedy in told.remedies if remedy.what.startswith("load the device tree blob at 0x")]
    assert len(loads) == 1
    assert loads[0].size == mib(512)
