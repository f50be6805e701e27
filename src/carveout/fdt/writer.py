# SPDX-License-Identifier: Apache-2.0
"""Blobs made from scratch, and a parsed blob written again from its index."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from carveout.errors import EditError
from carveout.fdt.layout import (
    FDT_BEGIN_NODE,
    FDT_END,
    FDT_END_NODE,
    FDT_MAGIC,
    FDT_PROP,
    FIRST_READABLE_VERSION,
    HEADER_SIZE_V17,
    LAST_READABLE_VERSION,
    RESERVE_ENTRY,
    WORD,
    Header,
)
from carveout.fdt.structure import MAX_DEPTH, MAX_NAME
from carveout.fdt.tree import encode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.fdt.draft import DraftNode
    from carveout.fdt.tree import Node, Tree

_BEGIN_NODE = WORD.pack(FDT_BEGIN_NODE)
_END_NODE = WORD.pack(FDT_END_NODE)
_U64_LIMIT = 1 << 64


def pad4(raw: bytes) -> bytes:
    """Return `raw` with zeros added up to a multiple of 4 bytes."""
    return raw + bytes(-len(raw) % 4)


def name_bytes(name: str, *, what: str, path: str | None = None) -> bytes:
    """Return a name as it stands in a blob, with its closing NUL.

    Raises:
        EditError: when the name is empty, too long, or holds a NUL or a slash.
    """
    raw = encode(name)
    if not raw:
        raise EditError(f"the name of a {what} is empty", path=path)
    if len(raw) > MAX_NAME:
        raise EditError(f"the {what} name {name[:40]!r}... is longer than {MAX_NAME} bytes", path=path)
    if b"\0" in raw or (what == "node" and b"/" in raw):
        raise EditError(f"the {what} name {name!r} holds a character that no name may have", path=path)
    return raw + b"\0"


def pack_header(header: Header) -> bytes:
    """Return the header as bytes, 36 of them in version 16 and 40 in version 17."""
    packed = pack(">10I", FDT_MAGIC, *header[:8], header.size_dt_struct or 0)
    return packed[: header.header_size]


def pack_reserve_map(entries: Iterable[tuple[int, int]]) -> bytes:
    """Return a memory reservation block of these (address, size) pairs and the closing entry.

    Raises:
        EditError: when a number does not fit 64 bits, or an entry is (0, 0), which would end the block.
    """
    packed = bytearray()
    for address, size in entries:
        if not (0 <= address < _U64_LIMIT and 0 <= size < _U64_LIMIT):
            raise EditError(f"reserve map entry ({address:#x}, {size:#x}) does not fit 64 bits")
        if not address and not size:
            raise EditError("a reserve map entry of address 0 and size 0 would end the map")
        packed += RESERVE_ENTRY.pack(address, size)
    return bytes(packed) + bytes(RESERVE_ENTRY.size)


class Strings:
    """A strings block that grows: names are found in it, at any offset, or appended."""

    def __init__(self, block: bytes = b"") -> None:
        """Begin with the bytes of an existing block."""
        self._block = bytearray(block)
        self._offsets: dict[bytes, int] = {}

    def offset_of(self, name: bytes) -> int:
        """Return the offset of this name, which ends in a NUL; append it where it is missing."""
        offset = self._offsets.get(name)
        if offset is None:
            offset = self._block.find(name)
            if offset < 0:
                if self._block and self._block[-1]:
                    self._block += b"\0"
                offset = len(self._block)
                self._block += name
            self._offsets[name] = offset
        return offset

    def block(self) -> bytes:
        """Return the block as it is now."""
        return bytes(self._block)


def property_token(name: str, value: bytes, strings: Strings, *, path: str | None = None) -> bytes:
    """Return FDT_PROP with this name and value, padded."""
    offset = strings.offset_of(name_bytes(name, what="property", path=path))
    return pack(">III", FDT_PROP, len(value), offset) + pad4(value)


def node_tokens(top: DraftNode, strings: Strings, *, is_root: bool) -> bytes:
    """Return the tokens of this node and all below it.

    Raises:
        EditError: for a bad name, or nesting deeper than carveout reads.
    """
    out = bytearray()
    pending: list[tuple[DraftNode | None, int]] = [(top, 0)]
    while pending:
        node, depth = pending.pop()
        if node is None:
            out += _END_NODE
            continue
        if depth > MAX_DEPTH:
            raise EditError(f"nodes nest deeper than {MAX_DEPTH} levels")
        out += _BEGIN_NODE
        out += pad4(
            encode(node.name) + b"\0" if is_root and depth == 0 else name_bytes(node.name, what="node")
        )
        for name, value in node.properties.items():
            out += property_token(name, value, strings)
        pending.append((None, depth))
        pending.extend((child, depth + 1) for child in reversed(node.children))
    return bytes(out)


def build(
    root: DraftNode,
    *,
    reserve_map: Iterable[tuple[int, int]] = (),
    boot_cpuid: int = 0,
    version: int = LAST_READABLE_VERSION,
    padding: int = 0,
) -> bytes:
    """Return a blob of this tree: header, reserve map, structure, strings, in this order.

    reserve_map: (address, size) pairs. version: 16 or 17. padding: zero bytes added at the end, inside totalsize.

    Raises:
        EditError: for another version, a bad name, nesting too deep, or a bad reserve map entry.
    """
    if version not in (FIRST_READABLE_VERSION, LAST_READABLE_VERSION):
        raise EditError(f"blobs of version {version} cannot be written")
    if root.name:
        raise EditError(f"the root has the name {root.name!r}, expected none")
    strings = Strings()
    structure = node_tokens(root, strings, is_root=True) + WORD.pack(FDT_END)
    reserve = pack_reserve_map(reserve_map)
    names = strings.block()
    # Version 16 has a header of 36 bytes; the reserve map needs a multiple of 8, so both begin it at 40.
    off_struct = HEADER_SIZE_V17 + len(reserve)
    off_strings = off_struct + len(structure)
    header = Header(
        totalsize=off_strings + len(names) + padding,
        off_dt_struct=off_struct,
        off_dt_strings=off_strings,
        off_mem_rsvmap=HEADER_SIZE_V17,
        version=version,
        last_comp_version=FIRST_READABLE_VERSION,
        boot_cpuid_phys=boot_cpuid,
        size_dt_strings=len(names),
        size_dt_struct=len(structure) if version == LAST_READABLE_VERSION else None,
    )
    return pack_header(header).ljust(HEADER_SIZE_V17, b"\0") + reserve + structure + names + bytes(padding)


def write(tree: Tree) -> bytes:
    """Return the blob that this tree was read from, put together again from the header and the index.

    What the index does not hold (gaps between blocks, FDT_END_NODE, FDT_NOP, padding) comes from the blob.
    """
    parts: list[tuple[int, bytes]] = [(0, pack_header(tree.header))]
    parts.extend((entry.offset, RESERVE_ENTRY.pack(entry.address, entry.size)) for entry in tree.reserve_map)
    for node in tree.nodes():
        parts.extend(_node_parts(node))
    if tree.header.size_dt_strings:
        parts.append((tree.header.off_dt_strings, tree.strings))
    parts.sort()
    out = bytearray()
    for offset, raw in parts:
        out += tree.blob[len(out) : offset]
        out += raw
    return bytes(out + tree.blob[len(out) :])


def _node_parts(node: Node) -> Iterable[tuple[int, bytes]]:
    yield node.offset, _BEGIN_NODE + encode(node.name) + b"\0"
    words = node.tree.struct_cells()
    for prop in node.properties:
        name_offset = words[(prop.offset - node.tree.structure.start) // 4 + 2]
        yield prop.offset, pack(">III", FDT_PROP, prop.length, name_offset) + prop.value
