# SPDX-License-Identifier: Apache-2.0
"""Which boards boot alike: a key over exactly what a boot reads of a tree.

Theory of operation: most of a tree says nothing about memory. A boot reads memory nodes, /reserved-memory, /chosen,
the reserve map, what points at regions, and a few counts; two boards that agree in these give equal boots in a
scene, so that one of them need not be simulated. What is read depends on the scene: the number of nodes counts only
where RAM is known, the size of the blob only where its place is. Values are taken as the simulated kernels take
them, including what they read behind the end of a value that is too short. Where a boot may read anything at all
(powerpc64, and a tree that firmware edits) the key is over the whole content.

tests/property/sweep holds both directions: no change of any property changes a boot and not the key.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from carveout.board.decode import cells_of, entries
from carveout.boot.arm_machine import arm_machine
from carveout.kernel.release import parse_release

if TYPE_CHECKING:
    from carveout.board import Board, Chosen, Consumer, MemoryNode, RegionNode, ReservedMemoryNode
    from carveout.boot import Scene
    from carveout.fdt import Node, Property

_KEY_BYTES = 16

# Of each architecture, the alignment of the kernel's structures: see board/shape.py.
_TREE_ALIGN = {"arm": 4}
_USUAL_TREE_ALIGN = 8

# OpenSBI writes its region into a tree without one: boot/opensbi.py.
_FIRMWARE_NAME = "mmode_resv"
_FIRMWARE_BOARD = "riscv-virtio"

_OF_A_BUS = ("#address-cells", "#size-cells", "ranges", "dma-ranges", "status")
_OF_A_DEVICE = (
    *_OF_A_BUS,
    "reg",
    "phandle",
    "linux,phandle",
    "iommus",
    "memory-region",
    "memory-region-names",
)


class BoardFacts:
    """What boots read of one board, gathered when first asked for."""

    def __init__(self, board: Board) -> None:
        """Look at `board`."""
        self._board = board

    @cached_property
    def content(self) -> bytes:
        """Digest of the whole tree, and of whether it is the blob that will be booted."""
        board = self._board
        return _digest(board.is_made_here, sha256(board.tree.blob).digest())

    def key(self, scene: Scene) -> bytes:
        """Return the key of a boot in this scene: equal keys of two boards mean equal boots.

        The scene itself is not part of it. Raises: UnsupportedProfile for a kernel that is not known.
        """
        arch = scene.arch or _arch_of(scene.kernel) or self._board.arch or scene.image_arch
        if arch not in ("arm64", "arm", "riscv64") or (arch == "riscv64" and self._is_edited(scene)):
            arch = None
        has_ram = bool(scene.memory) or scene.efi_map is not None or self.gives_ram
        # What a scene has more of a boot reads alike: a board has few keys, and very many scenes.
        kind = arch, has_ram, scene.dtb_at is not None
        if kind not in self._keys:
            self._keys[kind] = self._key(*kind)
        return self._keys[kind]

    @cached_property
    def _keys(self) -> dict[tuple[str | None, bool, bool], bytes]:
        return {}

    def _key(self, arch: str | None, has_ram: bool, has_place: bool) -> bytes:
        # arch None: of a boot that may read anything.
        if arch is None:
            return _digest("content", self.content)
        parts: list[object] = [self._common]
        if has_ram:
            parts.append(self._shape(_TREE_ALIGN.get(arch, _USUAL_TREE_ALIGN)))
        if has_place:
            parts.append(len(self._board.tree.blob))
        return _digest(*parts)

    def _is_edited(self, scene: Scene) -> bool:
        board = self._board
        if any(
            region.name.startswith(_FIRMWARE_NAME)
            for parent in board.reserved_memory
            for region in parent.regions
        ):
            return False
        return bool(scene.opensbi) or _FIRMWARE_BOARD in board.compatible

    @cached_property
    def gives_ram(self) -> bool:
        """Whether some kernel may find RAM in the tree."""
        root = self._board.root_cells
        address = 1 if root.address is None else root.address
        size = 1 if root.size is None else root.size
        return any(
            length
            for node in self._board.memory
            for prop in (node.usable, node.reg)
            if prop is not None
            for _, length in entries(prop.value, address, size)
        )

    @cached_property
    def _shapes(self) -> dict[int, bytes]:
        return {}

    def _shape(self, align: int) -> bytes:
        # Only what decides how much memory unflattening takes.
        if align not in self._shapes:
            shape = self._board.shape_for(align)
            self._shapes[align] = _digest(
                shape.nodes,
                shape.properties + shape.unnamed,
                shape.name_bytes - shape.slack,
                shape.alias_stems,
            )
        return self._shapes[align]

    @cached_property
    def _step(self) -> int:
        # Bytes of one (base, size) entry in the root's cells.
        root = self._board.root_cells
        return 4 * ((1 if root.address is None else root.address) + (1 if root.size is None else root.size))

    @cached_property
    def _common(self) -> bytes:
        board = self._board
        machine = arm_machine(board)
        return _digest(
            board.arch,
            board.is_made_here,
            tuple(board.root_cells),
            machine.prefix if machine is not None else None,
            _FIRMWARE_BOARD in board.compatible,
            board.tree.root.prop("dma-ranges") is not None,
            [tuple(entry) for entry in board.reserve_map],
            [self._memory(node) for node in board.memory],
            [self._chosen(chosen) for chosen in board.chosen],
            [self._reserved_memory(parent) for parent in board.reserved_memory],
            [self._consumer(consumer) for consumer in board.consumers],
            self._buses(),
            # Each range once: the kernel takes the smallest reach.
            list(
                dict.fromkeys(
                    (ranges.entries, ranges.path if ranges.unread else None)
                    for ranges in board.dma_ranges
                    if ranges.enabled
                )
            ),
            (board.numa.cpus, board.numa.distances),
            next((prop.value for prop in board.tree.properties_named("mmu-type")), None),
        )

    def _memory(self, node: MemoryNode) -> tuple[object, ...]:
        parent = node.node.parent
        cells = None
        if node.numa_node_id is not None and parent is not None:
            cells = cells_of(parent, "#address-cells", 1), cells_of(parent, "#size-cells", 1)
        return (
            node.path,
            node.depth,
            self._entries(node.reg),
            self._entries(node.usable),
            _text(node.status),
            node.hotpluggable,
            node.numa_node_id,
            cells,
        )

    def _chosen(self, chosen: Chosen) -> tuple[object, ...]:
        node = chosen.node
        seed = node.prop("kaslr-seed")
        return (
            node.name,
            chosen.path,
            _value(chosen.bootargs),
            _value(chosen.initrd_start),
            _value(chosen.initrd_end),
            self._entries(chosen.elfcorehdr),
            self._entries(chosen.usable_memory_range),
            _value(node.prop("linux,uefi-mmap-start")),
            _value(node.prop("linux,uefi-mmap-size")),
            "linux,uefi-system-table" in node,
            seed is not None and any(seed.value),
        )

    def _reserved_memory(self, parent: ReservedMemoryNode) -> tuple[object, ...]:
        return (
            parent.path,
            parent.node.name,
            tuple(parent.cells),
            _properties(parent.node),
            [self._region(region) for region in parent.regions],
        )

    def _region(self, region: RegionNode) -> tuple[object, ...]:
        node = region.node
        return (
            region.path,
            region.name,
            region.depth,
            self._entries(region.reg),
            _value(region.size),
            _value(region.alignment),
            self._entries(region.alloc_ranges),
            _text(region.status),
            _text(region.compatible),
            region.no_map,
            region.reusable,
            region.cma_default,
            region.dma_default,
            region.no_map_fixup,
            region.phandle,
            node.tree.label_of(region.path),
            # Of the devices that the kernel makes of regions, and of iommu-addresses.
            _properties(node),
        )

    def _consumer(self, consumer: Consumer) -> tuple[object, ...]:
        target = self._board.targets.get(consumer.phandle)
        return (
            consumer.path,
            consumer.index,
            consumer.phandle,
            consumer.name,
            consumer.region,
            consumer.enabled,
            consumer.compatible,
            self._board.device_names[consumer.path],
            None if target is None else (target.node.path, target.enabled, target.address, target.compatible),
        )

    def _buses(self) -> list[tuple[object, ...]]:
        # Devices with a memory-region, and the buses above them: who they are, and what they reach at which address.
        found: dict[tuple[str, str], tuple[object, ...]] = {}
        for consumer in self._board.consumers:
            node, parent = consumer.node, consumer.node.parent
            found["device", node.path] = _values(node, _OF_A_DEVICE)
            if not consumer.compatible and parent is not None:
                # The driver of the node above looks at one that is no device itself.
                found["driver", node.path] = _values(parent, ("compatible",))
            while parent is not None and ("bus", parent.path) not in found:
                found["bus", parent.path] = _values(parent, _OF_A_BUS)
                parent = parent.parent
        return list(found.items())

    def _entries(self, prop: Property | None) -> tuple[int, bytes] | None:
        # (base, size) entries. Kernels read on into the blob where a value does not end with an entry.
        if prop is None:
            return None
        length, step = prop.length, self._step
        behind = 0 if length and step and length % step == 0 else 2 * step
        return length, prop.node.tree.blob[prop.value_offset : prop.value_offset + length + behind]


@lru_cache(maxsize=64)
def _arch_of(kernel: str | None) -> str | None:
    return parse_release(kernel).arch if kernel else None


def _properties(node: Node) -> list[tuple[str, bytes]]:
    return [(prop.name, prop.value) for prop in node.properties]


def _values(node: Node, names: tuple[str, ...]) -> tuple[bytes | None, ...]:
    return tuple(_value(node.prop(name)) for name in names)


def _value(prop: Property | None) -> bytes | None:
    return None if prop is None else prop.value


def _text(prop: Property | None) -> tuple[int, bytes] | None:
    # Strings, up to the NUL that ends the last one, wherever in the blob that is.
    if prop is None:
        return None
    blob, start = prop.node.tree.blob, prop.value_offset
    end = blob.find(b"\0", max(start, start + prop.length - 1))
    return prop.length, blob[start : end if end >= 0 else len(blob)]


def _digest(*parts: object) -> bytes:
    # Of numbers, texts, bytes and tuples of these, whose repr() tells any two apart.
    return sha256(repr(parts).encode("utf-8", "surrogateescape")).digest()[:_KEY_BYTES]
