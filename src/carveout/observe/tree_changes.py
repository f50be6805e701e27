# SPDX-License-Identifier: Apache-2.0
"""Trees that differ in one region from the one given: what would be if another blob was booted.

Made from what was seen: a region at another address, of another size, not there, or there beside the others.
Source: peers-and-users A.3 (firmware that edits the tree on the way).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from carveout.board import read_board
from carveout.errors import CarveoutError
from carveout.fdt.edit import add_node, remove_node, set_property
from carveout.observe.compare import PLACING, place_said
from carveout.observe.item import Standing
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from carveout.board import Board, RegionNode
    from carveout.fdt import Tree
    from carveout.observe.item import Item

FIRMWARE = (
    ("mmode_resv", "OpenSBI adds such nodes for itself"),
    ("mmode_pmp", "OpenSBI adds such nodes for itself"),
    ("nvram", "the Raspberry Pi firmware adds such nodes"),
    ("optee", "OP-TEE adds its memory to the tree"),
    ("tee", "a trusted execution environment adds its memory to the tree"),
    ("atf", "TF-A adds its memory to the tree"),
    ("secmon", "secure firmware adds its memory to the tree"),
    ("framebuffer", "boot loaders add the splash screen's memory"),
    ("splash", "boot loaders add the splash screen's memory"),
    ("ramoops", "boot loaders add the place of the crash log"),
    ("uefi", "UEFI firmware adds what it keeps"),
    ("ibm,", "OPAL firmware adds what it keeps"),
    ("linux,usable", "kexec adds it"),
)
"""How names begin of nodes that firmware is known to add, and whose they are."""
_MOST_CHANGES = 24


class TreeChange(NamedTuple):
    """One other tree, and words for it."""

    kind: str
    """`firmware` or `tree`."""
    text: str
    board: Board
    evidence: tuple[str, ...] = ()


def firmware_of(name: str) -> str | None:
    """Say what firmware is known to add a node of this name; None when none is."""
    return next((words for begin, words in FIRMWARE if name.startswith(begin)), None)


def tree_changes(board: Board, items: Sequence[Item]) -> Iterator[TreeChange]:
    """Yield trees in which one region is as it was seen."""
    nodes = {
        node.name: node for parent in board.reserved_memory for node in parent.regions if node.depth == 1
    }
    made = 0
    for item in items:
        if not item.is_difference or made >= _MOST_CHANGES:
            continue
        for change in _changes(board, nodes.get(item.subject), item):
            made += 1
            yield change


def _changes(board: Board, node: RegionNode | None, item: Item) -> Iterator[TreeChange]:
    tree = board.tree
    base, size = _seen_place(item)
    if node is None:
        if item.said is not None and item.said.name is not None and base is not None and size:
            yield from _made(
                board, partial(_added, tree, board, item, base, size), *_words_added(item.said.name)
            )
        return
    if item.standing is Standing.ONLY_PREDICTED:
        yield from _made(
            board,
            partial(remove_node, tree, node.path),
            "tree",
            f"the tree that was booted has no {node.path}, or it is disabled there",
        )
    if node.reg is not None and base is not None and size:
        value = _pair(board, node, base, size)
        if value is not None and value != node.reg.value[: len(value)]:
            yield from _made(
                board,
                partial(set_property, tree, node.path, "reg", value),
                "tree",
                f"the tree that was booted is another one: its {node.path} has reg of 0x{base:x}, size 0x{size:x}",
            )
    elif node.size is not None and size:
        width = node.size.length
        if width in (4, 8) and size < 1 << 8 * width and int.from_bytes(node.size.value, "big") != size:
            yield from _made(
                board,
                partial(set_property, tree, node.path, "size", size.to_bytes(width, "big")),
                "tree",
                f"the tree that was booted is another one: its {node.path} has size 0x{size:x}",
            )
    if node.reg is None and base is not None and size:
        value = _pair(board, node, base, size)
        if value is not None:
            yield from _made(
                board,
                partial(set_property, tree, node.path, "reg", value),
                "tree",
                f"the tree that was booted is another one: its {node.path} has reg of 0x{base:x}, size 0x{size:x}",
            )


def _made(
    board: Board, make: Callable[[], Tree], kind: str, text: str, evidence: tuple[str, ...] = ()
) -> Iterator[TreeChange]:
    try:
        tree = make()
    except (CarveoutError, OverflowError):
        return
    yield TreeChange(kind, text, read_board(tree, is_made_here=board.is_made_here), evidence)


def _words_added(name: str) -> tuple[str, str, tuple[str, ...]]:
    firmware = firmware_of(name)
    if firmware is not None:
        return "firmware", f"the firmware added /reserved-memory/{name} to the tree", (firmware,)
    return (
        "tree",
        f"the tree that was booted has a node /reserved-memory/{name}, which the one given has not",
        (),
    )


def _added(tree: Tree, board: Board, item: Item, base: int, size: int) -> Tree:
    parent = board.reserved_memory[0]
    address, length = parent.cells.address or 0, parent.cells.size or 0
    reg = base.to_bytes(4 * address, "big") + size.to_bytes(4 * length, "big")
    properties = {"reg": reg}
    said = item.said
    values = dict(said.values) if said is not None else {}
    if values.get("nomap") == "nomap":
        properties["no-map"] = b""
    if values.get("reusable") == "reusable":
        properties["reusable"] = b""
    return add_node(
        tree, parent.path, said.name if said is not None and said.name else "added", properties, first=True
    )


def _pair(board: Board, node: RegionNode, base: int, size: int) -> bytes | None:
    parent = next(p for p in board.reserved_memory if node in p.regions)
    address, length = parent.cells.address or 0, parent.cells.size or 0
    try:
        return base.to_bytes(4 * address, "big") + size.to_bytes(4 * length, "big")
    except OverflowError:
        return None


def _seen_place(item: Item) -> tuple[int | None, int | None]:
    said = item.said
    return (None, None) if said is None or said.family not in PLACING else place_said(said)
