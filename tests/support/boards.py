# SPDX-License-Identifier: Apache-2.0
"""Small trees and the scenes to boot them in, written so that a test reads like the tree it is about.

Everything has two cells for addresses and two for sizes unless a test says otherwise. The usual board is the one
of kernel-semantics 11: arm64, 1 GiB of RAM at 0x40000000.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from carveout.board import read_board
from carveout.boot.run import boot
from carveout.boot.scene import Scene
from carveout.fdt import parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.writer import build
from carveout.span import GIB, MIB, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from carveout.board import Board
    from carveout.boot.result import Boot, PlacedRegion

RAM = Span.sized(0x4000_0000, GIB)
DTB_AT = 0x4800_0000
KERNEL_AT = 0x4020_0000

# What each booted kernel reserves of an image loaded at KERNEL_AT: image_size of kernel-semantics 1.0; 6.1 leaves
# out the 64 KiB from _text to _stext (1.2 g).
IMAGES = {
    ("5.10", 4096): Span(KERNEL_AT, KERNEL_AT + 0x1AD_0000),
    ("6.1", 4096): Span(KERNEL_AT + 0x1_0000, KERNEL_AT + 0x201_0000),
    ("6.12", 4096): Span(KERNEL_AT, KERNEL_AT + 0x24F_0000),
    ("6.12", 16384): Span(KERNEL_AT, KERNEL_AT + 0x25A_0000),
    ("7.2", 4096): Span(KERNEL_AT, KERNEL_AT + 0x2F0_0000),
}
KERNELS = ("5.10", "6.1", "6.12", "7.2")


def cells(*values: int) -> bytes:
    """Return 32-bit cells."""
    return struct.pack(f">{len(values)}I", *values)


def wide(*values: int) -> bytes:
    """Return numbers of two cells each."""
    return struct.pack(f">{len(values)}Q", *values)


def text(*strings: str) -> bytes:
    """Return a list of strings, each with its NUL."""
    return b"".join(string.encode() + b"\0" for string in strings)


def node(name: str, properties: Mapping[str, bytes] | None = None, *children: DraftNode) -> DraftNode:
    """Return a node with raw properties."""
    return DraftNode(name, properties, children)


def memory(
    *banks: tuple[int, int], name: str = "memory@40000000", extra: Mapping[str, bytes] | None = None
) -> DraftNode:
    """Return a memory node with these (base, size) entries; `extra` adds and replaces properties."""
    return node(
        name, {"device_type": text("memory"), "reg": b"".join(wide(*bank) for bank in banks), **(extra or {})}
    )


def region(
    name: str,
    *flags: str,
    reg: Iterable[tuple[int, int]] = (),
    size: int | None = None,
    alignment: int | None = None,
    alloc_ranges: Iterable[tuple[int, int]] = (),
    compatible: str | None = None,
    status: str | None = None,
    phandle: int | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> DraftNode:
    """Return a child of /reserved-memory. flags: names of empty properties, such as `no-map`."""
    properties: dict[str, bytes] = {}
    if compatible is not None:
        properties["compatible"] = text(compatible)
    if entries := b"".join(wide(*entry) for entry in reg):
        properties["reg"] = entries
    if size is not None:
        properties["size"] = wide(size)
    if alignment is not None:
        properties["alignment"] = wide(alignment)
    if windows := b"".join(wide(*entry) for entry in alloc_ranges):
        properties["alloc-ranges"] = windows
    if status is not None:
        properties["status"] = text(status)
    if phandle is not None:
        properties["phandle"] = cells(phandle)
    properties.update(dict.fromkeys(flags, b""))
    return node(name, {**properties, **(extra or {})})


def reserved_memory(
    *regions: DraftNode,
    name: str = "reserved-memory",
    address_cells: int | None = 2,
    size_cells: int | None = 2,
    ranges: bytes | None = b"",
    extra: Mapping[str, bytes] | None = None,
) -> DraftNode:
    """Return /reserved-memory; None leaves a property out."""
    properties: dict[str, bytes] = {}
    if address_cells is not None:
        properties["#address-cells"] = cells(address_cells)
    if size_cells is not None:
        properties["#size-cells"] = cells(size_cells)
    if ranges is not None:
        properties["ranges"] = ranges
    return node(name, {**properties, **(extra or {})}, *regions)


def cpus(compatible: str = "arm,cortex-a53") -> DraftNode:
    """Return /cpus with one processor."""
    return node(
        "cpus",
        {"#address-cells": cells(1), "#size-cells": cells(0)},
        node("cpu@0", {"device_type": text("cpu"), "compatible": text(compatible), "reg": cells(0)}),
    )


def blob_of(
    *nodes: DraftNode,
    reserve: Iterable[tuple[int, int]] = (),
    root: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return a blob with these children of the root. root: its properties, by default two cells each."""
    if root is None:
        root = {"#address-cells": cells(2), "#size-cells": cells(2)}
    return build(DraftNode("", root, nodes), reserve_map=reserve)


