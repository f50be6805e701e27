# SPDX-License-Identifier: Apache-2.0
"""A change to a tree as a list of small steps, and the tree that they give; every other byte stays.

Properties are changed by the same `Edit` that fixes use. Nodes are made, removed and renamed by the steps here.
`change/overlay.py` and `change/source.py` give the same change as an overlay and as text for a .dts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.fix import apply_edits
from carveout.check.model import Edit, EditKind
from carveout.fdt.edit import add_subtree, remove_node, rename_node
from carveout.fdt.tree import PHANDLE_NAMES
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.fdt import Tree
    from carveout.fdt.draft import DraftNode

LAST_PHANDLE = 0xFFFFFFFE


class NewNode(NamedTuple):
    """A node that is made, with all below it."""

    parent: str
    """Path of a node that is there already."""
    content: DraftNode
    first: bool = True
    """Before the parent's children, where an overlay puts it; else behind them."""
    label: str | None = None
    """What a .dts may call it."""

    @property
    def path(self) -> str:
        """The path of the new node."""
        return f"{self.parent.rstrip('/')}/{self.content.name}"


class GoneNode(NamedTuple):
    """A node that is removed, with all below it."""

    path: str


class RenamedNode(NamedTuple):
    """A node that gets another name and stays where it is."""

    path: str
    name: str

    @property
    def new_path(self) -> str:
        """The path it has afterwards."""
        return f"{self.path.rpartition('/')[0]}/{self.name}"


Change = Edit | NewNode | GoneNode | RenamedNode


class Proposal(NamedTuple):
    """A tree, what is to change in it, and the tree that results. `before` is `after` when nothing changes."""

    before: Tree
    changes: tuple[Change, ...]
    after: Tree

    @property
    def new_phandles(self) -> frozenset[int]:
        """Phandles that nodes made here have and no node had before."""
        found = set()
        for change in self.changes:
            if isinstance(change, NewNode):
                for _, node in change.content.walk():
                    found |= {phandle for phandle in [phandle_of(node)] if phandle is not None}
        return frozenset(phandle for phandle in found if self.before.by_phandle(phandle) is None)


def propose(tree: Tree, changes: Iterable[Change]) -> Proposal:
    """Make changes, in order. Paths are those at the time of each change.

    Raises: EditError when one cannot be made: no such node, a name that is taken, a name that cannot be one.
    """
    made = tuple(changes)
    after = tree
    for change in made:
        if isinstance(change, NewNode):
            after = add_subtree(after, change.parent, change.content, first=change.first)
        elif isinstance(change, GoneNode):
            after = remove_node(after, change.path)
        elif isinstance(change, RenamedNode):
            after = rename_node(after, change.path, change.name)
        else:
            after = apply_edits(after, [change])
    return Proposal(tree, made, after)


def setting(path: str, name: str, value: bytes = b"") -> Edit:
    """Return the change that gives a property a value."""
    return Edit(EditKind.SET, path, name, value)


def removing(path: str, name: str) -> Edit:
    """Return the change that removes a property."""
    return Edit(EditKind.REMOVE, path, name)


def phandle_of(node: DraftNode) -> int | None:
    """Return the phandle of a node under construction, or None."""
    for name in PHANDLE_NAMES:
        value = node.properties.get(name)
        if value is not None and len(value) == 4:
            return int.from_bytes(value, "big")
    return None


def highest_phandle(tree: Tree) -> int:
    """Return the highest phandle of a tree that can be one, 0 without any. A new node may have the next."""
    values = [
        int.from_bytes(prop.value, "big")
        for name in PHANDLE_NAMES
        for prop in tree.properties_named(name)
        if prop.length == 4
    ]
    return max((value for value in values if value <= LAST_PHANDLE), default=0)


def contents(tree: Tree) -> dict[str, dict[str, bytes]]:
    """Return the properties of every node by path: two trees with equal contents differ in order only."""
    return {node.path: {prop.name: bytes(prop.value) for prop in node.properties} for node in tree.nodes()}


def is_same_but_for_phandles(tree: Tree, other: Tree) -> bool:
    """Say whether two trees differ only in order and in the numbers that dtc gave to nodes.

    A cell may differ where both are phandles of the same node. A node may have a phandle in one of them only.
    """
    ours, theirs = contents(tree), contents(other)
    if ours.keys() != theirs.keys():
        return False
    for path, properties in ours.items():
        mine = {name: value for name, value in properties.items() if name not in PHANDLE_NAMES}
        yours = {name: value for name, value in theirs[path].items() if name not in PHANDLE_NAMES}
        if mine.keys() != yours.keys():
            return False
        for name, value in mine.items():
            if value != yours[name] and not _refers_alike(tree, value, other, yours[name]):
                return False
    return True


def _refers_alike(tree: Tree, value: bytes, other: Tree, other_value: bytes) -> bool:
    if len(value) != len(other_value) or len(value) % 4:
        return False
    for at in range(0, len(value), 4):
        cell, other_cell = value[at : at + 4], other_value[at : at + 4]
        if cell == other_cell:
            continue
        target = tree.by_phandle(int.from_bytes(cell, "big"))
        other_target = other.by_phandle(int.from_bytes(other_cell, "big"))
        if target is None or other_target is None or target.path != other_target.path:
            return False
    return True
