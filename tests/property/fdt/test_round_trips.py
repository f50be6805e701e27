# SPDX-License-Identifier: Apache-2.0
"""Laws of reading, writing and editing, over generated trees."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from carveout.errors import PropertyError
from carveout.fdt import Tree, edit, parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.writer import build, write
from support.trees import (
    node_names,
    properties,
    property_names,
    reserve_maps,
    roots,
    spans_of,
    values,
    walk_everything,
)

versions = st.sampled_from([16, 17])


@given(roots, reserve_maps, versions, st.integers(0, 40))
def test_reading_gives_what_was_built(
    root: DraftNode, reserve: list[tuple[int, int]], version: int, padding: int
) -> None:
    tree = parse(build(root, reserve_map=reserve, version=version, padding=padding))
    assert DraftNode.from_node(tree.root) == root
    assert [entry[:2] for entry in tree.reserve_map] == reserve
    assert [(node.path, node.property_count) for node in tree.nodes()] == [
        (path, len(node.properties)) for path, node in root.walk()
    ]
    walk_everything(tree)


@given(roots, reserve_maps, versions, st.integers(0, 40))
def test_writing_is_the_inverse_of_reading(
    root: DraftNode, reserve: list[tuple[int, int]], version: int, padding: int
) -> None:
    data = build(root, reserve_map=reserve, version=version, padding=padding)
    assert write(parse(data)) == data


@given(roots)
def test_the_views_agree_with_each_other(root: DraftNode) -> None:
    tree = parse(build(root))
    for node in tree.nodes():
        assert tree.node(node.path) == node
        assert all(child.parent == node and child.depth == node.depth + 1 for child in node.children)
        for prop in node.properties:
            assert node.prop(prop.name) == prop
            assert prop.name in node
    names = {prop.name for node in tree.nodes() for prop in node.properties}
    for name in names:
        by_walking = [prop for node in tree.nodes() for prop in node.properties if prop.name == name]
        assert list(tree.properties_named(name)) == by_walking


@given(values)
def test_decoders_agree_with_the_bytes(value: bytes) -> None:
    prop = parse(build(DraftNode("", {"p": value}))).root.properties[0]
    assert prop.value == value
    try:
        cells = prop.cells()
    except PropertyError:
        assert len(value) % 4
    else:
        assert b"".join(cell.to_bytes(4, "big") for cell in cells) == value
    try:
        strings = prop.strings()
    except PropertyError:
        assert value[-1] != 0
    else:
        assert "".join(text + "\0" for text in strings).encode("utf-8", "surrogateescape") == value
    if len(value) == 8:
        assert prop.u64() == int.from_bytes(value, "big")


def pick(draw: st.DataObject, tree: Tree) -> str:
    return draw.draw(st.sampled_from([node.path for node in tree.nodes()]))


@given(roots, reserve_maps, versions, property_names, values, st.data())
def test_setting_a_property_changes_that_and_nothing_else(
    root: DraftNode,
    reserve: list[tuple[int, int]],
    version: int,
    name: str,
    value: bytes,
    data: st.DataObject,
) -> None:
    tree = parse(build(root, reserve_map=reserve, version=version, padding=8))
    path = pick(data, tree)
    after = edit.set_property(tree, path, name, value)
    assert spans_of(after) == {**spans_of(tree), (path, name): value}
    assert [node.path for node in after.nodes()] == [node.path for node in tree.nodes()]
    assert after.reserve_map == tree.reserve_map
    assert write(after) == after.blob
    assert edit.set_property(after, path, name, value).blob == after.blob
    if (path, name) in spans_of(tree):
        back = edit.set_property(after, path, name, spans_of(tree)[path, name])
        assert back.blob == tree.blob


@given(roots, st.data())
def test_a_value_of_the_same_length_changes_only_its_bytes(root: DraftNode, data: st.DataObject) -> None:
    tree = parse(build(root))
    candidates = [prop for node in tree.nodes() for prop in node.properties if prop.length]
    assume(candidates)
    prop = data.draw(st.sampled_from(candidates))
    value = data.draw(st.binary(min_size=prop.length, max_size=prop.length))
    after = edit.set_property(tree, prop.node.path, prop.name, value)
    at = prop.value_offset
    assert after.blob == tree.blob[:at] + value + tree.blob[at + prop.length :]


@given(roots, node_names, properties, st.booleans(), st.data())
def test_adding_and_removing_a_node(
    root: DraftNode, name: str, given_properties: dict[str, bytes], first: bool, data: st.DataObject
) -> None:
    tree = parse(build(root, padding=4))
    path = pick(data, tree)
    parent = tree.node(path)
    assert parent is not None
    assume(parent.child(name) is None)
    after = edit.add_node(tree, path, name, given_properties, first=first)
    new = f"{path.rstrip('/')}/{name}"
    assert spans_of(after) == {
        **spans_of(tree),
        **{(new, key): value for key, value in given_properties.items()},
    }
    where = after.node(path)
    assert where is not None
    assert where.children[0 if first else -1].path == new
    gone = edit.remove_node(after, new)
    assert DraftNode.from_node(gone.root) == root
    # Names that were new stay in the strings block; all else is as before.
    start, size = tree.header.off_dt_struct, tree.header.size_dt_struct or 0
    assert gone.blob[start : start + size] == tree.blob[start : start + size]
    assert gone.strings.startswith(tree.strings)


@given(roots, reserve_maps, reserve_maps)
def test_setting_the_reserve_map_and_back(
    root: DraftNode, reserve: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    tree = parse(build(root, reserve_map=reserve))
    after = edit.set_reserve_map(tree, other)
    assert [entry[:2] for entry in after.reserve_map] == other
    assert spans_of(after) == spans_of(tree)
    assert edit.set_reserve_map(after, reserve).blob == tree.blob
