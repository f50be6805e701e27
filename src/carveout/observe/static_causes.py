# SPDX-License-Identifier: Apache-2.0
"""Causes that can be told from the tree and the log side by side, without another boot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.observe.compare import PLACING, place_said
from carveout.observe.item import Cause, Standing
from carveout.observe.tree_changes import firmware_of

if TYPE_CHECKING:
    from carveout.board import Board, RegionNode
    from carveout.observe.item import Item
    from carveout.observe.log import BootLog


def static_cause(item: Item, board: Board, log: BootLog | None) -> Cause | None:
    """Return the cause of a difference that tree and log show, or None."""
    if item.said is not None and item.said.name is not None and item.standing is not Standing.AGREES:
        node = region_node(board, item.said.name)
        if node is None:
            return _unknown_node(item.said.name, board, log)
        return _other_reg(item, node, board, log)
    return None


def region_node(board: Board, name: str) -> RegionNode | None:
    """Return the node below /reserved-memory with this name."""
    return next(
        (node for parent in board.reserved_memory for node in parent.regions if node.name == name), None
    )


def other_blob(board: Board, log: BootLog | None) -> tuple[str, ...]:
    """Return what the log says about the tree that was booted, if that is another one."""
    if log is None or log.model is None or board.model is None or log.model == board.model:
        return ()
    return (f"the log's machine model is '{log.model}', the tree's is '{board.model}'",)


def _unknown_node(name: str, board: Board, log: BootLog | None) -> Cause:
    firmware = firmware_of(name)
    if firmware is not None:
        return Cause(
            kind="firmware",
            text=f"the tree given has no node {name}: {firmware}",
            evidence=other_blob(board, log),
        )
    return Cause(
        kind="tree",
        text=f"the tree given has no node {name}: another blob was booted, or firmware or an overlay added it",
        evidence=other_blob(board, log),
    )


def _other_reg(item: Item, node: RegionNode, board: Board, log: BootLog | None) -> Cause | None:
    if node.reg is None or item.said is None or item.said.family not in PLACING:
        return None
    base, _size = place_said(item.said)
    if base is None or base == _reg_base(board, node):
        return None
    return Cause(
        kind="tree",
        text=f"{node.path} has reg in the tree given, and a kernel places such a region nowhere else: the tree that was booted "
        f"has another reg for it (0x{base:x})",
        evidence=other_blob(board, log),
    )


def _reg_base(board: Board, node: RegionNode) -> int | None:
    cells = board.root_cells.address if board.root_cells.address is not None else 1
    if node.reg is None or node.reg.length < 4 * cells:
        return None
    return int.from_bytes(node.reg.value[: 4 * cells], "big")
