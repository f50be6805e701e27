# SPDX-License-Identifier: Apache-2.0
"""From a node's path to the label that the source gave it: the other way round than /__symbols__ has it."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from carveout.fdt.tree import Tree

SYMBOLS_PATH = "/__symbols__"


class Labels:
    """Finds labels by path, in the bytes: a tree has thousands of them, and few are asked for.

    Does not hold the tree, which holds this.
    """

    __slots__ = ("_end", "_numbers", "_start")

    def __init__(self, tree: Tree) -> None:
        """Look for the /__symbols__ of `tree`."""
        node = tree.node(SYMBOLS_PATH)
        structure = tree.structure
        first = structure.first_property
        self._numbers = range(0) if node is None else range(first[node.index], first[node.index + 1])
        self._start = self._end = 0
        if self._numbers:
            last = structure.property_at[self._numbers[-1]]
            self._start = structure.start + 4 * structure.property_at[self._numbers[0]]
            self._end = structure.start + 4 * last + 12 + structure.words[last + 1]

    def of(self, tree: Tree, path: str) -> str | None:
        """Return the first label of this path in `tree`, or None."""
        if not self._numbers:
            return None
        structure, blob = tree.structure, tree.blob
        property_at, words = structure.property_at, structure.words
        wanted = path.encode("utf-8", "surrogateescape") + b"\0"
        at = blob.find(wanted, self._start, self._end)
        while at >= 0:
            # The path may also be the end of a longer one, or of a name: only a whole value counts.
            word, odd = divmod(at - structure.start, 4)
            number = bisect_left(property_at, word - 3, self._numbers.start, self._numbers.stop)
            is_value = not odd and number < self._numbers.stop and property_at[number] == word - 3
            if is_value and words[word - 2] == len(wanted):
                return tree.string_at(structure.name_offsets[number])
            at = blob.find(wanted, at + 1, self._end)
        return None
