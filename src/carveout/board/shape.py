# SPDX-License-Identifier: Apache-2.0
"""The shape of a tree: the counts that decide how much memory a kernel needs to unflatten it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.values import dataclass

if TYPE_CHECKING:
    from carveout.fdt import Tree

_NOT_ALIASES = ("name", "phandle", "linux,phandle")


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeShape:
    """Counts over all nodes, disabled ones too. Sizes in bytes."""

    nodes: int
    properties: int
    unnamed: int
    """Nodes without a `name` property: the kernel adds one."""
    name_bytes: int
    """Full names and the names the kernel adds, each with its NUL and rounded up to `align`."""
    slack: int
    """What the very last rounding added."""
    alias_stems: tuple[int, ...]
    """Length of the stem of every alias that ends in digits and whose target exists, in blob order."""
    align: int = 8
    """Alignment of the kernel's structures: 8, or 4 on a 32-bit kernel."""

    def unflattened(self, device_node: int, prop: int) -> int:
        """Return the bytes of the unflattened tree, with structures of these sizes (multiples of `align`).

        Source: unflatten_device_tree(), drivers/of/fdt.c (kernel-semantics 4.6, step 5).
        """
        total = self.nodes * device_node + (self.properties + self.unnamed) * prop + self.name_bytes
        return (total - self.slack + 3 & ~3) + 4


def read_shape(tree: Tree, align: int = 8) -> TreeShape:
    """Count what unflattening looks at. align: of the kernel's structures, a power of two."""
    rest = align - 1
    structure, blob = tree.structure, tree.blob
    named = {prop.node.index for prop in tree.properties_named("name")}
    start, index_of = structure.start + 4, blob.index
    total = slack = length = 0
    first = structure.first_property
    for number, word in enumerate(structure.node_at):
        at = start + 4 * word
        end = index_of(b"\0", at)
        length = end - at + 1
        total += length + rest & ~rest
        if number not in named:
            cut = blob.find(b"@", at, end)
            if cut >= 0:
                length = cut - at + 1
            total += length + rest & ~rest
    last = len(structure.node_at) - 1
    # The last block is not rounded up, unless properties follow it.
    if last not in named or first[last] == first[last + 1]:
        slack = (length + rest & ~rest) - length
    return TreeShape(
        nodes=len(structure.node_at),
        properties=len(structure.property_at),
        unnamed=len(structure.node_at) - len(named),
        name_bytes=total,
        slack=slack,
        alias_stems=tuple(_alias_stems(tree)),
        align=align,
    )


def _alias_stems(tree: Tree) -> list[int]:
    aliases = tree.node("/aliases")
    if aliases is None:
        return []
    stems = []
    for prop in aliases.properties:
        stem = prop.name.rstrip("0123456789")
        if prop.name not in _NOT_ALIASES and stem != prop.name and _target_exists(tree, prop.value):
            stems.append(len(stem))
    return stems


def _path(value: bytes) -> str:
    return value.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _target_exists(tree: Tree, value: bytes) -> bool:
    path = _path(value).split(":", 1)[0]
    if not path.startswith("/"):
        # A relative path starts with another alias.
        name, _, rest = path.partition("/")
        aliases = tree.node("/aliases")
        prop = aliases.prop(name) if aliases is not None else None
        if prop is None:
            return False
        path = _path(prop.value) + ("/" + rest if rest else "")
    return tree.node(path) is not None
