# SPDX-License-Identifier: Apache-2.0
"""The project's own scenarios: one for each way a region is placed, small enough to boot them all often."""

from __future__ import annotations

from carveout.span import GIB, KIB, MIB

from .scenario import POOL, Scenario, dynamic, pool, static

SCENARIOS = (
    Scenario(
        id="own-statics",
        title="regions with reg: plain, no-map, reusable pool; adjacent ones; a second entry of reg",
        regions=(
            static("firmware", 0x1000_0000, 2 * MIB),
            static("secure", 0x1020_0000, 2 * MIB, "no-map"),
            static("camera", 0x1800_0000, 32 * MIB, "reusable", compatible=POOL),
            static("pstore", 0x3000_0000, 640 * KIB),
        ),
        tags=("static",),
    ),
    Scenario(
        id="own-nomap-hole",
        title="no-map regions at the top of RAM, across its end, and behind it",
        regions=(
            static("top", GIB - 8 * MIB, 4 * MIB, "no-map"),
            static("across", GIB - 2 * MIB, 4 * MIB, "no-map"),
            static("behind", GIB + 64 * MIB, 4 * MIB, "no-map"),
        ),
        tags=("static", "nomap"),
    ),
    Scenario(
        id="own-dynamic-two",
        title="two regions that the kernel places, the second with an alignment, and a coherent pool",
        regions=(
            dynamic("first", 5 * MIB),
            dynamic("second", 3 * MIB, "no-map", align=4 * MIB),
            dynamic("coherent", MIB, "no-map", compatible=POOL),
        ),
        tags=("dynamic",),
    ),
    Scenario(
        id="own-cma-default",
        title="the default contiguous area from the tree, beside another pool",
        regions=(pool("video", 48 * MIB), pool("default", 96 * MIB, "linux,cma-default")),
        tags=("cma",),
    ),
    Scenario(
        id="own-memreserve",
        title="entries of the memory reservation block, one of them the range of a region",
        regions=(static("shared", 0x2000_0000, MIB), dynamic("placed", 6 * MIB)),
        memreserve=((0x2000_0000, MIB), (GIB - 3 * MIB, 2 * MIB), (0x0800_3000, 0x5000)),
        tags=("memreserve",),
    ),
    Scenario(
        id="own-overlap",
        title="regions that overlap: each other, and the kernel",
        regions=(
            static("one", 0x1000_0000, 4 * MIB),
            static("two", 0x1020_0000, 4 * MIB, "no-map"),
            static("image", 0x0030_0000, MIB, "no-map"),
        ),
        tags=("static", "overlap"),
    ),
    Scenario(
        id="own-alloc-ranges",
        title="regions bound to ranges, one of them beside a fixed region and too small for both",
        regions=(
            static("fixed", 0x1400_0000, 8 * MIB),
            dynamic("beside", 8 * MIB, ranges=((0x1400_0000, 16 * MIB),)),
            dynamic("too-late", 8 * MIB, ranges=((0x1400_0000, 16 * MIB),)),
            dynamic("second-range", 4 * MIB, ranges=((0x1400_0000, 8 * MIB), (0x1C00_0000, 8 * MIB))),
        ),
        tags=("dynamic", "range"),
    ),
    Scenario(
        id="own-cma-cmdline",
        title="the default contiguous area from the command line, at an address",
        regions=(pool("video", 32 * MIB), dynamic("plain", 2 * MIB)),
        cmdline="cma=48M@+0x18000000",
        tags=("cma", "cmdline"),
    ),
    Scenario(
        id="own-6g",
        title="RAM on both sides of the 32-bit border, with pools that find their own place",
        ram=6 * GIB,
        regions=(
            pool("low", 64 * MIB),
            dynamic("any", 16 * MIB),
            dynamic("high", 16 * MIB, ranges=((4 * GIB, 2 * GIB),)),
        ),
        architectures=("arm64", "riscv64"),
        tags=("dynamic", "high"),
    ),
    Scenario(
        id="own-odd-pool",
        title="a reusable pool whose base is not aligned as contiguous areas must be, and one of odd size",
        regions=(
            static("odd-base", 0x1810_0000, 16 * MIB, "reusable", compatible=POOL),
            pool("odd-size", 5 * MIB + 4 * KIB),
        ),
        # 32-bit arm hangs on such a pool from 6.12 on, which costs half a minute to find out.
        architectures=("arm64", "riscv64"),
        tags=("cma", "odd"),
    ),
    Scenario(
        id="own-holes",
        title="RAM in three banks, loaded byte for byte, with an initrd and a limit",
        memory=(((0, 256 * MIB), (320 * MIB, 192 * MIB)), ((640 * MIB, 384 * MIB),)),
        regions=(
            dynamic("placed", 24 * MIB),
            static("between", 0x0F00_0000, 96 * MIB, "no-map"),
            static("late", 0x2C00_0000, 4 * MIB),
        ),
        initrd=True,
        raw=True,
        cmdline="mem=900M",
        architectures=("arm64", "arm"),
        tags=("memory", "raw"),
    ),
)

QUICK = ("own-statics", "own-dynamic-two", "own-cma-default")
"""What the marked test boots: a region of each kind."""
