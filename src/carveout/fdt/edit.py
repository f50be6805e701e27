# SPDX-License-Identifier: Apache-2.0
"""Changes to a blob that leave every other byte as it was.

Each function takes a Tree and returns a new one. Only the bytes of the thing changed are replaced; blocks behind
them move as they are, and the header's offsets and sizes follow. Names new to the blob are appended to the
strings block; names no longer used stay in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import EditError
from carveout.fdt.draft import DraftNode
from carveout.fdt.layout import FDT_END_NODE, RESERVE_ENTRY
from carveout.fdt.reader import parse
from carveout.fdt.tree import encode
from carveout.fdt.writer import (
    Strings,
    name_bytes,
    node_tokens,
    pack_header,
    pack_reserve_map,
    pad4,
    property_token,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from carveout.fdt.tree import Node, Property, Tree


def set_property(tree: Tree, path: str, name: str, value: bytes) -> Tree:
    """Return the tree with this property of the node set to `value`.

    A new property is put after the node's last one. Of properties with the same name the first is set. A value of
    the same length changes only its own bytes.

    Raises:
        EditError: when there is no such node, or the name cannot be one.
    """
    node = _node(tree, path)
    prop = node.prop(name)
    if prop is None:
        strings = Strings(tree.strings)
        token = property_token(name, value, strings, path=path)
        at = _properties_end(node)
        return _splice_structure(tree, at, at, token, strings=strings.block())
    if prop.length == len(value):
        start = prop.value_offset
        return parse(tree.blob[:start] + value + tree.blob[start + len(value) :])
    tag, name_offset = tree.blob[prop.offset : prop.offset + 4], tree.blob[prop.offset + 8 : prop.offset + 12]
    token = tag + len(value).to_bytes(4, "big") + name_offset + pad4(value)
    return _splice_structure(tree, prop.offset, _property_end(prop), token)


def remove_property(tree: Tree, path: str, name: str) -> Tree:
    """Return the tree without this property of the node; duplicates of it go too.

    Raises:
        EditError: when there is no such node or property.
    """
    prop = _node(tree, path).prop(name)
    if prop is None:
        raise EditError(f"there is no property {name!r} to remove", path=path)
    while prop is not None:
        tree = _splice_structure(tree, prop.offset, _property_end(prop), b"")
        prop = _node(tree, path).prop(name)
    return tree


def add_node(
    tree: Tree, parent_path: str, name: str, properties: Mapping[str, bytes], *, first: bool = False
) -> Tree:
    """Return the tree with a new node below `parent_path`: after its last child, or before its first.

    name: with the unit address.

    Raises:
        EditError: when there is no such parent, it has a child of that name, or a name cannot be one.
    """
    return add_subtree(tree, parent_path, DraftNode(name, properties), first=first)


def add_subtree(tree: Tree, parent_path: str, content: DraftNode, *, first: bool = False) -> Tree:
    """Return the tree with a new node and all below it, placed as add_node() does.

    Raises:
        EditError: when there is no such parent, it has a child of that name, or a name cannot be one.
    """
    parent = _node(tree, parent_path)
    name_bytes(content.name, what="node", path=parent_path)
    if parent.child(content.name) is not None:
        raise EditError(f"there is a node {content.name!r} already", path=parent_path)
    strings = Strings(tree.strings)
    tokens = node_tokens(content, strings, is_root=False)
    at = _properties_end(parent) if first else _end_token(parent)
    return _splice_structure(tree, at, at, tokens, strings=strings.block())


def rename_node(tree: Tree, path: str, name: str) -> Tree:
    """Return the tree with another name for this node; what refers to it by its path is left as it is.

    name: with the unit address.

    Raises:
        EditError: when there is no such node, it is the root, the name cannot be one, or a neighbour has it.
    """
    node = _node(tree, path)
    parent = node.parent
    if parent is None:
        raise EditError("the root cannot be renamed", path=path)
    raw = pad4(name_bytes(name, what="node", path=path))
    if name != node.name and parent.child(name) is not None:
        raise EditError(f"there is a node {name!r} already", path=parent.path)
    start = node.offset + 4
    return _splice_structure(tree, start, start + len(pad4(encode(node.name) + b"\0")), raw)


def remove_node(tree: Tree, path: str) -> Tree:
    """Return the tree without this node and all below it.

    Raises:
        EditError: when there is no such node, or it is the root.
    """
    node = _node(tree, path)
    if not node.index:
        raise EditError("the root cannot be removed", path=path)
    return _splice_structure(tree, node.offset, _end_token(node) + 4, b"")


def set_reserve_map(tree: Tree, entries: Iterable[tuple[int, int]]) -> Tree:
    """Return the tree with these (address, size) pairs as its memory reservation block.

    Raises:
        EditError: when an entry does not fit 64 bits or is (0, 0).
    """
    return _replace_blocks(tree, reserve=pack_reserve_map(entries))


def _node(tree: Tree, path: str) -> Node:
    node = tree.node(path)
    if node is None:
        raise EditError("there is no such node", path=path)
    return node


def _property_end(prop: Property) -> int:
    return prop.value_offset + (prop.length + 3) // 4 * 4


def _properties_end(node: Node) -> int:
    """Return the blob offset after the node's last property, or after its name when it has none."""
    properties = node.properties
    if properties:
        return _property_end(properties[-1])
    return node.offset + 4 + len(pad4(encode(node.name) + b"\0"))


