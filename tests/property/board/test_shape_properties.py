# SPDX-License-Identifier: Apache-2.0
"""The counted size of an unflattened tree equals walking it as kernel-semantics 4.6 step 5 says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from carveout.board.shape import read_shape
from carveout.fdt import parse
from carveout.fdt.writer import build
from support.trees import roots

if TYPE_CHECKING:
    from carveout.fdt.draft import DraftNode


def up(value: int, align: int) -> int:
    return -(-value // align) * align


def walked(root: DraftNode, device_node: int, prop: int, align: int) -> int:
    """Return the size in bytes, node by node and block by block.

    For every node in tree order: S = up8(S) + sizeof(device_node) + len(full name) + 1; for every property:
    S = up8(S) + sizeof(property); unless there is a property `name`: S = up8(S) + sizeof(property) +
    len(name before '@') + 1. The block has up4(S) + 4 bytes.
    """
    size = 0
    for _, node in root.walk():
        size = up(size, align) + device_node + len(node.name) + 1
        for _ in node.properties:
            size = up(size, align) + prop
        if "name" not in node.properties:
            size = up(size, align) + prop + len(node.name.split("@")[0]) + 1
    return up(size, 4) + 4


@st.composite
def trees_with_names(draw: st.DrawFn) -> DraftNode:
    """A tree, with a `name` property on some nodes, first, last or alone."""
    root = draw(roots)
    for _, node in root.walk():
        match draw(st.integers(0, 5)):
            case 0:
                node.properties["name"] = b"x\0"
            case 1:
                node.properties = {"name": b"x\0", **node.properties}
            case 2:
                node.properties = {"name": b"x\0"}
    return root


@given(
    trees_with_names(),
    st.sampled_from([(168, 88, 8), (208, 96, 8), (208, 112, 8), (100, 60, 4), (8, 8, 8)]),
)
def test_the_count_is_the_walk(root: DraftNode, sizes: tuple[int, int, int]) -> None:
    device_node, prop, align = sizes
    shape = read_shape(parse(build(root)), align)
    assert shape.unflattened(device_node, prop) == walked(root, device_node, prop, align)


@given(trees_with_names())
def test_counts(root: DraftNode) -> None:
    shape = read_shape(parse(build(root)))
    nodes = [node for _, node in root.walk()]
    assert shape.nodes == len(nodes)
    assert shape.properties == sum(len(node.properties) for node in nodes)
    assert shape.unnamed == sum("name" not in node.properties for node in nodes)
