# SPDX-License-Identifier: Apache-2.0
"""Reading property values the way C code does: big-endian cells, C strings, no bounds but the blob's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.fdt import Node, Property, Tree

_U64 = (1 << 64) - 1

# drivers/of/fdt.c and arch code use these when the root has no #address-cells or #size-cells.
OF_ROOT_NODE_ADDR_CELLS_DEFAULT = 1
OF_ROOT_NODE_SIZE_CELLS_DEFAULT = 1


def number(data: bytes) -> int:
    """Return a big-endian number of any width; only the last 64 bits survive, as in of_read_number()."""
    return int.from_bytes(data, "big") & _U64


def first_cell(prop: Property | None) -> int | None:
    """Return the u32 at the start of a property, reading on into the blob when it is shorter, as C does."""
    if prop is None:
        return None
    blob = prop.node.tree.blob
    return int.from_bytes(blob[prop.value_offset : prop.value_offset + 4], "big")


def c_string(tree: Tree, offset: int) -> bytes:
    """Return the bytes from `offset` of the blob up to the next NUL, wherever that is."""
    end = tree.blob.find(b"\0", offset)
    return tree.blob[offset : end if end >= 0 else len(tree.blob)]


def c_strings(prop: Property) -> Iterator[bytes]:
    """Yield the strings of a list as a kernel loop over strlen() finds them."""
    at, end = prop.value_offset, prop.value_offset + prop.length
    while at < end:
        text = c_string(prop.node.tree, at)
        yield text
        at += len(text) + 1


def checked_strings(prop: Property) -> tuple[bytes, ...]:
    """Return the strings of a list, or none at all when it does not end in NUL (7.2 reads it so)."""
    value = prop.value
    if not value.endswith(b"\0"):
        return ()
    return tuple(value[:-1].split(b"\0"))


def entries(data: bytes, address_cells: int, size_cells: int) -> list[tuple[int, int]]:
    """Return the complete (base, size) entries of a `reg`-like value; a partial last one is left out."""
    step = 4 * (address_cells + size_cells)
    if step == 0:
        return []
    cut = 4 * address_cells
    return [
        (number(data[at : at + cut]), number(data[at + cut : at + step]))
        for at in range(0, len(data) - step + 1, step)
    ]


def is_enabled(node: Node) -> bool:
    """Say whether a node's own status is absent, `ok` or `okay`."""
    return status_is_on(node.prop("status"))


def status_is_on(status: Property | None) -> bool:
    """Say whether a status is absent, `ok` or `okay`."""
    return status is None or status.value.rstrip(b"\0") in (b"ok", b"okay")


def is_reachable(node: Node | None) -> bool:
    """Say whether a node and all nodes above it are enabled."""
    while node is not None:
        if not is_enabled(node):
            return False
        node = node.parent
    return True


def cells_of(node: Node, name: str, default: int) -> int:
    """Return #address-cells or #size-cells of a node, looking at the nodes above as of_n_addr_cells() does."""
    at: Node | None = node
    while at is not None:
        cell = first_cell(at.prop(name))
        if cell is not None:
            return cell
        at = at.parent
    return default
