# SPDX-License-Identifier: Apache-2.0
"""What a tree says about memory, as facts: nothing is repaired and nothing is judged.

Values of properties stay raw bytes, since kernels disagree on how to read a malformed one;
the boot decodes them as the simulated kernel does, the checks decode them as the binding says.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from carveout.board.numa import read_numa
from carveout.board.shape import read_shape
from carveout.values import NamedTuple, dataclass

if TYPE_CHECKING:
    from carveout.board.numa import NumaFacts
    from carveout.board.shape import TreeShape
    from carveout.fdt import Node, Property, ReserveEntry, Tree


class Cells(NamedTuple):
    """The first cell of #address-cells and #size-cells; None where the property is absent."""

    address: int | None
    size: int | None


class MemoryNode(NamedTuple):
    """A node whose device_type is exactly `memory`, at any depth."""

    path: str
    node: Node
    depth: int
    """1 for a child of the root."""
    reg: Property | None
    usable: Property | None
    """linux,usable-memory."""
    status: Property | None
    hotpluggable: bool
    numa_node_id: int | None


class RegionNode(NamedTuple):
    """A node below /reserved-memory. depth 1: a child; deeper ones are regions to kernel 5.10 only."""

    path: str
    name: str
    node: Node
    depth: int
    reg: Property | None
    size: Property | None
    alignment: Property | None
    alloc_ranges: Property | None
    status: Property | None
    compatible: Property | None
    iommu_addresses: Property | None
    no_map: bool
    reusable: bool
    cma_default: bool
    """linux,cma-default."""
    dma_default: bool
    """linux,dma-default."""
    no_map_fixup: bool
    """The downstream property no-map-fixup, which mainline ignores."""
    phandle: int | None


class ReservedMemoryNode(NamedTuple):
    """A root child named reserved-memory, with or without a unit address."""

    path: str
    node: Node
    cells: Cells
    ranges: Property | None
    regions: tuple[RegionNode, ...]
    """All nodes below it, in tree order."""


class Chosen(NamedTuple):
    """A root child named chosen, with or without a unit address."""

    path: str
    node: Node
    bootargs: Property | None
    initrd_start: Property | None
    initrd_end: Property | None
    elfcorehdr: Property | None
    usable_memory_range: Property | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """One entry of a device's memory-region. region: path the phandle leads to, or None."""

    path: str
    node: Node
    index: int
    phandle: int
    name: str | None
    """The entry of memory-region-names with the same index."""
    region: str | None
    compatible: tuple[str, ...]
    enabled: bool
    """False when the device or a node above it is disabled."""
    names: tuple[str, ...] = ()
    """All of memory-region-names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The node that a phandle in a memory-region leads to."""

    node: Node
    enabled: bool
    """Its own status."""
    address: int | None
    """The first address of its reg as of_address_to_resource() finds it."""
    compatible: tuple[bytes, ...]
    """In lower case."""


class DmaRanges(NamedTuple):
    """A non-empty dma-ranges: where the devices below a bus can reach, in addresses of the CPU."""

    path: str
    enabled: bool
    """False when the bus or a node above it is disabled; the kernel then does not look at it."""
    entries: tuple[tuple[int, int], ...]
    """(CPU address, size) of each entry, translated through the buses above."""
    unread: bool = False
    """Something in it makes no entry, or an entry that the buses above cannot translate."""
    device: tuple[int, ...] = ()
    """The address that a device on the bus uses for the start of each entry."""


class LegacyRegion(NamedTuple):
    """A node in a dialect that never became the binding (drafts of 2013). Linux ignores it."""

    path: str
    names: tuple[str, ...]
    """The words of the dialect found on it."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """What a tree says about memory."""

    tree: Tree
    arch: str | None
    """`arm64`, `arm`, `riscv64`, `powerpc64`; None when the cpu nodes do not tell."""
    model: str | None
    compatible: tuple[str, ...]
    root_cells: Cells
    memory: tuple[MemoryNode, ...]
    reserve_map: tuple[ReserveEntry, ...]
    chosen: tuple[Chosen, ...]
    reserved_memory: tuple[ReservedMemoryNode, ...]
    reserved_ranges: Property | None
    """The root property of powerpc."""
    consumers: tuple[Consumer, ...]
    dma_ranges: tuple[DmaRanges, ...]
    legacy: tuple[LegacyRegion, ...]
    is_made_here: bool = False
    """The tree was compiled from source or changed by an overlay here: the blob a kernel gets may differ."""

    @cached_property
    def shape(self) -> TreeShape:
        """The counts that decide how much memory unflattening takes on a 64-bit kernel."""
        return self.shape_for(8)

    def shape_for(self, align: int) -> TreeShape:
        """Return these counts for structures of this alignment (4 on a 32-bit kernel); made when first asked for."""
        if align not in self._shapes:
            self._shapes[align] = read_shape(self.tree, align)
        return self._shapes[align]

    @cached_property
    def _shapes(self) -> dict[int, TreeShape]:
        return {}

    @cached_property
    def targets(self) -> dict[int, Target]:
        """Where the phandles of all memory-regions lead, less those that lead nowhere; made when first asked for."""
        from carveout.board.devices import read_targets

        return read_targets(self.tree, {consumer.phandle for consumer in self.consumers})

    @cached_property
    def device_names(self) -> dict[str, str]:
        """What the kernel calls each device that has a memory-region, by path; made when first asked for."""
        from carveout.board.devices import device_name

        return {
            consumer.path: device_name(consumer.node) for consumer in self.consumers if consumer.index == 0
        }

    @cached_property
    def numa(self) -> NumaFacts:
        """NUMA nodes of the processors, and the distance map; made when first asked for."""
        return read_numa(self.tree)
