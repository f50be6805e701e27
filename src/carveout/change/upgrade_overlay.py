# SPDX-License-Identifier: Apache-2.0
"""An upgrade as an overlay, for boards whose tree is built by someone else.

An overlay cannot remove anything. It can add the regions of today and point the devices at them; what stays of the old
words are properties and nodes that no kernel looks at. The merged tree is not the upgraded one, so it is booted too:
every region, device and contiguous area has to come out as in the upgraded tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.change.difference import compare
from carveout.change.overlay import overlay_of
from carveout.change.proposal import (
    Change,
    GoneNode,
    NewNode,
    RenamedNode,
    highest_phandle,
    phandle_of,
    propose,
    setting,
)
from carveout.change.trial import attempt
from carveout.check.context import texts
from carveout.check.legacy import CONTIGUOUS, UNTOUCHED
from carveout.check.model import EditKind
from carveout.errors import EditError
from carveout.fdt.draft import DraftNode
from carveout.fdt.phandles import PHANDLE_NAMES
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carveout.boot.result import PlacedRegion
    from carveout.change.upgrade import Upgrade
    from carveout.check.model import Edit
    from carveout.check.run import NamedScene
    from carveout.fdt import Tree

_UNREAD = frozenset(
    {
        "linux,default-contiguous-region",
        "linux,default-cma",
        "linux,contiguous-region",
        "#memory-region-cells",
    }
)
_REGIONS = "memory-region"
_KEPT = "/reserved-memory"


class UpgradeOverlay(NamedTuple):
    """An overlay that comes to the same, and what it leaves in the tree."""

    overlay: Tree
    left: tuple[str, ...]
    """Nodes and properties of the old words that stay, which no kernel looks at."""


def upgrade_overlay(upgrade: Upgrade, scenes: Sequence[NamedScene]) -> UpgradeOverlay:
    """Return an overlay for a tree that was upgraded.

    Raises: EditError when an overlay cannot come to the same; the text says why.
    """
    tree = upgrade.proposal.before
    moved = {node.was for node in upgrade.nodes if node.was != node.path}
    fresh = _fresh_phandles(upgrade)
    changes: list[Change] = []
    left: list[str] = []
    for change in upgrade.proposal.changes:
        if isinstance(change, RenamedNode):
            raise EditError(f"an overlay cannot rename the node {change.path}: this change has no overlay")
        if isinstance(change, GoneNode):
            _leave_node(change, moved, left)
        elif isinstance(change, NewNode):
            _add(changes, NewNode(change.parent, _renumbered(change.content, fresh)))
        elif change.kind is EditKind.REMOVE:
            _leave_property(tree, change, left)
        else:
            changes.append(change)
    changes = [*changes, *_devices(upgrade, fresh)]
    proposal = propose(tree, [_with_fresh(change, fresh) for change in changes])
    _refuse_another_result(upgrade, proposal.after, scenes)
    return UpgradeOverlay(overlay_of(proposal), tuple(left))


def _fresh_phandles(upgrade: Upgrade) -> dict[int, int]:
    # The old node keeps its phandle, so the new one needs another.
    taken = highest_phandle(upgrade.proposal.before)
    found: dict[int, int] = {}
    for change in upgrade.proposal.changes:
        for _, node in change.content.walk() if isinstance(change, NewNode) else ():
            phandle = phandle_of(node)
            if phandle is not None:
                found[phandle] = taken + 1 + len(found)
    return found


def _renumbered(content: DraftNode, fresh: Mapping[int, int]) -> DraftNode:
    properties = dict(content.properties)
    phandle = phandle_of(content)
    for name in PHANDLE_NAMES:
        if name in properties and phandle in fresh and phandle is not None:
            properties[name] = fresh[phandle].to_bytes(4, "big")
    return DraftNode(content.name, properties, [_renumbered(child, fresh) for child in content.children])


def _leave_node(change: GoneNode, moved: set[str], left: list[str]) -> None:
    parent = change.path.rpartition("/")[0]
    if change.path not in moved and not any(path.startswith(change.path + "/") for path in moved):
        raise EditError(f"an overlay cannot remove the node {change.path}: this change has no overlay")
    if parent == _KEPT:
        raise EditError(f"an overlay cannot remove the region {change.path}: this change has no overlay")
    if change.path in moved:
        left.append(change.path)


def _leave_property(tree: Tree, change: Edit, left: list[str]) -> None:
    node = tree.node(change.path)
    names = texts(node.prop("compatible")) if node is not None and change.name == "compatible" else ()
    is_unread = change.name in _UNREAD or (
        bool(names) and all(name in (*CONTIGUOUS, *UNTOUCHED) for name in names)
    )
    if not is_unread:
        raise EditError(
            f"an overlay cannot remove {change.name} of {change.path}: this change has no overlay"
        )
    left.append(f"{change.name} of {change.path}")


def _add(changes: list[Change], new: NewNode) -> None:
    # An overlay's nodes are added to what is there: below a node made here, they belong to that one.
    for index, change in enumerate(changes):
        if isinstance(change, NewNode) and change.path == new.parent:
            content = change.content
            changes[index] = NewNode(
                change.parent,
                DraftNode(content.name, content.properties, [*content.children, new.content]),
            )
            return
    changes.append(new)


def _devices(upgrade: Upgrade, fresh: Mapping[int, int]) -> list[Change]:
    # Devices whose list is as it was, and names a region that is elsewhere now.
    done = {
        change.path
        for change in upgrade.proposal.changes
        if not isinstance(change, NewNode | GoneNode | RenamedNode) and change.name == _REGIONS
    }
    found: list[Change] = []
    for prop in upgrade.proposal.before.properties_named(_REGIONS):
        value = bytes(prop.value)
        if prop.node.path not in done and _pointed(value, fresh) != value:
            found.append(setting(prop.node.path, _REGIONS, value))
    return found


def _with_fresh(change: Change, fresh: Mapping[int, int]) -> Change:
    if isinstance(change, NewNode | GoneNode | RenamedNode) or change.name != _REGIONS:
        return change
    return change._replace(value=_pointed(change.value, fresh))


def _pointed(value: bytes, fresh: Mapping[int, int]) -> bytes:
    cells = [int.from_bytes(value[at : at + 4], "big") for at in range(0, len(value) - len(value) % 4, 4)]
    found = b"".join(fresh.get(cell, cell).to_bytes(4, "big") for cell in cells)
    return found + value[len(found) :]


def _refuse_another_result(upgrade: Upgrade, tree: Tree, scenes: Sequence[NamedScene]) -> None:
    merged = attempt(tree, [named.scene for named in scenes], is_made_here=True)
    for named, wanted, got in zip(scenes, upgrade.after.boots, merged.boots, strict=True):
        found = compare(wanted, got)
        for pair in found.regions:
            if pair.before is None or pair.after is None or _result(pair.before) != _result(pair.after):
                region = pair.after or pair.before
                raise EditError(
                    f"an overlay puts new nodes in front of the others, and {region.path if region else 'a region'} would "
                    f"come out otherwise ({named.name}): this change has no overlay"
                )
        if found.consumers or wanted.outcome is not got.outcome:
            raise EditError(f"an overlay of this change would not come to the same ({named.name})")


def _result(region: PlacedRegion) -> tuple[object, ...]:
    return region.path, region.base, region.size, region.outcome, region.pool, region.nomap
