# SPDX-License-Identifier: Apache-2.0
"""A parsed blob: Tree, and the Node and Property views made from its index when asked for.

Nothing is interpreted: a property is bytes, with decoders that say when the length does not fit. Duplicate
names are kept as they stand; look-ups by name give the first one, as Linux's own do.
Text is decoded as UTF-8 with surrogateescape, so that odd bytes survive a round trip.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from typing import TYPE_CHECKING

from carveout.errors import PropertyError
from carveout.fdt.labels import Labels
from carveout.fdt.phandles import Phandles

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from carveout.fdt.layout import Header, ReserveEntry
    from carveout.fdt.structure import Structure

_FEW_OFFSETS = 32  # Beyond, one search for each offset costs more than one loop over all properties.


def decode(raw: bytes) -> str:
    """Return text that `encode` turns back into the same bytes."""
    return raw.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """Return the bytes that `decode` gave this text for."""
    return text.encode("utf-8", "surrogateescape")


class Tree:
    """A flattened device tree, read and checked. Immutable; made by `parse`."""

    __slots__ = (
        "__weakref__", "_labels", "_names", "_node_names", "_numbers", "_offsets", "_packed_names", "_phandles",
        "_places", "_strings_start", "_structure", "_top", "blob", "header", "reserve_map",
    )  # fmt: skip

    def __init__(
        self, blob: bytes, header: Header, reserve_map: tuple[ReserveEntry, ...], structure: Structure
    ) -> None:
        """Take the parts that `parse` has checked. blob: exactly totalsize bytes."""
        self.blob = blob
        self.header = header
        self.reserve_map = reserve_map
        self._structure = structure
        self._strings_start = header.off_dt_strings
        self._names: dict[int, str] = {}
        self._node_names: dict[int, str] = {}
        self._numbers: dict[str, list[int]] = {}
        self._offsets: dict[str, Collection[int]] = {}
        self._places: dict[bytes, list[int]] = {}
        self._packed_names: bytes | None = None
        self._labels: Labels | None = None
        self._phandles: Phandles | None = None
        self._top: dict[str, list[int]] | None = None

    def __repr__(self) -> str:
        """Name the size, for people who debug."""
        return f"<Tree of {self.node_count()} nodes, {len(self.blob)} bytes>"

    @property
    def root(self) -> Node:
        """The root node."""
        return Node(self, 0)

    @property
    def structure(self) -> Structure:
        """The index of the structure block, for the writer and the editor."""
        return self._structure

    @property
    def strings(self) -> bytes:
        """The strings block."""
        return self.blob[self._strings_start : self._strings_start + self.header.size_dt_strings]

    def nodes(self) -> Iterator[Node]:
        """Yield all nodes in block order, the root first."""
        for index in range(len(self._structure.node_at)):
            yield Node(self, index)

    def top(self, base_name: str) -> list[Node]:
        """Return the children of the root with this base name, in block order."""
        return [Node(self, index) for index in self.top_names.get(base_name, ())]

    @property
    def top_names(self) -> Mapping[str, Sequence[int]]:
        """The numbers of the root's children by base name: most questions about a tree begin there."""
        if self._top is None:
            # Numbers, since nodes kept here would keep the tree in turn: only the collector could free it.
            self._top = {}
            for child in self.root.children:
                self._top.setdefault(child.base_name, []).append(child.index)
        return self._top

    def node_count(self) -> int:
        """Return how many nodes there are, the root included."""
        return len(self._structure.node_at)

    def node(self, path: str) -> Node | None:
        """Return the node at this full path with unit addresses, or None. "/" is the root."""
        if not path.startswith("/"):
            return None
        at = 0
        for part in encode(path).split(b"/"):
            if part:
                child = self.child_index(at, part)
                if child is None:
                    return None
                at = child
        return Node(self, at)

    def child_index(self, index: int, name: bytes) -> int | None:
        """Return the number of the first child of node `index` with exactly this name, or None."""
        if index == 0:
            text = decode(name)
            numbers = self.top_names.get(text.partition("@")[0], ())
            return next((number for number in numbers if self.name_of(number) == text), None)
        structure = self._structure
        blob, start, node_at, after = self.blob, structure.start + 4, structure.node_at, structure.after
        wanted = name + b"\0"
        child, end = index + 1, after[index]
        while child < end:
            if blob.startswith(wanted, start + 4 * node_at[child]):
                return child
            child = after[child]
        return None

    def by_phandle(self, phandle: int) -> Node | None:
        """Return the first node with this phandle (property phandle or linux,phandle), or None.

        As in Linux, the first value other than 0 of a node counts, and the first node of a value.
        """
        if self._phandles is None:
            self._phandles = Phandles(self)
        index = self._phandles.owner_of(self, phandle)
        return None if index is None else Node(self, index)

    def properties_named(self, name: str) -> Iterator[Property]:
        """Yield the properties of this name in block order; no other property is looked at."""
        numbers = self._numbers.get(name)
        if numbers is None:
            numbers = self._numbers[name] = self.numbers_named(name)
        for number in numbers:
            yield Property(Node(self, self.owner_of(number)), number)

    def owner_of(self, number: int) -> int:
        """Return the number of the node that property `number` belongs to."""
        return bisect_right(self._structure.first_property, number, 0, len(self._structure.node_at)) - 1

    def numbers_named(self, *names: str) -> list[int]:
        """Return the numbers, ascending, of the properties with one of these names.

        The offset of each name is looked for in the name offsets packed as native words, which is far quicker
        than a loop over them, unless a strings block repeats the name very often.
        """
        offsets = [offset for name in names for offset in self.offsets_of(name)]
        if not offsets:
            return []
        if len(offsets) > _FEW_OFFSETS:
            several = set(offsets)
            return [number for number, offset in enumerate(self._structure.name_offsets) if offset in several]
        packed = self._packed_names
        if packed is None:
            packed = self._packed_names = self._structure.name_offsets.tobytes()
        found: list[int] = []
        for offset in offsets:
            pattern = offset.to_bytes(4, sys.byteorder)
            at = packed.find(pattern)
            while at >= 0:
                if at & 3 == 0:
                    found.append(at >> 2)
                at = packed.find(pattern, at + 1)
        found.sort()
        return found

    def offsets_of(self, name: str) -> Collection[int]:
        """Return every offset of the strings block at which this name stands: strings may share tails."""
        offsets = self._offsets.get(name)
        if offsets is None:
            found: list[int] = []
            blob, wanted = self.blob, encode(name) + b"\0"
            start, end = self._strings_start, self._strings_start + self.header.size_dt_strings
            at = blob.find(wanted, start, end)
            while at >= 0:
                found.append(at - start)
                at = blob.find(wanted, at + 1, end)
            offsets = self._offsets[name] = found if len(found) < 2 else frozenset(found)
        return offsets

    def name_of(self, index: int) -> str:
        """Return the name of node `index` with its unit address; empty for the root."""
        name = self._node_names.get(index)
        if name is None:
            structure = self._structure
            start = structure.start + 4 * structure.node_at[index] + 4
            name = self._node_names[index] = decode(self.blob[start : self.blob.index(b"\0", start)])
        return name

    def struct_cells(self) -> Sequence[int]:
        """Return the structure block as big-endian 32-bit words."""
        return self._structure.words

    def places_of(self, text: bytes) -> list[int]:
        """Return the blob offsets at which this text stands in the structure block, remembered for the next."""
        places = self._places.get(text)
        if places is None:
            places = self._places[text] = []
            at = self.blob.find(text, self._structure.start, self._structure.end)
            while at >= 0:
                places.append(at)
                at = self.blob.find(text, at + 1, self._structure.end)
        return places

    def label_of(self, path: str) -> str | None:
        """Return the first label that /__symbols__ gives to this path, or None."""
        if self._labels is None:
            self._labels = Labels(self)
        return self._labels.of(self, path)

    def string_at(self, offset: int) -> str:
        """Return the string at this offset of the strings block."""
        name = self._names.get(offset)
        if name is None:
            start = self._strings_start + offset
            name = self._names[offset] = decode(self.blob[start : self.blob.index(b"\0", start)])
        return name


