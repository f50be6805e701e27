# SPDX-License-Identifier: Apache-2.0
"""The key over what a boot reads: equal keys mean equal boots, so what changes a boot changes the key."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carveout.board import read_board
from carveout.boot import Boot, Scene, boot
from carveout.errors import CarveoutError
from carveout.fdt import parse
from carveout.fdt.edit import add_node, remove_property, set_property
from carveout.span import GIB, Span
from carveout.sweep.facts import BoardFacts
from carveout.values import replace
from support.boards import cells, text, wide
from support.random_boards import cases, wild_cases
from support.recordings import recordings, scene_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.board import Board
    from carveout.fdt import Node, Tree
    from support.random_boards import Case

VALUES = (b"", b"\0", b"okay\0", b"disabled\0", b"memory\0", text("shared-dma-pool"), cells(1), cells(2), wide(GIB, GIB),
          wide(0x5000_0000, 0x10_0000), b"\xff\xfe\xfd", text("nokaslr cma=32M"))  # fmt: skip


def booted(board: Board, scene: Scene) -> Boot | str:
    try:
        return boot(board, scene)
    except CarveoutError as error:
        return str(error)


def key(board: Board, scene: Scene) -> bytes | str:
    try:
        return BoardFacts(board).key(scene)
    except CarveoutError as error:
        return str(error)


def hold(before: Board, after: Board, scene: Scene) -> bool:
    """Check the law for two boards; say whether their keys are equal."""
    if key(before, scene) != key(after, scene):
        return False
    assert booted(before, scene) == booted(after, scene)
    return True


def flipped(tree: Tree, source: random.Random) -> Tree:
    """Change one byte of one value, in place: nothing else in the blob moves."""
    properties = [prop for node in tree.nodes() for prop in node.properties if prop.length]
    prop = source.choice(properties)
    blob = bytearray(tree.blob)
    blob[prop.value_offset + source.randrange(prop.length)] ^= 1 << source.randrange(8)
    return parse(bytes(blob))


def edited(tree: Tree, source: random.Random) -> Tree:
    """Set, add or remove one property, or add a node."""
    node = source.choice(list(tree.nodes()))
    names = [prop.name for prop in node.properties]
    way = source.randrange(4)
    if way == 0 and names:
        return remove_property(tree, node.path, source.choice(names))
    if way == 1:
        return add_node(tree, node.path, f"n{source.randrange(1000)}", {"reg": cells(1)})
    known = [
        *names,
        "status",
        "no-map",
        "reusable",
        "compatible",
        "reg",
        "size",
        "numa-node-id",
        "dma-ranges",
        "x",
    ]
    return set_property(tree, node.path, source.choice(known), source.choice(VALUES))


def changed(board: Board, source: random.Random) -> Board:
    tree = board.tree
    with contextlib.suppress(CarveoutError):
        tree = (flipped if source.random() < 0.5 else edited)(tree, source)
    return read_board(tree, is_made_here=board.is_made_here)


@settings(max_examples=settings().max_examples * 2)
@given(st.one_of(cases(), cases(complete=False), wild_cases()), st.randoms(use_true_random=False))
def test_what_changes_a_boot_changes_the_key(case: Case, source: random.Random) -> None:
    for _ in range(4):
        hold(case.board, changed(case.board, source), case.scene)


def near_memory(board: Board) -> list[Node]:
    """Return the nodes that a boot may look at, and all above them."""
    ends = [consumer.node for consumer in board.consumers]
    ends += [memory.node for memory in board.memory] + [chosen.node for chosen in board.chosen]
    for parent in board.reserved_memory:
        ends += [parent.node, *(region.node for region in parent.regions)]
    ends += [target.node for target in board.targets.values()]
    found: dict[str, Node] = {}
    for end in ends:
        node: Node | None = end
        while node is not None and node.path not in found:
            found[node.path] = node
            node = node.parent
    return list(found.values())


NAMES = ("status", "no-map", "reusable", "compatible", "reg", "size", "alignment", "ranges", "dma-ranges", "iommus",
         "iommu-addresses", "alloc-ranges", "linux,cma-default", "linux,dma-default", "device_type",
         "linux,usable-memory", "numa-node-id", "memory-region-names", "#address-cells", "phandle")  # fmt: skip


def single_changes(board: Board, *, adds: bool) -> Iterator[Tree]:
    """Yield the tree with one property near memory changed, removed or added."""
    for node in near_memory(board):
        for prop in node.properties:
            value = prop.value
            for at in {0, 3, len(value) // 2, len(value) - 1} & set(range(len(value))):
                changed = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
                with contextlib.suppress(CarveoutError):
                    yield set_property(board.tree, node.path, prop.name, changed)
            with contextlib.suppress(CarveoutError):
                yield remove_property(board.tree, node.path, prop.name)
        for name in NAMES if adds else ():
            if name not in node:
                for value in (b"", text("disabled"), cells(1), wide(GIB, GIB)):
                    with contextlib.suppress(CarveoutError):
                        yield set_property(board.tree, node.path, name, value)


TOP = Path(__file__).resolve().parents[3]
WITH_DEVICES = (
    "examples/media-soc.dtb",
    "examples/hardware-regions.dtb",
    "examples/rtos-pool.dtb",
    "tests/data/devices/board.dtb",
)


@pytest.mark.parametrize("path", WITH_DEVICES)
def test_whatever_changes_near_memory_changes_the_boot_or_nothing(path: str) -> None:
    board = read_board(parse((TOP / path).read_bytes()))
    scene = Scene(kernel="7.2", memory=(Span.sized(GIB, GIB),))
    equal = [hold(board, read_board(tree), scene) for tree in single_changes(board, adds=False)]
    assert len(equal) > 100


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["5.10", "7.2"])
@pytest.mark.parametrize("path", WITH_DEVICES)
def test_whatever_is_changed_or_added(path: str, kernel: str) -> None:
    board = read_board(parse((TOP / path).read_bytes()))
    for scene in (Scene(kernel=kernel), Scene(kernel=kernel, memory=(Span.sized(GIB, GIB),))):
        for tree in single_changes(board, adds=True):
            hold(board, read_board(tree), scene)


@pytest.mark.parametrize("arch", ["arm64", "arm", "riscv64", "ppc64"])
def test_recorded_trees_keep_the_law(arch: str) -> None:
    source = random.Random(9)
    equal = tried = 0
    for recorded in recordings(arch=arch)[::12]:
        board = read_board(parse(recorded.dtb))
        whole = scene_of(recorded)
        for scene in (whole, replace(whole, dtb_at=None), Scene(kernel=whole.kernel, arch=whole.arch)):
            for _ in range(2):
                equal += hold(board, changed(board, source), scene)
                tried += 1
    assert tried > 10
    # Most of a tree says nothing about memory; on powerpc64 the key is over all of it.
    assert (equal > tried // 20) == (arch != "ppc64")


def test_what_says_nothing_about_memory_is_no_part_of_the_key() -> None:
    case = next(r for r in recordings(arch="arm64") if b"interrupt-parent" in r.dtb)
    board = read_board(parse(case.dtb))
    other = read_board(set_property(board.tree, "/", "model", text("another")))
    assert board.tree.blob != other.tree.blob
    assert hold(board, other, Scene(memory=(Span.sized(0x4000_0000, GIB),)))


def test_a_blob_of_another_size_counts_where_its_place_is_known() -> None:
    recorded = recordings(arch="arm64")[0]
    board = read_board(parse(recorded.dtb))
    padded = read_board(parse(_with_padding(recorded.dtb)))
    scene = scene_of(recorded)
    assert scene.dtb_at is not None
    assert key(board, scene) != key(padded, scene)
    assert hold(board, padded, replace(scene, dtb_at=None))


def _with_padding(blob: bytes) -> bytes:
    size = int.from_bytes(blob[4:8], "big") + 4096
    return blob[:4] + size.to_bytes(4, "big") + blob[8:] + bytes(size - len(blob))
