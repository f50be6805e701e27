# SPDX-License-Identifier: Apache-2.0
"""Fixes: the changes of findings made in a tree, which is then checked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import EditKind
from carveout.errors import EditError
from carveout.fdt.edit import remove_property, set_property
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from carveout.check.model import Edit, Finding
    from carveout.fdt import Tree

MAX_ROUNDS = 8
"""A fix can make another fault visible, which has a fix of its own. Rules whose fixes undo each other would go on
for ever; what is left after so many rounds is reported as remaining."""


class FixResult(NamedTuple):
    """A tree with fixes made."""

    tree: Tree
    groups: tuple[tuple[Edit, ...], ...]
    """What changed, in the order of making: the changes of one finding are one group."""
    before: tuple[Finding, ...]
    """What was found at first."""
    remaining: tuple[Finding, ...]
    """What is found in the tree as it is now."""

    @property
    def fixed(self) -> tuple[Finding, ...]:
        """What was found at first and is not found any more."""
        left = {_identity(finding) for finding in self.remaining}
        return tuple(finding for finding in self.before if _identity(finding) not in left)

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What changed, one for each property: of several changes of one the last."""
        changed = {(edit.path, edit.name): edit for group in self.groups for edit in group}
        return tuple(changed.values())


def fix_tree(tree: Tree, check: Callable[[Tree], Sequence[Finding]]) -> FixResult:
    """Return the tree with every certain fix made, and what a new check says of it.

    check: the findings of a tree. Of two findings that want different things of one property, the first is served.
    """
    before = found = tuple(check(tree))
    groups: list[tuple[Edit, ...]] = []
    for _ in range(MAX_ROUNDS):
        chosen = _compatible(finding.edits for finding in found)
        after = apply_edits(tree, (edit for group in chosen for edit in group))
        if after.blob == tree.blob:
            break
        tree = after
        groups += chosen
        found = tuple(check(tree))
    return FixResult(tree, tuple(groups), before, found)


def keep_groups(
    tree: Tree,
    result: FixResult,
    left: Collection[tuple[str, str]],
    check: Callable[[Tree], Sequence[Finding]],
) -> FixResult:
    """Return the result as it is when some properties cannot be changed: fixes that need them are left out whole.

    tree: as it was before all fixes. left: (path, name) of the properties.
    """
    groups = [g for g in result.groups if not any((edit.path, edit.name) in left for edit in g)]
    tree = apply_edits(tree, (edit for group in groups for edit in group))
    return FixResult(tree, tuple(groups), result.before, tuple(check(tree)))


def apply_edits(tree: Tree, edits: Iterable[Edit]) -> Tree:
    """Return the tree with changes made; every byte that is not about them stays.

    A property that is to be removed and not there stays away. Raises EditError when there is no such node.
    """
    for edit in edits:
        if edit.kind is EditKind.SET:
            tree = set_property(tree, edit.path, edit.name, edit.value)
            continue
        node = tree.node(edit.path)
        if node is None:
            raise EditError("there is no such node", path=edit.path)
        if node.prop(edit.name) is not None:
            tree = remove_property(tree, edit.path, edit.name)
    return tree


def _compatible(lists: Iterable[tuple[Edit, ...]]) -> list[tuple[Edit, ...]]:
    # All edits of a finding or none: half a fix is another fault.
    chosen: dict[tuple[str, str], Edit] = {}
    groups = []
    for edits in lists:
        if edits and all(chosen.get((edit.path, edit.name), edit) == edit for edit in edits):
            chosen |= {(edit.path, edit.name): edit for edit in edits}
            groups.append(edits)
    return groups


def _identity(finding: Finding) -> tuple[str, str, str]:
    return finding.code, finding.path, finding.prop or ""
