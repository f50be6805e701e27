# SPDX-License-Identifier: Apache-2.0
"""A change as an overlay, for boards whose tree is built by someone else.

An overlay can set properties and make nodes. It cannot remove or rename anything; such a change has no overlay.
What is given out was merged into the tree and gave the same as the change itself.

A merge looks a name without unit address up as "the first node whose name is that before the @". Where this would
find another node, the target is named by its label or phandle; without one there is no overlay either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.change.proposal import (
    GoneNode,
    NewNode,
    Proposal,
    RenamedNode,
    contents,
    highest_phandle,
    phandle_of,
)
from carveout.check.model import EditKind
from carveout.errors import EditError
from carveout.fdt import parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.overlay import apply
from carveout.fdt.tree import PHANDLE_NAMES, SYMBOLS_PATH, encode
from carveout.fdt.writer import build

if TYPE_CHECKING:
    from carveout.fdt import Node, Tree

_TO_BE_FIXED_UP = b"\xff" * 4
_REFERRING = "memory-region"
"""The property in which cells may be phandles of nodes made here."""


def overlay_of(proposal: Proposal) -> Tree:
    """Return an overlay that makes the same change.

    Nodes of the tree are named by path, or by the label that /__symbols__ has for them; by phandle only where there
    is no other way: then the overlay fits this very blob, and no other build of the board.

    Raises: EditError when an overlay cannot say it; the text names what.
    """
    _refuse_what_cannot_be_said(proposal)
    writer = _Writer(proposal)
    for path, content in _by_target(proposal).items():
        writer.fragment(path, content)
    overlay = parse(build(writer.finished()))
    if contents(apply(proposal.before, overlay)) != contents(proposal.after):
        raise EditError("an overlay of this change would be merged into other nodes than it is meant for")
    return overlay


def _refuse_what_cannot_be_said(proposal: Proposal) -> None:
    wrong = []
    for change in proposal.changes:
        if isinstance(change, GoneNode):
            wrong.append(f"remove the node {change.path}")
        elif isinstance(change, RenamedNode):
            wrong.append(f"rename the node {change.path}")
        elif not isinstance(change, NewNode) and change.kind is EditKind.REMOVE:
            wrong.append(f"remove {change.name} of {change.path}")
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise EditError(f"an overlay cannot {wrong[0]}{more}: this change has no overlay")
    if not proposal.changes:
        raise EditError("nothing changes: there is nothing for an overlay to do")


def _by_target(proposal: Proposal) -> dict[str, DraftNode]:
    # Node of the tree → what is laid over it. New nodes and their properties come out in reverse.
    found: dict[str, DraftNode] = {}
    for change in proposal.changes:
        if isinstance(change, NewNode):
            found.setdefault(change.parent, DraftNode()).children.append(_reversed(change.content))
        elif not isinstance(change, GoneNode | RenamedNode):
            found.setdefault(change.path, DraftNode()).properties[change.name] = change.value
    return found


def _reversed(node: DraftNode) -> DraftNode:
    properties = dict(reversed(node.properties.items()))
    return DraftNode(node.name, properties, [_reversed(child) for child in reversed(node.children)])


class _Writer:
    # Fragments, and where cells have to be put right at the merge.
    def __init__(self, proposal: Proposal) -> None:
        self._tree = proposal.before
        self._fresh = proposal.new_phandles
        self._highest = highest_phandle(proposal.before)
        self._root = DraftNode()
        self._own = DraftNode("__local_fixups__")
        self._by_label: dict[str, list[str]] = {}

    def finished(self) -> DraftNode:
        if self._by_label:
            self._root.add(
                "__fixups__",
                {
                    label: b"".join(encode(place) + b"\0" for place in places)
                    for label, places in self._by_label.items()
                },
            )
        if self._own.children:
            self._root.children.append(self._own)
        return self._root

    def fragment(self, path: str, content: DraftNode) -> None:
        fragment = self._root.add(f"fragment@{len(self._root.children)}")
        self._set_target(fragment, path)
        content.name = "__overlay__"
        fragment.children.append(content)
        for below, node in content.walk():
            self._number(node)
            self._refer(node, f"/{fragment.name}/__overlay__{below.rstrip('/')}")

    def _set_target(self, fragment: DraftNode, path: str) -> None:
        node = self._tree.node(path)
        if node is None:
            raise EditError("there is no such node for an overlay to change", path=path)
        if _is_found_by_path(node):
            fragment.properties["target-path"] = encode(path) + b"\0"
            return
        phandle = next((prop for prop in map(node.prop, PHANDLE_NAMES) if prop is not None), None)
        if phandle is None or phandle.length != 4 or self._tree.by_phandle(phandle.u32()) != node:
            raise EditError(
                "an overlay cannot name this node: it has no phandle, and a node before it has the same name up to the @",
                path=path,
            )
        fragment.properties["target"] = self._cell(phandle.u32(), f"/{fragment.name}:target:0")

    def _number(self, node: DraftNode) -> None:
        # The overlay counts its phandles from 1, and a merge moves them above those of the tree.
        phandle = phandle_of(node)
        if phandle is not None and phandle in self._fresh:
            for name in PHANDLE_NAMES:
                if name in node.properties:
                    node.properties[name] = (phandle - self._highest).to_bytes(4, "big")

    def _refer(self, node: DraftNode, place: str) -> None:
        value = node.properties.get(_REFERRING, b"")
        own = []
        for at in range(0, len(value) - 3, 4):
            phandle = int.from_bytes(value[at : at + 4], "big")
            if phandle in self._fresh:
                cell = (phandle - self._highest).to_bytes(4, "big")
                own.append(at.to_bytes(4, "big"))
            else:
                cell = self._cell(phandle, f"{place}:{_REFERRING}:{at}")
            value = value[:at] + cell + value[at + 4 :]
        if value:
            node.properties[_REFERRING] = value
        if own:
            _node_at(self._own, place).properties[_REFERRING] = b"".join(own)

    def _cell(self, phandle: int, place: str) -> bytes:
        # The phandle of a node of the tree, which another build of the board may number otherwise.
        node = self._tree.by_phandle(phandle)
        label = self._tree.label_of(node.path) if node is not None else None
        if node is None or label is None or self._resolved(label) != node:
            return phandle.to_bytes(4, "big")
        self._by_label.setdefault(label, []).append(place)
        return _TO_BE_FIXED_UP

    def _resolved(self, label: str) -> Node | None:
        # The node that a merge finds for a label.
        symbols = self._tree.node(SYMBOLS_PATH)
        prop = symbols.prop(label) if symbols is not None else None
        found = self._tree.node(prop.string()) if prop is not None else None
        return found if found is not None and _is_found_by_path(found) else None


def _is_found_by_path(node: Node) -> bool:
    # As boot loaders look names up.
    step = node
    while (parent := step.parent) is not None:
        name = step.name
        like = (
            child for child in parent.children if name in (child.name, "" if "@" in name else child.base_name)
        )
        if next(like, None) != step:
            return False
        step = parent
    return True


def _node_at(root: DraftNode, path: str) -> DraftNode:
    node = root
    for part in path.split("/"):
        if part:
            node = node.child(part) or node.add(part)
    return node