def _end_token(node: Node) -> int:
    """Return the blob offset of the node's FDT_END_NODE.

    The index does not hold it: behind the last node of the subtree come only FDT_NOP and one FDT_END_NODE for
    each level back up to this node.
    """
    structure = node.tree.structure
    last = type(node)(node.tree, structure.after[node.index] - 1)
    at = (_properties_end(last) - structure.start) // 4
    levels = last.depth - node.depth
    while structure.words[at] != FDT_END_NODE or levels:
        levels -= structure.words[at] == FDT_END_NODE
        at += 1
    return structure.start + 4 * at


def _splice_structure(tree: Tree, start: int, end: int, raw: bytes, *, strings: bytes | None = None) -> Tree:
    """Put `raw` in place of the blob's bytes [start, end), which lie in the structure block."""
    structure = tree.structure
    block = tree.blob[structure.start : start] + raw + tree.blob[end : structure.end]
    return _replace_blocks(tree, structure=block, strings=strings)


def _replace_blocks(
    tree: Tree, *, structure: bytes | None = None, strings: bytes | None = None, reserve: bytes | None = None
) -> Tree:
    """Put the blob together again with new blocks, keeping their order and what lies between them.

    A block that would lose its alignment is moved up by zeros; that happens only in unusual layouts, since dtc
    and U-Boot put the reserve map first and the strings last.
    """
    header, blob = tree.header, tree.blob
    reserve_size = RESERVE_ENTRY.size * (len(tree.reserve_map) + 1)
    # For each block: offset, end, name of the header field, alignment, new bytes.
    blocks = [
        (header.off_mem_rsvmap, header.off_mem_rsvmap + reserve_size, "off_mem_rsvmap", 8, reserve),
        (header.off_dt_struct, tree.structure.end, "off_dt_struct", 4, structure),
        (header.off_dt_strings, header.off_dt_strings + header.size_dt_strings, "off_dt_strings", 1, strings),
    ]
    out = bytearray(header.header_size)
    offsets: dict[str, int] = {}
    sizes: dict[str, int] = {}
    done = header.header_size
    for start, end, field, alignment, new in sorted(blocks, key=lambda block: block[:2]):
        out += blob[done:start]
        out += bytes(-len(out) % alignment)
        raw = blob[start:end] if new is None else new
        offsets[field], sizes[field] = len(out), len(raw)
        out += raw
        done = max(done, end)
    out += blob[done:]
    out[: header.header_size] = pack_header(
        header._replace(
            totalsize=len(out),
            off_mem_rsvmap=offsets["off_mem_rsvmap"],
            off_dt_struct=offsets["off_dt_struct"],
            off_dt_strings=offsets["off_dt_strings"],
            size_dt_strings=sizes["off_dt_strings"],
            size_dt_struct=None if header.size_dt_struct is None else sizes["off_dt_struct"],
        )
    )
    return parse(bytes(out))