class Node:
    """One node of a tree. Cheap to make; two views of one node are equal."""

    __slots__ = ("index", "tree")

    def __init__(self, tree: Tree, index: int) -> None:
        """Make the view of node number `index` in block order."""
        self.tree = tree
        self.index = index

    def __eq__(self, other: object) -> bool:
        """Say whether both are the same node of the same Tree object."""
        if not isinstance(other, Node):
            return NotImplemented
        return self.tree is other.tree and self.index == other.index

    def __hash__(self) -> int:
        """Hash by identity of the tree and number of the node."""
        return hash((id(self.tree), self.index))

    def __repr__(self) -> str:
        """Name the path, for people who debug."""
        return f"<Node {self.path}>"

    @property
    def name(self) -> str:
        """The name with its unit address; empty for the root."""
        return self.tree.name_of(self.index)

    @property
    def base_name(self) -> str:
        """The name up to the first "@"."""
        return self.name.partition("@")[0]

    @property
    def unit_address(self) -> str | None:
        """What follows the first "@" of the name, or None without one."""
        _, at, address = self.name.partition("@")
        return address if at else None

    @property
    def path(self) -> str:
        """The full path; "/" for the root."""
        tree, parents = self.tree, self.tree.structure.parent
        names: list[str] = []
        index = self.index
        while index > 0:
            names.append(tree.name_of(index))
            index = parents[index]
        return "/" + "/".join(reversed(names))

    @property
    def parent(self) -> Node | None:
        """The node that holds this one; None for the root."""
        index = self.tree.structure.parent[self.index]
        return None if index < 0 else Node(self.tree, index)

    @property
    def depth(self) -> int:
        """Levels below the root, which is at 0."""
        parents = self.tree.structure.parent
        depth, index = 0, parents[self.index]
        while index >= 0:
            depth += 1
            index = parents[index]
        return depth

    @property
    def offset(self) -> int:
        """Blob offset of the FDT_BEGIN_NODE."""
        structure = self.tree.structure
        return structure.start + 4 * structure.node_at[self.index]

    @property
    def children(self) -> tuple[Node, ...]:
        """The nodes directly below, in block order."""
        tree, after = self.tree, self.tree.structure.after
        found: list[Node] = []
        child, end = self.index + 1, after[self.index]
        while child < end:
            found.append(Node(tree, child))
            child = after[child]
        return tuple(found)

    @property
    def properties(self) -> tuple[Property, ...]:
        """The node's properties, in block order."""
        first = self.tree.structure.first_property
        return tuple([Property(self, number) for number in range(first[self.index], first[self.index + 1])])

    @property
    def first_properties(self) -> dict[str, Property]:
        """The first property of each name, in block order."""
        tree, structure = self.tree, self.tree.structure
        first = structure.first_property
        start, end = first[self.index], first[self.index + 1]
        found: dict[str, Property] = {}
        for number, offset in enumerate(structure.name_offsets[start:end], start):
            name = tree.string_at(offset)
            if name not in found:
                found[name] = Property(self, number)
        return found

    @property
    def property_count(self) -> int:
        """How many properties the node has."""
        first = self.tree.structure.first_property
        return first[self.index + 1] - first[self.index]

    def prop(self, name: str) -> Property | None:
        """Return the first property of this name, or None."""
        tree = self.tree
        offsets = tree.offsets_of(name)
        if not offsets:
            return None
        structure = tree.structure
        first = structure.first_property
        start, end = first[self.index], first[self.index + 1]
        for number, offset in enumerate(structure.name_offsets[start:end], start):
            if offset in offsets:
                return Property(self, number)
        return None

    def __contains__(self, name: object) -> bool:
        """Say whether the node has a property of this name."""
        return isinstance(name, str) and self.prop(name) is not None

    def child(self, name: str) -> Node | None:
        """Return the first node directly below with exactly this name, unit address included, or None."""
        index = self.tree.child_index(self.index, encode(name))
        return None if index is None else Node(self.tree, index)


