# SPDX-License-Identifier: Apache-2.0
"""What random and unusual boots found, each reduced to a small scenario; recorded as the source `found` of tests/data."""

from __future__ import annotations

from carveout.span import GIB, MIB

from .scenario import Cell, Edit, Scenario, dynamic, pool, static

_REGIONS = (
    static("fixed", 0x1800_0000, 2 * MIB, "no-map"),
    dynamic("placed", 5 * MIB),
    pool("video", 16 * MIB),
)
_BOTH = (((0, 3 * GIB),), ((3 * GIB, 3 * GIB),))


def _words(name: str, cmdline: str, title: str, *architectures: str) -> Scenario:
    return Scenario(
        id=f"found-{name}",
        title=title,
        regions=_REGIONS,
        cmdline=cmdline,
        architectures=architectures or ("arm64", "riscv64"),
        tags=("found", "cmdline"),
    )


def _map(*rows: tuple[int, int, int]) -> tuple[Edit, ...]:
    return (
        Edit("/distance-map", "compatible", b"numa-distance-map-v1\0"),
        Edit("/distance-map", "distance-matrix", tuple(Cell(number, 1) for row in rows for number in row)),
    )


FOUND = (
    Scenario(
        id="found-alloc-ranges-empty",
        title="an empty alloc-ranges: no kernel places the region",
        regions=(*_REGIONS, dynamic("nowhere", MIB)),
        edits=(Edit("/reserved-memory/nowhere", "alloc-ranges", b""),),
        tags=("found", "dynamic"),
    ),
    Scenario(
        id="found-nomap-odd-end",
        title="a no-map region that ends inside a page below the rest of RAM: 6.12 with 16 KiB pages dies in a hash table",
        ram=6 * GIB,
        regions=(
            static("r0", 0x1_7F80_0000, 0x4000),
            dynamic("r1", 0x100_0123, "no-map", compatible="shared-dma-pool"),
            dynamic("r2", 0x5000),
        ),
        raw=True,
        architectures=("arm64",),
        tags=("found", "nomap"),
    ),
    Scenario(
        id="found-numa-distance",
        title="a NUMA node that only the distance map names",
        regions=_REGIONS,
        memory=(((0, 512 * MIB),), ((512 * MIB, 512 * MIB),)),
        nodes=(0, 1),
        edits=_map((0, 0, 10), (0, 1, 20), (0, 2, 20), (1, 1, 10), (1, 2, 20), (2, 2, 10)),
        architectures=("arm64",),
        tags=("found", "numa"),
    ),
    Scenario(
        id="found-hugetlb-cma",
        title="hugetlb_cma= for two nodes of 3 GiB",
        ram=6 * GIB,
        regions=_REGIONS,
        memory=_BOTH,
        nodes=(0, 1),
        cmdline="hugetlb_cma=1536M",
        architectures=("arm64",),
        tags=("found", "cma", "numa"),
    ),
    Scenario(
        id="found-hugetlb-cma-nodes",
        title="hugetlb_cma= by node, one of them too small",
        ram=6 * GIB,
        regions=_REGIONS,
        memory=_BOTH,
        nodes=(0, 1),
        cmdline="hugetlb_cma=1:512M,0:1G",
        architectures=("arm64",),
        tags=("found", "cma", "numa"),
    ),
    Scenario(
        id="found-last-page",
        title="RAM up to 4 GiB, with a free piece inside its last page: 32-bit arm dies freeing highmem",
        ram=3 * GIB,
        regions=(dynamic("placed", 5 * MIB),),
        raw=True,
        architectures=("arm",),
        tags=("found", "highmem"),
    ),
    _words("cma-twice", "cma=16M@+0x10000000 cma=64M", "cma= twice: the place of the first one stays"),
    _words("mem-twice", "mem=512M mem=768M", "mem= twice"),
    _words("crash-no-range", "crashkernel=2G-:64M", "crashkernel= with no range for this RAM", "arm64", "riscv64", "arm"),
    _words("crash-cma", "crashkernel=64M crashkernel=32M,cma", "crashkernel= with a suffix that older kernels do not know"),
    _words("crash-rubbish", "crashkernel=64Mx,high", "crashkernel= with rubbish before its suffix"),
    _words("crash-no-base", "crashkernel=512M-2G:32M@", "crashkernel= with a range, and no place behind @"),
    _words("crash-high", "crashkernel=64M,high", "crashkernel=,high without RAM above the limit"),
    _words("cma-pernuma", "cma_pernuma=16M", "areas for each node where only one is known", "riscv64"),
)  # fmt: skip
