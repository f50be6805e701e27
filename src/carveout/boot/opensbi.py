# SPDX-License-Identifier: Apache-2.0
"""OpenSBI's own region: riscv firmware writes it into the tree before the kernel sees the tree.

A blob read from a running machine has it; one that was compiled, or dumped before the boot, has not. Then the
region is added here, as a static child of /reserved-memory before all others. On QEMU's `virt` machine, where
the recorded boots all show the same place, it is assumed; on other boards it has to be given.
Source: kernel-semantics 3; the trees of the recorded boots, before and after the firmware.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board import read_board
from carveout.boot.scene import Fact
from carveout.errors import EditError, SceneError
from carveout.fdt.edit import add_node
from carveout.span import GIB, KIB, Span
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from carveout.board import Board
    from carveout.boot.scene import ResolvedScene, Scene
    from carveout.fdt import Tree

_NAME = "mmode_resv"
_QEMU_VIRT = "riscv-virtio"
_ON_QEMU_VIRT = Span.sized(2 * GIB, 512 * KIB)
_PARENT = "/reserved-memory"
_CELL = 4


class Firmware(NamedTuple):
    """A tree as the kernel gets it, what is not sure about it, and what to show of it in the scene."""

    board: Board
    doubt: str | None
    fact: Fact


def add_opensbi(board: Board, scene: Scene, resolved: ResolvedScene) -> Firmware:
    """Return the board with the region of OpenSBI in its tree.

    Raises: SceneError when --opensbi contradicts the tree.
    """
    there = [region for parent in board.reserved_memory for region in parent.regions
             if region.name.startswith(_NAME)]  # fmt: skip
    if there:
        if scene.opensbi:
            raise SceneError(f"--opensbi: the tree has {there[0].path} already")
        return Firmware(board, None, Fact("opensbi", there[0].name, "tree"))
    if scene.opensbi is not None:
        value = ", ".join(f"0x{span.start:x}+0x{span.size:x}" for span in scene.opensbi)
        return Firmware(_with_regions(board, scene.opensbi), None, Fact("opensbi", value or "none", "given"))
    known = any(span.contains(_ON_QEMU_VIRT) for span in resolved.memory)
    if _QEMU_VIRT in board.compatible and known:
        place = f"0x{_ON_QEMU_VIRT.start:x}+0x{_ON_QEMU_VIRT.size:x}"
        doubt = (
            f"the tree has no region for OpenSBI: {place} is assumed, as on QEMU's virt machine; "
            "pass --opensbi BASE+SIZE, or --opensbi none"
        )
        fact = Fact("opensbi", place, "assumed: QEMU's virt machine")
        return Firmware(_with_regions(board, (_ON_QEMU_VIRT,)), doubt, fact)
    doubt = (
        "the tree has no region for OpenSBI, which adds one before the kernel starts: "
        "pass --opensbi BASE+SIZE, or --opensbi none"
    )
    return Firmware(board, doubt, Fact("opensbi", "", "not given: not modelled"))


def _with_regions(board: Board, spans: tuple[Span, ...]) -> Board:
    # spans: in the order they get in the tree. Each new node is put first, so the last one is added first.
    if not spans:
        return board
    address = 2 if board.root_cells.address is None else board.root_cells.address
    size = 1 if board.root_cells.size is None else board.root_cells.size
    tree = board.tree
    try:
        if tree.node(_PARENT) is None:
            tree = _with_parent(tree, address, size)
        for index, span in enumerate(reversed(spans)):
            reg = _cells(span.start, address) + _cells(span.size, size)
            tree = add_node(tree, _PARENT, f"{_NAME}{index}@{span.start:x}", {"reg": reg}, first=True)
    except (EditError, OverflowError) as error:
        raise SceneError(f"--opensbi: the tree has no room for the region: {error}") from error
    return read_board(tree, is_made_here=True)


def _with_parent(tree: Tree, address: int, size: int) -> Tree:
    cells = {"#size-cells": _cells(size, 1), "#address-cells": _cells(address, 1), "ranges": b""}
    return add_node(tree, "/", _PARENT[1:], cells, first=True)


def _cells(value: int, cells: int) -> bytes:
    return value.to_bytes(_CELL * cells, "big")
