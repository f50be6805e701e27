# SPDX-License-Identifier: Apache-2.0
"""Twists of /reserved-memory: properties of odd lengths and values, names, status, too many, in the way of something."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from carveout.span import KIB, MIB

from .scenario import POOL, Cell, Edit, Region, Scenario
from .unusual_memory import ranges

if TYPE_CHECKING:
    import random

_TOP = "/reserved-memory"


def _added(board: Scenario, *regions: Region, edits: tuple[Edit, ...] = ()) -> Scenario:
    return replace(board, regions=(*board.regions, *regions), edits=(*board.edits, *edits))


def _across(rng: random.Random, board: Scenario) -> Scenario:
    ends = [at + size for node in board.memory for at, size in node] or [board.ram]
    made = []
    for number in range(rng.choice((1, 2, 3))):
        size = rng.choice((8 * KIB, 2 * MIB, 8 * MIB, 0x5800))
        base = max(rng.choice(ends) - rng.choice((4 * KIB, MIB, size // 2, size, 0x800)), 0)
        flags, compatible = rng.choice(
            ((("no-map",), None), ((), None), (("reusable",), POOL), (("no-map",), POOL), ((), POOL))
        )
        made.append(Region(name=f"across{number}", at=((base, size),), flags=flags, compatible=compatible))
    return _added(board, *made)


def _several_reg(rng: random.Random, board: Scenario) -> Scenario:
    base = rng.choice((0x1000_0000, 0x1400_0000, board.ram - 8 * MIB, 0x1234_5000))
    pairs = []
    for _ in range(rng.choice((2, 3, 4, 8))):
        size = rng.choice((0, 0x1000, 0x8000, MIB, 0x1800))
        pairs.append((base, size))
        base += size + rng.choice((0, 0, 0x1000, MIB, -0x1000))
    flags = rng.choice(((), ("no-map",), ("reusable",)))
    compatible = rng.choice((None, None, POOL, "ramoops"))
    return _added(board, Region(name="several", at=tuple(pairs), flags=flags, compatible=compatible))


def _odd_reg(rng: random.Random, board: Scenario) -> Scenario:
    at = rng.choice((0x1100_0000, 0x1700_1000))
    value = rng.choice(
        (
            b"",
            (Cell(at, from_ram=True),),
            (Cell(at, from_ram=True), Cell(MIB, 1)),
            (*ranges((at, MIB)), Cell(0, 1)),
            (*ranges((at, MIB)), Cell(at + 2 * MIB, from_ram=True)),
            ranges((at, 0)),
            (Cell((1 << 64) - 0x1000), Cell(0x2000)),
            (Cell(1 << 52), Cell(MIB)),
            ranges((at, 1 << 40)),
            (Cell(0), Cell(MIB)),
            (Cell(0), Cell(0)),
            ranges((at + 0x123, 0x10)),
            None,
        )
    )
    flags = rng.choice(((), ("no-map",), ("reusable",)))
    compatible = rng.choice((None, None, POOL))
    region = Region(name="odd-reg", flags=flags, compatible=compatible)
    return _added(board, region, edits=(Edit(f"{_TOP}/odd-reg", "reg", value),))


def _odd_size(rng: random.Random, board: Scenario) -> Scenario:
    value = rng.choice(
        (
            (Cell(4 * MIB, 1),),
            (Cell(0),),
            b"",
            (Cell(4 * MIB), Cell(0, 1)),
            (Cell(0, 1), Cell(0, 1), Cell(MIB, 1)),
            (Cell(1 << 40),),
            (Cell((1 << 64) - 1),),
            (Cell(0x1001),),
            (Cell(1),),
            (Cell(board.ram // 2),),
        )
    )
    flags = rng.choice(((), ("no-map",), ("reusable",)))
    region = Region(name="odd-size", flags=flags, compatible=rng.choice((None, POOL)))
    return _added(board, region, edits=(Edit(f"{_TOP}/odd-size", "size", value),))


def _odd_alignment(rng: random.Random, board: Scenario) -> Scenario:
    made, edits = [], []
    for number in range(rng.choice((1, 2, 3))):
        align = rng.choice((0, 1, 3, 0x800, 0x1001, 0x3000, 0x5000, 0x180000, 1 << 27, 1 << 36, 1 << 63))
        name = f"odd-align{number}"
        size = rng.choice((0x1000, 0x5000, MIB, 6 * MIB, 0x123))
        flags = rng.choice(((), ("no-map",), ("reusable",)))
        made.append(Region(name=name, size=size, flags=flags, compatible=rng.choice((None, None, POOL))))
        value = rng.choice(((Cell(align),),) * 4 + ((Cell(0x10000, 1),), b"", (Cell(align), Cell(0, 1))))
        edits.append(Edit(f"{_TOP}/{name}", "alignment", value))
    return _added(board, *made, edits=tuple(edits))


def _odd_ranges(rng: random.Random, board: Scenario) -> Scenario:
    ram, made, edits = board.ram, [], []
    for number in range(rng.choice((1, 2, 3))):
        size = rng.choice((MIB, 4 * MIB, 0x6000))
        at = rng.choice((0, 0x1000_0000, ram - size, ram - MIB, ram + MIB, 0x0FFF_F800, 128 * MIB))
        value = rng.choice(
            (
                ranges((at, size)),
                ranges((at, size - 1)),
                ranges((at, size + 0x1000), (0x1200_0000, 8 * MIB)),
                ranges((ram, size), (0, 2 * MIB), (at, 64 * MIB), (0x1000_0000, ram)),
                ranges((at, 0)),
                (Cell(0), Cell((1 << 64) - 1)),
                (Cell(0), Cell(1 << 32)),
                (Cell(0), Cell(0)),
                (Cell(1 << 63), Cell(1 << 63)),
                (Cell((1 << 64) - 0x1000), Cell(0x3000)),
                b"",
                (Cell(at, from_ram=True),),
                (*ranges((at, 16 * MIB)), Cell(0, 1)),
                (*ranges((at, 16 * MIB)), Cell(at, from_ram=True)),
            )
        )
        flags = rng.choice(((), ("no-map",), ("reusable",)))
        name = f"odd-range{number}"
        made.append(Region(name=name, size=size, flags=flags, compatible=rng.choice((None, None, POOL))))
        edits.append(Edit(f"{_TOP}/{name}", "alloc-ranges", value))
    return _added(board, *made, edits=tuple(edits))


def _flags(rng: random.Random, board: Scenario) -> Scenario:
    names = ("no-map", "reusable", "linux,cma-default", "linux,dma-default", "no-map-fixup")
    made = []
    for number in range(rng.choice((1, 2, 3))):
        flags = tuple(rng.sample(names, rng.choice((1, 2, 3))))
        at = rng.choice((0x1000_0000, 0x1800_0000, 0x1400_0000)) + number * 4 * MIB
        region = Region(name=f"flags{number}", flags=flags, compatible=POOL)
        made.append(rng.choice((replace(region, at=((at, 4 * MIB),)), replace(region, size=4 * MIB))))
    return _added(board, *made)


def _status(rng: random.Random, board: Scenario) -> Scenario:
    words = (
        b"ok\0",
        b"okay\0",
        b"fail\0",
        b"disabled\0",
        b"reserved\0",
        b"",
        b"okay",
        b"ok\0disabled\0",
        b"okay \0",
    )
    edits = []
    for region in board.regions:
        if rng.random() < 0.5:
            edits.append(Edit(f"{_TOP}/{region.name}", "status", rng.choice(words)))
    if rng.random() < 0.2:
        edits.append(Edit(_TOP, "status", rng.choice(words)))
    return replace(board, edits=(*board.edits, *edits))


def _names(rng: random.Random, board: Scenario) -> Scenario:
    made = [
        Region(name="a-name-that-is-longer-than-thirty-one-characters", size=MIB),
        Region(name="vendor,with.odd_chars+and-more", at=((0x1080_0000, 0x3000),), flags=("no-map",)),
        Region(name="Region%s", size=0x3000),
        Region(name="linux,cma", size=16 * MIB, flags=("reusable",), compatible=POOL),
        Region(name="plain", at=((0x1090_0000, 0x1000),)),
        Region(name="nothing-at-all"),
    ]
    picked = rng.sample(made, rng.choice((1, 2, 4)))
    edits = []
    if rng.random() < 0.3:
        edits.append(Edit(f"{_TOP}/parent", "", b""))
        edits.append(Edit(f"{_TOP}/parent/inner", "size", (Cell(MIB),)))
        edits.append(Edit(f"{_TOP}/parent/fixed", "reg", ranges((0x1234_0000, 0x8000))))
    if rng.random() < 0.2:
        edits.append(Edit("/soc-part/reserved-memory/lost", "reg", ranges((0x1244_0000, 0x8000))))
    return _added(board, *picked, edits=tuple(edits))


def _many(rng: random.Random, board: Scenario) -> Scenario:
    how = rng.choice(("dynamic", "static", "both", "static-nomap"))
    count = rng.choice((60, 64, 66, 90, 128, 140))
    base, step = 0x1000_0000, 0x2_0000
    made = []
    for number in range(count):
        if how == "dynamic" or (how == "both" and number % 3 == 0):
            made.append(Region(name=f"m{number}", size=rng.choice((0x1000, 0x10000, 0x1000))))
        else:
            flags = ("no-map",) if how == "static-nomap" else ()
            size = rng.choice((0x1000, 0x10000, step))
            made.append(Region(name=f"m{number}", at=((base + number * step, size),), flags=flags))
    if rng.random() < 0.3:
        rng.shuffle(made)
    return _added(board, *made)


def _in_the_way(rng: random.Random, board: Scenario) -> Scenario:
    """On the kernel, the tree, the initrd, or all of RAM."""
    spots = (
        (2 * MIB, MIB), (0, 4 * MIB), (16 * MIB, 16 * MIB), (2 * MIB, 0x1000), (128 * MIB, MIB), (128 * MIB - 0x1000, 0x2000),
        (144 * MIB, 0x1000), (144 * MIB - MIB, 4 * MIB), (32 * MIB, 0x10000), (0x208000, 0x1000), (0, 0x1000), (30 * MIB, 20 * MIB),
    )  # fmt: skip
    made = []
    for number in range(rng.choice((1, 2))):
        flags = rng.choice(((), ("no-map",), ("reusable",), ("no-map",)))
        compatible = rng.choice((None, None, None, POOL))
        made.append(Region(name=f"way{number}", at=(rng.choice(spots),), flags=flags, compatible=compatible))
    return _added(replace(board, initrd=rng.random() < 0.5), *made)


def _cells(rng: random.Random, board: Scenario) -> Scenario:
    pair = rng.choice(((1, 1), (2, 1), (1, 2), (3, 2), (2, 3)))
    edits = list(board.edits)
    how = rng.random()
    if how < 0.15:
        edits.append(Edit(_TOP, "#size-cells", None))
    elif how < 0.3:
        edits.append(Edit(_TOP, "#address-cells", None))
    elif how < 0.4:
        edits.append(Edit(_TOP, "ranges", ranges((0, board.ram))))
    elif how < 0.5:
        edits.append(Edit(_TOP, "ranges", None))
    return replace(board, cells=pair if how < 0.7 else (2, 2), edits=tuple(edits))


def _compatibles(rng: random.Random, board: Scenario) -> Scenario:
    lists = (
        b"vendor,x\0shared-dma-pool\0", b"shared-dma-pool\0vendor,x\0", b"shared-dma-pool", b"restricted-dma-pool\0",
        b"restricted-dma-pool\0shared-dma-pool\0", b"ramoops\0", b"framebuffer\0", b"nvmem-rmem\0", b"removed-dma-pool\0",
        b"nvidia,tegra210-emc-table\0", b"fsl,qman-fqd\0", b"fsl,bman-fbpr\0", b"linux,elfcorehdr\0", b"google,open-dice\0",
        b"qcom,rmtfs-mem\0", b"qcom,smem\0", b"", b"\0", b"Shared-DMA-Pool\0", b"phram\0", b"xen,shared-memory-v1\0",
        b"ion-region\0", b"arm,scmi-shmem\0", b"linux,dma\0", b"nxp,s32-ddr\0", b"mediatek,trustzone\0",
    )  # fmt: skip
    made, edits = [], []
    for number in range(rng.choice((1, 2, 3))):
        name, size = f"compat{number}", rng.choice((4 * MIB, 16 * MIB, 0x40000))
        flags = rng.choice(((), ("no-map",), ("reusable",)))
        at = 0x1400_0000 + number * 16 * MIB
        fixed = rng.random() < 0.5
        made.append(
            Region(name=name, at=((at, size),) if fixed else (), size=None if fixed else size, flags=flags)
        )
        edits.append(Edit(f"{_TOP}/{name}", "compatible", rng.choice(lists)))
    return _added(board, *made, edits=tuple(edits))


def _both(rng: random.Random, board: Scenario) -> Scenario:
    """Reg and size in one node; a reg that is no longer free; regions that touch."""
    at = rng.choice((0x1000_0000, 0x1000_1000, board.ram - 4 * MIB))
    flags = rng.choice(((), ("no-map",), ("reusable",)))
    made = [
        Region(name="both", at=((at, MIB),), size=2 * MIB, flags=flags, compatible=rng.choice((None, POOL))),
        Region(name="touch", at=((at + MIB, MIB),), flags=rng.choice(((), ("no-map",)))),
        Region(name="same", at=((at, MIB),)),
        Region(name="inside", at=((at + 0x4000, 0x4000),), flags=rng.choice(((), ("no-map",)))),
    ]
    return _added(board, *rng.sample(made, rng.choice((2, 3, 4))))


def _full(rng: random.Random, board: Scenario) -> Scenario:
    """Nearly all of RAM asked for, so that the last ones find none."""
    part = rng.choice((4, 6, 8))
    flags = rng.choice(((), ("no-map",), ("reusable",)))
    made = [Region(name=f"full{n}", size=board.ram // part, flags=flags, compatible=rng.choice((None, POOL)))
            for n in range(part - 1)]  # fmt: skip
    return _added(board, *made)


TWISTS = {
    "across": _across,
    "several-reg": _several_reg,
    "odd-reg": _odd_reg,
    "odd-size": _odd_size,
    "odd-alignment": _odd_alignment,
    "odd-ranges": _odd_ranges,
    "flags": _flags,
    "status": _status,
    "names": _names,
    "many": _many,
    "in-the-way": _in_the_way,
    "cells": _cells,
    "compatibles": _compatibles,
    "both": _both,
    "full": _full,
}
