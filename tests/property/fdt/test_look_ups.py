# SPDX-License-Identifier: Apache-2.0
"""The quick look-ups of a tree give what a walk over all of it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import example, given
from hypothesis import strategies as st

from carveout.fdt import parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.writer import build
from support.trees import node_names, properties, roots

if TYPE_CHECKING:
    from carveout.fdt import Node, Tree

_FEW = st.integers(0, 3).map(lambda number: number.to_bytes(4, "big"))
# Values that are too short or too long, and two names for one thing, are what the look-up must see through.
_phandles = st.dictionaries(
    st.sampled_from(["phandle", "linux,phandle", "x,phandle", "reg"]),
    st.one_of(_FEW, _FEW.map(lambda cell: cell + cell), st.just(b""), st.just(b"\0\0")),
    max_size=4,
)
_trees = st.builds(
    DraftNode,
    st.just(""),
    _phandles,
    st.lists(st.builds(DraftNode, node_names, _phandles), max_size=6, unique_by=lambda node: node.name),
)


def phandle_of(node: Node) -> int:
    """Return the first value other than 0 among a node's phandles; 0: it has none."""
    for prop in node.properties:
        if prop.name in ("phandle", "linux,phandle") and prop.length >= 4:
            value = int.from_bytes(prop.value[:4], "big")
            if value:
                return value
    return 0


# What follows an empty property is the token of the next one, 3.
@example(DraftNode("", {"phandle": b"", "linux,phandle": b"\0\0\0\3"}))
@given(_trees)
def test_a_phandle_leads_to_the_first_node_that_has_it(root: DraftNode) -> None:
    tree = parse(build(root))
    for value in range(5):
        first = next((node for node in tree.nodes() if value and phandle_of(node) == value), None)
        assert tree.by_phandle(value) == first


@given(roots)
def test_the_root_s_children_are_found_by_base_name(root: DraftNode) -> None:
    tree = parse(build(root))
    for name in {"absent", *(child.base_name for child in tree.root.children)}:
        assert tree.top(name) == [child for child in tree.root.children if child.base_name == name]


@given(roots, properties)
def test_properties_by_name_are_the_first_of_each_name(root: DraftNode, more: dict[str, bytes]) -> None:
    root.properties |= more
    tree = parse(build(root))
    for node in tree.nodes():
        found = node.first_properties
        assert list(found.values()) == list(node.properties)
        assert all(node.prop(name) == prop for name, prop in found.items())


def _labelled(root: DraftNode, labels: dict[str, str]) -> Tree:
    symbols = DraftNode("__symbols__", {name: path.encode() + b"\0" for name, path in labels.items()})
    root.children.append(symbols)
    return parse(build(root))


@given(roots, st.dictionaries(st.sampled_from(["a", "b", "c"]), st.sampled_from(["/a", "/soc/a", "/x", "/"])))
def test_a_label_is_the_first_symbol_with_exactly_that_path(root: DraftNode, labels: dict[str, str]) -> None:
    tree = _labelled(root, labels)
    for path in ("/a", "/soc/a", "/x", "/", "a", ""):
        first = next((name for name, value in labels.items() if value == path), None)
        assert tree.label_of(path) == first
