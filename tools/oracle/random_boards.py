# SPDX-License-Identifier: Apache-2.0
"""Random boards: the scenarios nobody thought of.

Numbers are drawn from what meets a rule of the kernel at its edge: sizes around a page, a page block and a section,
bases beside other regions, ranges that leave just enough or just too little. The same seed gives the same boards.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from carveout.span import GIB, KIB, MIB

from .scenario import POOL, Region, Scenario

_GRAINS = (4 * KIB, 16 * KIB, 64 * KIB, MIB, 2 * MIB, 4 * MIB, 8 * MIB, 16 * MIB)
_COMPATIBLES = ("vendor,memory", "ramoops", "restricted-dma-pool", "removed-dma-pool")
_CMDLINES = ("cma=32M", "cma=0", "cma=80M@+0x{0:x}", "cma=16M@+0x{0:x}-+0x{1:x}", "mem=900M", "mem=512M",
             "cma=33M", "crashkernel=64M", "crashkernel=96M", "hugetlb_cma=64M", "swiotlb=noforce")  # fmt: skip


class _Ram(NamedTuple):
    """The RAM of one board."""

    size: int
    banks: tuple[tuple[tuple[int, int], ...], ...]
    """Empty: one bank of all of it."""

    @property
    def end(self) -> int:
        """The end of the last bank, from the start of RAM."""
        return max((at + size for node in self.banks for at, size in node), default=self.size)


def random_scenarios(count: int, *, seed: int) -> list[Scenario]:
    """Return random boards; board number n of a seed is the same however many are asked for."""
    return [random_board(random.Random(f"{seed}/{number}"), seed, number) for number in range(count)]  # noqa: S311


def random_board(rng: random.Random, seed: int, number: int) -> Scenario:
    """Return one random board."""
    raw = rng.random() < 0.4
    ram = _ram(rng, raw=raw)
    regions = _regions(rng, ram)
    cmdline = ""
    if rng.random() < 0.3:
        low = _place(rng, ram, [])
        cmdline = rng.choice(_CMDLINES).format(low, low + rng.choice((8, 16, 24, 200)) * MIB)
    return Scenario(
        id=f"random-{seed}-{number:04}",
        title=f"random board {number} of seed {seed}",
        ram=ram.size,
        regions=regions,
        cmdline=cmdline,
        memreserve=_memreserve(rng, ram, regions),
        initrd=rng.random() < 0.3,
        raw=raw,
        memory=ram.banks,
        has_ranges=rng.random() > 0.03,
        cells=rng.choice(((2, 2),) * 30 + ((1, 1), (2, 1))),
        tags=("random",),
    )


def _ram(rng: random.Random, *, raw: bool) -> _Ram:
    size = rng.choice((512 * MIB, GIB, GIB, GIB, 2 * GIB, 3 * GIB, 6 * GIB))
    if not raw or rng.random() < 0.3:
        return _Ram(size, ())
    # The first bank holds kernel, tree and initrd.
    at = rng.choice((192, 256, 320, 400)) * MIB
    banks = [(0, at)]
    while at < size and len(banks) < 5:
        at += rng.choice((0, 0, 1, 2, 16, 64)) * MIB + rng.choice((0, 0, 0, 4 * KIB, 64 * KIB))
        length = min(rng.choice((3, 32, 64, 128, 200, 512)) * MIB + rng.choice((0, 0, 4 * KIB)), size - at)
        if length > 0:
            banks.append((at, length))
            at += length
    if rng.random() < 0.5:
        return _Ram(size, (tuple(banks),))
    return _Ram(size, tuple((bank,) for bank in banks))


def _regions(rng: random.Random, ram: _Ram) -> tuple[Region, ...]:
    count = rng.choice((1, 2, 3, 4, 5, 6, 8, 12, 20))
    regions: list[Region] = []
    for number in range(count):
        draw = _static if rng.random() < 0.45 else _dynamic
        regions.append(draw(rng, ram, regions, f"r{number}"))
    if rng.random() < 0.05:
        # More than the table of a kernel has room for.
        regions += [Region(name=f"many{n}", size=rng.choice((4, 8)) * 64 * KIB) for n in range(70)]
    return tuple(regions)


def _size(rng: random.Random) -> int:
    grain = rng.choice(_GRAINS)
    size = grain * rng.choice((1, 1, 2, 3, 4, 5, 7, 8))
    return size + rng.choice((0, 0, 0, 0, 4 * KIB, -4 * KIB if size > 4 * KIB else 0, 0x123))


def _place(rng: random.Random, ram: _Ram, regions: list[Region]) -> int:
    """Draw a base: beside, inside or on another region; near an edge of RAM; anywhere."""
    fixed = [pair for region in regions for pair in region.at]
    how = rng.random()
    if fixed and how < 0.35:
        at, size = rng.choice(fixed)
        base = rng.choice((at, at + size, at + size // 2, at + size + MIB, at + size + 4 * KIB, at - MIB))
    elif how < 0.5:
        edges = [edge for node in ram.banks for at, size in node for edge in (at, at + size)] or [ram.size]
        base = rng.choice(edges) + rng.choice((-16, -8, -4, -2, -1, 0, 1, 2)) * MIB
    elif how < 0.57:
        base = rng.choice((0, 2 * MIB, 3 * MIB, 40 * MIB, 128 * MIB, 144 * MIB))  # kernel, tree, initrd
    else:
        base = rng.randrange(0, ram.end, rng.choice(_GRAINS))
    return max(base, 0) + rng.choice((0,) * 9 + (4 * KIB, 0x800))


def _flags(rng: random.Random) -> tuple[tuple[str, ...], str | None]:
    how = rng.random()
    if how < 0.3:
        return ("reusable", *(("linux,cma-default",) if rng.random() < 0.3 else ())), POOL
    if how < 0.45:
        return ("no-map", *(("linux,dma-default",) if rng.random() < 0.2 else ())), POOL
    if how < 0.5:
        return rng.choice(((), ("reusable", "no-map"))), POOL
    flags = rng.choice(((), (), ("no-map",), ("reusable",)))
    return flags, rng.choice(_COMPATIBLES) if rng.random() < 0.3 else None


def _static(rng: random.Random, ram: _Ram, regions: list[Region], name: str) -> Region:
    flags, compatible = _flags(rng)
    entries = 2 if rng.random() < 0.08 else 1
    pairs = tuple((_place(rng, ram, regions), _size(rng)) for _ in range(entries))
    status = rng.choice((None,) * 20 + ("okay", "disabled"))
    return Region(name=name, at=pairs, flags=flags, compatible=compatible, status=status)


def _dynamic(rng: random.Random, ram: _Ram, regions: list[Region], name: str) -> Region:
    flags, compatible = _flags(rng)
    size = _size(rng)
    align = rng.choice((None, None, None, *_GRAINS, 32 * MIB, 0)) if rng.random() < 0.5 else None
    ranges = []
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        at = _place(rng, ram, regions)
        ranges.append(
            (at, rng.choice((size, size + MIB, 2 * size, 64 * MIB, 256 * MIB, size - 4 * KIB or 1)))
        )
    return Region(name=name, size=size, align=align, ranges=tuple(ranges), flags=flags, compatible=compatible)


def _memreserve(rng: random.Random, ram: _Ram, regions: tuple[Region, ...]) -> tuple[tuple[int, int], ...]:
    if rng.random() < 0.7:
        return ()
    fixed = [pair for region in regions for pair in region.at]
    drawn = [(_place(rng, ram, list(regions)), _size(rng)) for _ in range(rng.choice((1, 2, 3)))]
    return tuple([*drawn, rng.choice(fixed)] if fixed and rng.random() < 0.4 else drawn)
