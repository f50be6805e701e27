# SPDX-License-Identifier: Apache-2.0
"""A scenario: what is put on the machine before a boot, for any architecture.

Addresses count from the start of RAM, so that one scenario fits every machine; in `cmdline` an address is written
`@+0x20000000` for the same reason. Sizes and addresses in bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from carveout.span import GIB

if TYPE_CHECKING:
    from collections.abc import Mapping

_RELATIVE = re.compile(r"\+(0x[0-9a-f]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One child of /reserved-memory."""

    name: str
    """Without unit address, which comes from `at`."""
    at: tuple[tuple[int, int], ...] = ()
    """`reg`: (address, size) pairs; empty for a region the kernel places."""
    size: int | None = None
    align: int | None = None
    ranges: tuple[tuple[int, int], ...] = ()
    """`alloc-ranges`: (address, size) pairs."""
    flags: tuple[str, ...] = ()
    """Properties without a value: no-map, reusable, linux,cma-default, …"""
    compatible: str | None = None
    status: str | None = None


class Cell(NamedTuple):
    """One number of a property."""

    value: int
    cells: int = 2
    from_ram: bool = False
    """The number counts from the start of RAM."""


class Edit(NamedTuple):
    """One property that is set as it is, right or wrong, after everything else is in the tree."""

    path: str
    """Each part a node's name, with or without its unit address; nodes that are not there are made."""
    name: str
    """Empty: only the node is made."""
    value: bytes | tuple[Cell, ...] | None
    """None: the property is taken out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One machine and tree to boot kernels on."""

    id: str
    title: str
    ram: int = GIB
    regions: tuple[Region, ...] = ()
    cmdline: str = ""
    memreserve: tuple[tuple[int, int], ...] = ()
    """Entries of the memory reservation block."""
    initrd: bool = False
    probe: bool = False
    """The initrd is one that shows /proc/iomem (arm64); the boot goes on until it has."""
    raw: bool = False
    """The tree reaches the kernel byte for byte; else QEMU's own loader edits it. Ignored where there is no raw loader."""
    memory: tuple[tuple[tuple[int, int], ...], ...] = ()
    """raw only: memory nodes, each with its banks as (address, size); empty: the one of the base tree."""
    nodes: tuple[int, ...] = ()
    """raw only: `numa-node-id` of each memory node; empty: none is said."""
    cells: tuple[int, int] = (2, 2)
    """#address-cells and #size-cells of /reserved-memory."""
    has_ranges: bool = True
    """Whether /reserved-memory has `ranges`."""
    places: Mapping[str, int] = field(default_factory=dict)
    """raw only: `kernel`, `fdt`, `initrd`, from the start of RAM, instead of the machine's usual ones."""
    edits: tuple[Edit, ...] = ()
    """What the other fields cannot say: properties of a wrong length, of /chosen, of devices."""
    tree: bytes | None = None
    """raw only: the whole blob, in place of one made of the fields above."""
    architectures: tuple[str, ...] = ("arm64", "arm", "riscv64")
    tags: tuple[str, ...] = ()

    def needs_raw(self, *, keeps_memory: bool = False) -> bool:
        """Say whether only the raw loader can do it. keeps_memory: QEMU's own leaves memory nodes as they are."""
        return bool(((self.memory or self.nodes) and not keeps_memory) or self.places or self.tree)

    def applies(self, arch: str, *, has_raw: bool, keeps_memory: bool = False) -> bool:
        """Say whether it makes sense on this architecture."""
        return arch in self.architectures and (has_raw or not self.needs_raw(keeps_memory=keeps_memory))

    def arguments(self, ram_base: int) -> str:
        """Return its part of the command line, with addresses as they are on this machine."""
        return _RELATIVE.sub(lambda match: hex(ram_base + int(match[1], 16)), self.cmdline)


def static(name: str, base: int, size: int, *flags: str, compatible: str | None = None) -> Region:
    """Return a region with `reg`."""
    return Region(name=name, at=((base, size),), flags=flags, compatible=compatible)


def dynamic(
    name: str,
    size: int,
    *flags: str,
    align: int | None = None,
    ranges: tuple[tuple[int, int], ...] = (),
    compatible: str | None = None,
) -> Region:
    """Return a region that the kernel places."""
    return Region(name=name, size=size, flags=flags, align=align, ranges=ranges, compatible=compatible)


POOL = "shared-dma-pool"


def pool(name: str, size: int, *flags: str, **more: int | None) -> Region:
    """Return a pool that the kernel places, reusable unless it is no-map."""
    kind = flags if "no-map" in flags else ("reusable", *flags)
    return dynamic(name, size, *kind, align=more.get("align"), compatible=POOL)
