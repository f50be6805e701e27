# SPDX-License-Identifier: Apache-2.0
"""arm64_dma_phys_limit (kernel-semantics 1.2), seen through the default area, which lies below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot.arm64 import dma_phys_limit, max_cpu_address
from carveout.boot.cmdline import parse_cmdline
from carveout.boot.memblock import MemblockRules
from carveout.boot.region_drivers import KERNEL_DRIVERS
from carveout.boot.resolve import resolve_scene
from carveout.boot.state import EarlyBoot
from carveout.span import GIB, Span
from support.boards import KERNELS, board_of, cells, cpus, memory, node, text, usual_scene

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carveout.fdt.draft import DraftNode

OLD, NEW = ("5.10", "6.1"), ("6.12", "7.2")
U64 = (1 << 64) - 1


def bus(name: str, *entries: tuple[int, int], extra: Mapping[str, bytes] | None = None) -> DraftNode:
    """Return a bus with two cells for everything, whose devices reach these (CPU address, size)."""
    value = b"".join(
        cells(0, 0, cpu >> 32, cpu & 0xFFFF_FFFF, size >> 32, size & 0xFFFF_FFFF) for cpu, size in entries
    )
    wide_cells = {"#address-cells": cells(2), "#size-cells": cells(2)}
    return node(name, {**wide_cells, "dma-ranges": value, **(extra or {})})


def state_of(kernel: str, ram: Span, *buses: DraftNode) -> EarlyBoot:
    board = board_of(cpus(), memory((ram.start, ram.size)), *buses)
    scene, profile = resolve_scene(board, usual_scene(kernel))
    state = EarlyBoot(
        board=board,
        scene=scene,
        profile=profile,
        arguments=parse_cmdline(""),
        rules=MemblockRules(phys_bits=64, page_size=4096, smp_cache_bytes=64),
        drivers=KERNEL_DRIVERS,
    )
    state.mb.add(ram.start, ram.size)
    return state


@pytest.mark.parametrize(
    ("buses", "expected"),
    [
        pytest.param((), U64, id="no-bus"),
        # the last byte of the highest entry
        pytest.param((bus("soc", (0, 0x3C00_0000)),), 0x3BFF_FFFF, id="one"),
        pytest.param((bus("soc", (0, 0x1000), (0x8000_0000, 0x1000)),), 0x8000_0FFF, id="highest-entry"),
        pytest.param(
            (bus("soc", (0x8000_0000, 0x1000), (0, 0x1000)),), 0x8000_0FFF, id="order-does-not-matter"
        ),
        pytest.param((bus("a", (0, 0x8000_0000)), bus("b", (0, 0x4000_0000))), 0x3FFF_FFFF, id="lowest-bus"),
        pytest.param((bus("a", (0, 0x1000), extra={"status": text("disabled")}),), U64, id="disabled"),
        pytest.param((bus("a"),), U64, id="empty-is-ignored"),
    ],
)
def test_of_dma_get_max_cpu_address(buses: tuple[DraftNode, ...], expected: int) -> None:
    assert max_cpu_address(state_of("6.12", Span.sized(GIB, GIB), *buses)) == expected


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("ram", "reach", "old", "new"),
    [
        # Without dma-ranges: 32 bits, or the end of RAM.
        pytest.param(Span(0, 8 * GIB), None, 4 * GIB, 4 * GIB, id="32-bits"),
        pytest.param(Span(GIB, 2 * GIB), None, 2 * GIB, 2 * GIB, id="end-of-ram"),
        # All RAM above 4 GiB: no limit but its end (D0 > 0xffffffff).
        pytest.param(Span(4 * GIB, 6 * GIB), None, 6 * GIB, 6 * GIB, id="ram-above-4g"),
        # 0x3bffffff has 30 bits; 6.12 is exact.
        pytest.param(Span(0, 4 * GIB), 0x3C00_0000, 0x4000_0000, 0x3C00_0000, id="section-11-20"),
        pytest.param(Span(0, 4 * GIB), 0x4000_0000, 0x4000_0000, 0x4000_0000, id="power-of-two"),
        # 0x40000000 has 31 bits
        pytest.param(Span(0, 4 * GIB), 0x4000_0001, 0x8000_0000, 0x4000_0001, id="just-above"),
        # ≤6.1: RAM begins above the mask 0x3fffffff, so the mask becomes 32 bits. ≥6.12: z stays.
        pytest.param(Span(2 * GIB, 4 * GIB), 0x4000_0000, 4 * GIB, 0x4000_0000, id="ram-above-the-reach"),
        # more than 32 bits of reach is cut to 32
        pytest.param(Span(0, 8 * GIB), 6 * GIB, 4 * GIB, 4 * GIB, id="40-bits"),
        # ≥6.12: RAM above 4 GiB is not cut to 32 bits, the reach counts: 36 bits beyond the end of RAM
        pytest.param(Span(4 * GIB, 8 * GIB), 64 * GIB, 8 * GIB, 8 * GIB, id="ram-above-4g-36-bits"),
        pytest.param(Span(4 * GIB, 8 * GIB), 6 * GIB, 8 * GIB, 6 * GIB, id="ram-above-4g-cut"),
    ],
)
def test_limit(kernel: str, ram: Span, reach: int | None, old: int, new: int) -> None:
    buses = () if reach is None else (bus("soc", (0, reach)),)
    assert dma_phys_limit(state_of(kernel, ram, *buses)) == (old if kernel in OLD else new)


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        # Without ZONE_DMA only the 32 bits of ZONE_DMA32 count; without both nothing does but PA_BITS (52 on 6.12).
        pytest.param({"zone_dma": False}, 4 * GIB, id="no-ZONE_DMA"),
        pytest.param({"zone_dma": False, "zone_dma32": False}, 1 << 52, id="no-zones"),
    ],
)
def test_kernels_without_zones(zones: dict[str, bool], expected: int) -> None:
    state = state_of("6.12", Span(0, 8 * GIB), bus("soc", (0, 0x3C00_0000)))
    state.config = state.config._replace(**zones)
    assert dma_phys_limit(state) == expected
