# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies for trees under construction, and comparing a tree with what it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from carveout.fdt.draft import DraftNode

if TYPE_CHECKING:
    from carveout.fdt import Tree

# What dtc can read in source, so that the same trees serve to compare with it. Drawn from short lists, since
# clashes and shared tails are what matters and drawing text is slow.
_bases = st.sampled_from(["a", "soc", "node", "n-1", "uart", "reserved-memory", "v,dev.2", "x+y_z"])
_addresses = st.one_of(st.just(""), st.integers(0, 2**40).map("@{:x}".format))
node_names = st.builds(str.__add__, _bases, _addresses)
property_names = st.one_of(
    st.sampled_from(["reg", "status", "phandle", "compatible", "#size-cells", "x", "g", "eg", "my,reg"]),
    st.builds("{}-{}".format, st.sampled_from(["linux,p", "no"]), st.integers(0, 20)),
)
values = st.one_of(st.binary(max_size=12), st.sampled_from([b"okay\0", b"a\0bc\0", bytes(300), b"\xff" * 99]))
properties = st.dictionaries(property_names, values, max_size=4)
reserve_maps = st.lists(
    st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)).filter(any), max_size=4
)


def _with_children(children: st.SearchStrategy[DraftNode]) -> st.SearchStrategy[DraftNode]:
    several = st.lists(children, max_size=3, unique_by=lambda node: node.name)
    return st.builds(DraftNode, node_names, properties, several)


nodes = st.recursive(st.builds(DraftNode, node_names, properties), _with_children, max_leaves=6)
roots = st.builds(
    DraftNode, st.just(""), properties, st.lists(nodes, max_size=3, unique_by=lambda node: node.name)
)


def spans_of(tree: Tree) -> dict[tuple[str, str], bytes]:
    """Return the value of every property by path and name."""
    return {(node.path, prop.name): prop.value for node in tree.nodes() for prop in node.properties}


def walk_everything(tree: Tree) -> int:
    """Touch every part of a tree, each decoder included; return how many things were seen."""
    seen = 0
    for node in tree.nodes():
        seen += len(node.path) + node.depth + len(node.children) + node.property_count + node.offset
        assert node.parent is not None or not node.index
        for prop in node.properties:
            seen += len(prop.name) + len(prop.value) + prop.value_offset
            assert len(prop.value) == prop.length
            for decode in (prop.u32, prop.u64, prop.cells, prop.string, prop.strings):
                try:
                    decode()
                except ValueError:
                    seen += 1
    for name in ("phandle", "reg", "status"):
        seen += sum(prop.name == name for prop in tree.properties_named(name))
    tree.by_phandle(1)
    tree.label_of("/")
    return seen