class Property:
    """One property of a node: a name and bytes, and decoders for the bytes."""

    __slots__ = ("_at", "node", "number")

    def __init__(self, node: Node, number: int) -> None:
        """Make the view of property `number` (counted over the whole tree), which belongs to `node`."""
        self.node = node
        self.number = number
        self._at = node.tree.structure.property_at[number]

    def __eq__(self, other: object) -> bool:
        """Say whether both are the same property of the same Tree object."""
        if not isinstance(other, Property):
            return NotImplemented
        return self.node.tree is other.node.tree and self.number == other.number

    def __hash__(self) -> int:
        """Hash by identity of the tree and number of the property."""
        return hash((id(self.node.tree), -1 - self.number))

    def __repr__(self) -> str:
        """Name the place, for people who debug."""
        return f"<Property {self.path}>"

    @property
    def name(self) -> str:
        """The property's name."""
        tree = self.node.tree
        return tree.string_at(tree.structure.words[self._at + 2])

    @property
    def path(self) -> str:
        """The node's path, a colon and the name, for messages."""
        return f"{self.node.path}:{self.name}"

    @property
    def length(self) -> int:
        """Length of the value in bytes."""
        return self.node.tree.structure.words[self._at + 1]

    @property
    def offset(self) -> int:
        """Blob offset of the FDT_PROP."""
        return self.node.tree.structure.start + 4 * self._at

    @property
    def value_offset(self) -> int:
        """Blob offset of the value."""
        return self.node.tree.structure.start + 4 * self._at + 12

    @property
    def value(self) -> bytes:
        """The raw value."""
        tree = self.node.tree
        structure = tree.structure
        start = structure.start + 4 * self._at + 12
        return tree.blob[start : start + structure.words[self._at + 1]]

    def u32(self) -> int:
        """Return the value as one cell.

        Raises:
            PropertyError: when the value is not 4 bytes long.
        """
        words = self.node.tree.structure.words
        if words[self._at + 1] != 4:
            raise self._error("one cell of 4 bytes")
        return words[self._at + 3]

    def u64(self) -> int:
        """Return the value as one 64-bit number, two cells.

        Raises:
            PropertyError: when the value is not 8 bytes long.
        """
        if self.length != 8:
            raise self._error("one number of 8 bytes")
        high, low = self.node.tree.structure.words[self._at + 3 : self._at + 5]
        return high << 32 | low

    def cells(self) -> tuple[int, ...]:
        """Return the value as 32-bit cells; none for an empty value.

        Raises:
            PropertyError: when the length is not a multiple of 4.
        """
        length = self.length
        if length % 4:
            raise self._error("a multiple of 4 bytes")
        return tuple(self.node.tree.structure.words[self._at + 3 : self._at + 3 + length // 4])

    def string(self) -> str:
        """Return the value as one string.

        Raises:
            PropertyError: when the value is not exactly one string closed by a NUL.
        """
        value = self.value
        if not value or value.find(b"\0") != len(value) - 1:
            raise self._error("one string closed by a NUL")
        return decode(value[:-1])

    def strings(self) -> tuple[str, ...]:
        """Return the value as a list of strings; none for an empty value.

        Raises:
            PropertyError: when the last string is not closed by a NUL.
        """
        value = self.value
        if not value:
            return ()
        if value[-1]:
            raise self._error("strings closed by a NUL")
        return tuple(decode(part) for part in value[:-1].split(b"\0"))

    def _error(self, expected: str) -> PropertyError:
        return PropertyError(
            f"{self.path} at offset 0x{self.offset:x}: {self.length} bytes, expected {expected}",
            path=self.node.path,
            name=self.name,
            offset=self.offset,
        )
