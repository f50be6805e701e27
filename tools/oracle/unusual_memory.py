# SPDX-License-Identifier: Apache-2.0
"""Twists of RAM: banks, holes, nodes of memory, where kernel, tree and initrd lie, what /chosen says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from carveout.span import KIB, MIB

from .scenario import Cell, Edit, Scenario

if TYPE_CHECKING:
    import random

_LOW = 192 * MIB
"""The least first bank: kernel, tree and initrd lie in it."""


def ranges(*pairs: tuple[int, int]) -> tuple[Cell, ...]:
    """Return (base from the start of RAM, size) pairs as numbers of two cells."""
    return tuple(cell for at, size in pairs for cell in (Cell(at, from_ram=True), Cell(size)))


def _small_holes(rng: random.Random, board: Scenario) -> Scenario:
    at = rng.choice((_LOW, 256 * MIB, 300 * MIB + 4 * KIB))
    banks = [(0, at)]
    for _ in range(rng.choice((1, 2, 3, 6, 12))):
        at += rng.choice((0x800, 4 * KIB, 8 * KIB, 16 * KIB, 64 * KIB, MIB, 2 * MIB, 3 * MIB))
        size = rng.choice((4 * KIB, 12 * KIB, 64 * KIB, MIB, 2 * MIB, 31 * MIB, 64 * MIB + 4 * KIB, 0x123456))
        if at + size > board.ram:
            break
        banks.append((at, size))
        at += size
    if rng.random() < 0.5 and at < board.ram:
        banks.append((at + 16 * KIB, board.ram - at - 16 * KIB))
    return replace(board, memory=_nodes(rng, banks), nodes=(), raw=True)


def _odd_banks(rng: random.Random, board: Scenario) -> Scenario:
    # Overlapping, out of order, of no size, twice the same.
    half = board.ram // 2
    banks = rng.choice(
        (
            [(0, half), (half - 16 * MIB, half)],
            [(half, half), (0, half)],
            [(0, half), (half, 0), (half + MIB, half - MIB)],
            [(0, board.ram), (0, board.ram)],
            [(0, board.ram), (_LOW, 64 * MIB)],
            [(0x1000, board.ram - 0x1000)],
            [(0, half - 0x800), (half, half - 0x1234)],
        )
    )
    return replace(board, memory=_nodes(rng, banks), nodes=(), raw=True)


def _nodes(rng: random.Random, banks: list[tuple[int, int]]) -> tuple[tuple[tuple[int, int], ...], ...]:
    if rng.random() < 0.5:
        return (tuple(banks),)
    return tuple((bank,) for bank in banks)


def _memory_properties(rng: random.Random, board: Scenario) -> Scenario:
    half = board.ram // 2
    board = replace(board, nodes=(), raw=True)
    # The second node's name has its address in it, which differs between machines: give both to a new one.
    node = "/memory-2"
    which = rng.choice(
        ("disabled", "okay", "hotpluggable", "no-type", "usable", "short", "long", "reg-empty")
    )
    edits = [Edit(node, "device_type", b"memory\0"), Edit(node, "reg", ranges((half, half)))]
    board = replace(board, memory=(((0, half),),))
    match which:
        case "disabled" | "okay":
            edits.append(Edit(node, "status", f"{which}\0".encode()))
        case "hotpluggable":
            edits.append(Edit(node, "hotpluggable", b""))
        case "no-type":
            edits[0] = Edit(node, "device_type", None)
        case "usable":
            edits.append(Edit(node, "linux,usable-memory", ranges((half + 16 * MIB, 64 * MIB))))
        case "short":
            edits[1] = Edit(node, "reg", (*ranges((half, half)), Cell(half, from_ram=True)))
        case "long":
            edits[1] = Edit(node, "reg", (*ranges((half, half // 2)), Cell(7, 1)))
        case _:
            edits[1] = Edit(node, "reg", b"")
    return replace(board, edits=(*board.edits, *edits))


def _numa(rng: random.Random, board: Scenario) -> Scenario:
    count = rng.choice((2, 2, 3, 4))
    first = max(_LOW, board.ram // count)
    rest = (board.ram - first) // max(count - 1, 1)
    cut = rng.choice((0, 4 * KIB, MIB, 16 * MIB))
    banks = [(0, first)] + [(first + n * rest, rest - cut) for n in range(count - 1)]
    ids = list(range(count))
    if rng.random() < 0.3:
        ids.reverse()
    if rng.random() < 0.15:
        ids[-1] = ids[0]
    edits = list(board.edits)
    if rng.random() < 0.6:
        edits.append(Edit("/distance-map", "compatible", b"numa-distance-map-v1\0"))
        rows = [(a, b, 10 if a == b else 20) for a in range(count) for b in range(count)]
        edits.append(Edit("/distance-map", "distance-matrix", tuple(Cell(v, 1) for row in rows for v in row)))
    edits.append(Edit("/cpus/cpu", "numa-node-id", (Cell(rng.choice(ids), 1),)))
    board = replace(board, memory=tuple((bank,) for bank in banks), nodes=tuple(ids), raw=True)
    return replace(board, edits=tuple(edits), architectures=("arm64",))


def _chosen(rng: random.Random, board: Scenario) -> Scenario:
    ram = board.ram
    usable = rng.choice(
        (
            ranges((0, ram // 2)),
            ranges((0, ram - 0x1800)),
            ranges((0, ram // 2), (ram // 2 + 16 * MIB, 32 * MIB)),
            ranges((0, _LOW), (ram, 16 * MIB)),
            ranges((0, 2 * ram)),
            ranges((0, 0)),
            (*ranges((0, ram // 2)), Cell(0, 1)),
        )
    )
    at = rng.choice((_LOW - 8 * MIB, ram // 2, ram - 0x10000, ram + MIB, 3 * MIB))
    size = rng.choice((0, 0x1000, 0x10000, 0x12345, 2 * MIB))
    header = rng.choice((ranges((at, size)), ranges((at, size)), (Cell(at, from_ram=True),), b"", b"\0" * 12))
    which = rng.choice((0, 1, 2))
    edits = list(board.edits)
    if which != 1:
        edits.append(Edit("/chosen", "linux,usable-memory-range", usable))
    if which != 0:
        edits.append(Edit("/chosen", "linux,elfcorehdr", header))
    return replace(board, edits=tuple(edits))


def _places(rng: random.Random, board: Scenario) -> Scenario:
    """Kernel, tree and initrd somewhere else: high, beside each other, not on page borders, in regions."""
    places = {}
    ram = board.ram
    if rng.random() < 0.3:
        places["kernel"] = rng.choice((2 * MIB, 64 * MIB, ram // 2)) // (2 * MIB) * (2 * MIB)
    if rng.random() < 0.7:
        places["fdt"] = rng.choice(
            (128 * MIB + 8, 96 * MIB + 0x1238, ram // 2 + 256 * MIB - 0x40000, ram - 0x40000)
        )
    if rng.random() < 0.6:
        edge = rng.choice(
            (144 * MIB + 0x800, 144 * MIB + 1, ram - 2 * MIB, ram - 0xE1000 - 124, 160 * MIB - 0x1000)
        )
        places["initrd"] = edge
    board = replace(board, raw=True, initrd=board.initrd or "initrd" in places, places=places)
    # High places may not lie in RAM that the tree gives: only the plain layout.
    if any(place > _LOW for place in places.values()):
        return replace(board, memory=(), nodes=())
    return board


def _initrd(rng: random.Random, board: Scenario) -> Scenario:
    start, end = rng.choice(
        (
            (144 * MIB, 160 * MIB),
            (144 * MIB, 144 * MIB),
            (160 * MIB, 144 * MIB),
            (board.ram - MIB, board.ram + MIB),
            (board.ram + MIB, board.ram + 2 * MIB),
            (144 * MIB + 5, 145 * MIB + 0x801),
            (2 * MIB, 4 * MIB),
        )
    )
    cells = rng.choice((1, 2, 2))
    edits = (
        Edit("/chosen", "linux,initrd-start", (Cell(start, cells, from_ram=True),)),
        Edit("/chosen", "linux,initrd-end", (Cell(end, cells, from_ram=True),)),
    )
    return replace(
        board, raw=True, initrd=False, edits=(*board.edits, *edits), architectures=("arm64", "arm")
    )


def _dma_ranges(rng: random.Random, board: Scenario) -> Scenario:
    """A bus that reaches only part of memory: it sets the zones, and with them the default area's limit."""
    size = rng.choice((256 * MIB, 512 * MIB, 1 << 30, 1 << 31, 3 << 30, 1 << 32, (1 << 30) + MIB))
    cpu = rng.choice((Cell(0), Cell(0, from_ram=True), Cell(128 * MIB, from_ram=True)))
    value = rng.choice(((Cell(0), cpu, Cell(size)), (Cell(0), cpu, Cell(size)), ()))
    edits = (
        Edit("/soc-bus", "#address-cells", (Cell(2, 1),)),
        Edit("/soc-bus", "#size-cells", (Cell(2, 1),)),
        Edit("/soc-bus", "compatible", b"simple-bus\0"),
        Edit("/soc-bus", "ranges", b""),
        Edit("/soc-bus", "dma-ranges", value or b""),
    )
    return replace(board, edits=(*board.edits, *edits))


def _memreserve(rng: random.Random, board: Scenario) -> Scenario:
    fixed = [pair for region in board.regions for pair in region.at] or [(0x1000_0000, MIB)]
    at, size = rng.choice(fixed)
    odd = (
        (at, size),
        (at + size // 2 & ~0xFFF, size),
        (at - 0x1000 if at else at, 0x2000),
        (board.ram - 0x1000, 0x2000),
        (board.ram + MIB, MIB),
        (128 * MIB, 0x8000),
        (2 * MIB, MIB),
        (144 * MIB, 0x1000),
        (0x0C00_0123, 0x777),
        (0x0C00_0123, 1),
        (0x0D00_0000, 0),
    )
    return replace(board, memreserve=(*board.memreserve, *rng.sample(odd, rng.choice((1, 2, 4, 8)))))


TWISTS = {
    "small-holes": _small_holes,
    "odd-banks": _odd_banks,
    "memory-properties": _memory_properties,
    "numa": _numa,
    "chosen": _chosen,
    "places": _places,
    "initrd": _initrd,
    "dma-ranges": _dma_ranges,
    "memreserve": _memreserve,
}
