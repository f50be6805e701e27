# SPDX-License-Identifier: Apache-2.0
"""A small mutable tree, for making blobs from scratch and for merging overlays."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from carveout.fdt.tree import Node


class DraftNode:
    """A node under construction. properties: name → raw bytes, in order. children: in order."""

    __slots__ = ("children", "name", "properties")

    def __init__(
        self,
        name: str = "",
        properties: Mapping[str, bytes] | None = None,
        children: Iterable[DraftNode] = (),
    ) -> None:
        """Take copies of the containers. name: with the unit address; empty for a root."""
        self.name = name
        self.properties: dict[str, bytes] = dict(properties or {})
        self.children: list[DraftNode] = list(children)

    def __eq__(self, other: object) -> bool:
        """Say whether names, properties, children and all their orders are equal."""
        if not isinstance(other, DraftNode):
            return NotImplemented
        ours, theirs = list(self.walk()), list(other.walk())
        return len(ours) == len(theirs) and all(
            mine[0] == their[0] and list(mine[1].properties.items()) == list(their[1].properties.items())
            for mine, their in zip(ours, theirs, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Name the node, for people who debug."""
        return f"<DraftNode {self.name!r}: {len(self.properties)} properties, {len(self.children)} children>"

    @classmethod
    def from_node(cls, node: Node) -> DraftNode:
        """Return a copy of this node and all below it. Of properties with the same name the first is taken."""
        top = cls(node.name)
        drafts = {node.index: top}
        pending = [node]
        while pending:
            source = pending.pop()
            draft = drafts.pop(source.index)
            for prop in source.properties:
                draft.properties.setdefault(prop.name, prop.value)
            for child in source.children:
                drafts[child.index] = copy = cls(child.name)
                draft.children.append(copy)
                pending.append(child)
        return top

    def add(self, name: str, properties: Mapping[str, bytes] | None = None) -> DraftNode:
        """Append a new child and return it."""
        child = DraftNode(name, properties)
        self.children.append(child)
        return child

    def child(self, name: str) -> DraftNode | None:
        """Return the first child with exactly this name, or None."""
        return next((child for child in self.children if child.name == name), None)

    def find(self, path: str) -> DraftNode | None:
        """Return the node at this path below this one, which counts as the root; or None."""
        node: DraftNode | None = self
        for part in path.split("/"):
            if part and node is not None:
                node = node.child(part)
        return node

    def walk(self) -> Iterator[tuple[str, DraftNode]]:
        """Yield (path, node) of this node, which counts as the root, and all below it, in order."""
        pending = [("/", self)]
        while pending:
            path, node = pending.pop()
            yield path, node
            prefix = path if path == "/" else path + "/"
            pending.extend((prefix + child.name, child) for child in reversed(node.children))