def board_of(
    *nodes: DraftNode, reserve: Iterable[tuple[int, int]] = (), root: Mapping[str, bytes] | None = None
) -> Board:
    """Return the board of a tree with exactly these children of the root."""
    return read_board(parse(blob_of(*nodes, reserve=reserve, root=root)))


def usual_board(
    *regions: DraftNode,
    others: Iterable[DraftNode] = (),
    reserve: Iterable[tuple[int, int]] = (),
    ram: Iterable[Span] = (RAM,),
) -> Board:
    """Return an arm64 board with 1 GiB of RAM, these regions, and other nodes behind them."""
    banks = [(bank.start, bank.size) for bank in ram]
    return board_of(
        cpus(), memory(*banks), *([reserved_memory(*regions)] if regions else ()), *others, reserve=reserve
    )


def usual_scene(kernel: str = "6.12", **changes: Any) -> Scene:
    """Return a scene that says all there is to say. changes: fields of Scene."""
    values: dict[str, Any] = {
        "kernel": kernel,
        "kernel_image": IMAGES[kernel, changes.get("page_size") or 4096],
        "dtb_at": DTB_AT,
        "arch": "arm64",
    }
    return Scene(**{**values, **changes})


def boot_regions(
    kernel: str,
    *regions: DraftNode,
    others: Iterable[DraftNode] = (),
    reserve: Iterable[tuple[int, int]] = (),
    ram: Iterable[Span] = (RAM,),
    **scene: Any,
) -> Boot:
    """Boot the usual board with these regions."""
    board = usual_board(*regions, others=others, reserve=reserve, ram=ram)
    return boot(board, usual_scene(kernel, **scene))


def named(result: Boot, name: str) -> PlacedRegion:
    """Return the region with this node name."""
    (found,) = [region for region in result.regions if region.name == name]
    return found


def bases(result: Boot) -> dict[str, int | None]:
    """Return where each region is, by node name."""
    return {region.name: region.base for region in result.regions}


def is_reserved(result: Boot, base: int, size: int) -> bool:
    """Say whether every byte of [base, base + size) is in memblock's reserved list."""
    at = base
    for entry in result.reserved:
        if entry.base <= at < entry.base + entry.size:
            at = entry.base + entry.size
    return at >= base + size


def is_free(result: Boot, base: int, size: int) -> bool:
    """Say whether no byte of [base, base + size) is in memblock's reserved list."""
    return all(entry.base + entry.size <= base or entry.base >= base + size for entry in result.reserved)


def is_nomap(result: Boot, base: int, size: int) -> bool:
    """Say whether every byte of [base, base + size) is NOMAP memory."""
    at = base
    for entry in result.memory:
        if entry.nomap and entry.base <= at < entry.base + entry.size:
            at = entry.base + entry.size
    return at >= base + size


def mib(count: int) -> int:
    """Return so many MiB in bytes."""
    return count * MIB
