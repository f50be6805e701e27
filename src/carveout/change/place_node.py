# SPDX-License-Identifier: Apache-2.0
"""What is added to a tree for a region at a place: its node, and the entry of the device that uses it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.board.decode import checked_strings
from carveout.change.proposal import NewNode, highest_phandle, setting
from carveout.change.request import Kind
from carveout.errors import UsageError
from carveout.fdt.draft import DraftNode
from carveout.fdt.labels import SYMBOLS_PATH
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.board import Board
    from carveout.change.proposal import Change
    from carveout.change.request import Wanted
    from carveout.fdt import Tree

_NAME = "reserved-memory"
_NO_LABEL = re.compile(r"[^A-Za-z0-9_]")


class Parent(NamedTuple):
    """The node that regions are put in."""

    path: str
    is_there: bool
    address_cells: int
    size_cells: int


def parent_of(board: Board) -> Parent:
    """Return /reserved-memory as it is or has to be made.

    Raises: UsageError when the kernel refuses the one that is there.
    """
    cells = board.root_cells
    address, size = (1 if count is None else count for count in cells)
    if not board.reserved_memory:
        return Parent(f"/{_NAME}", is_there=False, address_cells=address, size_cells=size)
    there = board.reserved_memory[0]
    if there.cells != (address, size) or there.ranges is None:
        raise UsageError(
            f"{there.path} is refused by the kernel: it needs `ranges`, and the #address-cells and #size-cells of "
            f"the root ({address} and {size}); 'carveout check' says more"
        )
    return Parent(there.path, is_there=True, address_cells=address, size_cells=size)


def region_path(parent: Parent, wanted: Wanted, base: int) -> str:
    """Return the path of a region at a place."""
    return f"{parent.path}/{wanted.name}@{base:x}"


def additions(tree: Tree, parent: Parent, spots: Sequence[tuple[Wanted, int]]) -> tuple[Change, ...]:
    """Return the changes that put regions into a tree. spots: what is wanted, and the address it gets."""
    labels = _labels(tree, [wanted.name for wanted, _ in spots])
    phandle = highest_phandle(tree)
    nodes: list[DraftNode] = []
    lists: dict[str, _Entries] = {}
    for wanted, base in spots:
        node = _node(parent, wanted, base)
        device = wanted.request.device
        if device is not None:
            phandle += 1
            node.properties["phandle"] = phandle.to_bytes(4, "big")
            lists.setdefault(device, _Entries(tree, device)).add(phandle, wanted.name)
        nodes.append(node)
    changes: list[Change] = []
    if parent.is_there:
        changes += [
            NewNode(parent.path, node, label=label) for node, label in zip(nodes, labels, strict=True)
        ]
    else:
        changes.append(NewNode("/", _parent_node(parent, nodes)))
    for entries in lists.values():
        changes += entries.changes()
    if tree.node(SYMBOLS_PATH) is not None:
        for node, label in zip(nodes, labels, strict=True):
            path = f"{parent.path}/{node.name}"
            changes.append(setting(SYMBOLS_PATH, label, path.encode("ascii") + b"\0"))
    return tuple(changes)


def _node(parent: Parent, wanted: Wanted, base: int) -> DraftNode:
    kind = wanted.request.kind
    properties: dict[str, bytes] = {}
    if kind.pool:
        properties["compatible"] = b"shared-dma-pool\0"
    properties["reg"] = base.to_bytes(4 * parent.address_cells, "big") + wanted.size.to_bytes(
        4 * parent.size_cells, "big"
    )
    if kind.no_map:
        properties["no-map"] = b""
    if kind is Kind.REUSABLE:
        properties["reusable"] = b""
    return DraftNode(f"{wanted.name}@{base:x}", properties)


def _parent_node(parent: Parent, nodes: Sequence[DraftNode]) -> DraftNode:
    properties = {
        "#address-cells": parent.address_cells.to_bytes(4, "big"),
        "#size-cells": parent.size_cells.to_bytes(4, "big"),
        "ranges": b"",
    }
    return DraftNode(_NAME, properties, nodes)


class _Entries:
    # memory-region of one device, and the names of its entries, as they grow.
    def __init__(self, tree: Tree, device: str) -> None:
        node = tree.node(device)
        if node is None:
            raise UsageError(f"there is no node {device} in the tree")
        self._device = device
        regions, names = node.prop("memory-region"), node.prop("memory-region-names")
        self._value = regions.value if regions is not None else b""
        if len(self._value) % 4:
            raise UsageError(f"memory-region of {device} is malformed: no list of phandles to add to")
        self._names = names.value if names is not None else None
        if names is not None and len(checked_strings(names)) != len(self._value) // 4:
            raise UsageError(
                f"memory-region-names of {device} does not have one name for each entry of memory-region: "
                "repair that first"
            )

    def add(self, phandle: int, name: str) -> None:
        self._value += phandle.to_bytes(4, "big")
        if self._names is not None:
            self._names += name.encode("ascii") + b"\0"

    def changes(self) -> list[Change]:
        found: list[Change] = [setting(self._device, "memory-region", self._value)]
        if self._names is not None:
            found.append(setting(self._device, "memory-region-names", self._names))
        return found


def _labels(tree: Tree, names: Sequence[str]) -> list[str]:
    symbols = tree.node(SYMBOLS_PATH)
    taken = {prop.name for prop in symbols.properties} if symbols is not None else set()
    labels = []
    for name in names:
        base = label = _NO_LABEL.sub("_", name)
        number = 2
        while label in taken:
            label, number = f"{base}_{number}", number + 1
        taken.add(label)
        labels.append(label)
    return labels
