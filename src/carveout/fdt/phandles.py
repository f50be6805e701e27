# SPDX-License-Identifier: Apache-2.0
"""From a phandle to its node.

Theory of operation. A tree has hundreds of phandles and a few of them are asked for. In an ordinary tree the
first property that holds a value is the answer, so only that is noted, for all values in a few calls. Where it
is not (a node with two phandles, a property that is too short), every holder of every value is listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carveout.fdt.tree import Tree

PHANDLE_NAMES = ("phandle", "linux,phandle")


class Phandles:
    """Finds nodes by phandle. As in Linux, the first value other than 0 of a node counts, and its first node.

    Does not hold the tree, which holds this.
    """

    __slots__ = ("_first", "_holders", "_known", "_numbers", "_values")

    def __init__(self, tree: Tree) -> None:
        """Read the phandles of `tree`."""
        property_at, words = tree.structure.property_at, tree.structure.words
        self._numbers = tree.numbers_named(*PHANDLE_NAMES)
        # Of a property shorter than a value, whatever comes after it.
        self._values = [words[property_at[number] + 3] for number in self._numbers]
        self._first = dict(zip(reversed(self._values), reversed(self._numbers), strict=True))
        self._holders: dict[int, list[int]] | None = None
        self._known: dict[int, int | None] = {}

    def owner_of(self, tree: Tree, value: int) -> int | None:
        """Return the number of the first node of `tree` with this phandle, or None."""
        if value not in self._known:
            self._known[value] = self._search(tree, value) if value in self._first and value else None
        return self._known[value]

    def _search(self, tree: Tree, value: int) -> int | None:
        first = self._first[value]
        owner = tree.owner_of(first)
        if _is_phandle(tree, owner, first):
            return owner
        if self._holders is None:
            self._holders = {}
            property_at, words = tree.structure.property_at, tree.structure.words
            for held, number in zip(self._values, self._numbers, strict=True):
                if words[property_at[number] + 1] >= 4:
                    self._holders.setdefault(held, []).append(number)
        before = -1
        for number in self._holders.get(value, ()):
            owner = tree.owner_of(number)
            if owner != before and _is_phandle(tree, owner, number):
                return owner
            before = owner
        return None


def _is_phandle(tree: Tree, owner: int, number: int) -> bool:
    # The first that holds a value other than 0, of those of its node.
    structure = tree.structure
    property_at, words = structure.property_at, structure.words
    for other in range(structure.first_property[owner], number + 1):
        if tree.string_at(structure.name_offsets[other]) in PHANDLE_NAMES:
            at = property_at[other]
            if words[at + 1] >= 4 and words[at + 3]:
                return other == number
    return False
