# SPDX-License-Identifier: Apache-2.0
"""Edits that leave all other bytes alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.errors import EditError
from carveout.fdt import Tree, edit, parse
from carveout.fdt.draft import DraftNode
from support.blobs import HEADER_FIELDS, begin, blob, close, end, prop, small_tree, words

if TYPE_CHECKING:
    from collections.abc import Callable

STATUS, REG = 15, 11


@pytest.fixture
def tree() -> Tree:
    return parse(small_tree())


def header_changes(before: Tree, after: Tree) -> dict[str, int]:
    """Return how much each word of the header grew."""
    old, new = ([int.from_bytes(t.blob[i : i + 4], "big") for i in range(0, 40, 4)] for t in (before, after))
    return {name: b - a for name, a, b in zip(HEADER_FIELDS, old, new, strict=True) if a != b}


def test_a_value_of_the_same_length_changes_only_its_span(tree: Tree) -> None:
    after = edit.set_property(tree, "/soc@0/uart@2000", "reg", words(0xAAAAAAAA, 0xBBBBBBBB))
    changed = [at for at, (a, b) in enumerate(zip(tree.blob, after.blob, strict=True)) if a != b]
    reg = tree.node("/soc@0/uart@2000").prop("reg")  # type: ignore[union-attr]
    assert reg is not None
    assert changed == list(range(reg.value_offset, reg.value_offset + 8))


def test_a_longer_value_moves_what_is_behind(tree: Tree) -> None:
    after = edit.set_property(tree, "/", "status", b"disabled\0")
    old, new = prop(STATUS, b"okay\0"), prop(STATUS, b"disabled\0")
    at = tree.blob.index(old)
    assert after.blob[40:] == tree.blob[40:at] + new + tree.blob[at + len(old) :]
    assert header_changes(tree, after) == {"totalsize": 4, "off_dt_strings": 4, "size_dt_struct": 4}


def test_a_shorter_value(tree: Tree) -> None:
    after = edit.set_property(tree, "/", "compatible", b"")
    assert header_changes(tree, after) == {"totalsize": -24, "off_dt_strings": -24, "size_dt_struct": -24}
    assert after.root.prop("compatible").value == b""  # type: ignore[union-attr]


def test_a_length_that_fits_the_padding_changes_no_offset(tree: Tree) -> None:
    after = edit.set_property(tree, "/", "status", b"failed\0")
    assert header_changes(tree, after) == {}
    assert after.root.prop("status").string() == "failed"  # type: ignore[union-attr]


def test_a_new_property_with_a_known_name(tree: Tree) -> None:
    after = edit.set_property(tree, "/soc@0", "status", b"okay\0")
    assert header_changes(tree, after) == {"totalsize": 20, "off_dt_strings": 20, "size_dt_struct": 20}
    soc = after.node("/soc@0")
    assert soc is not None
    assert [found.name for found in soc.properties] == ["phandle", "status"]


def test_a_new_property_with_a_new_name(tree: Tree) -> None:
    after = edit.set_property(tree, "/twin", "no-map", b"")
    assert header_changes(tree, after) == {
        "totalsize": 12 + 7,
        "off_dt_strings": 12,
        "size_dt_strings": 7,
        "size_dt_struct": 12,
    }
    assert after.strings == tree.strings + b"no-map\0"
    assert after.blob.endswith(b"no-map\0" + bytes(12))


def test_a_new_name_behind_an_open_string() -> None:
    tree = parse(blob(strings=b"reg\0junk"))
    after = edit.set_property(tree, "/", "size", b"")
    assert after.strings == b"reg\0junk\0size\0"
    assert [found.name for found in after.root.properties] == ["size"]


def test_of_duplicates_the_first_is_set_and_all_are_removed(tree: Tree) -> None:
    after = edit.set_property(tree, "/twin", "status", b"1\0")
    assert [found.value for found in after.node("/twin").properties] == [b"1\0", b"second\0"]  # type: ignore[union-attr]
    gone = edit.remove_property(tree, "/twin", "status")
    assert gone.node("/twin").properties == ()  # type: ignore[union-attr]
    assert [found.node.path for found in gone.properties_named("status")] == ["/"]


def test_remove_property_undoes_a_set(tree: Tree) -> None:
    added = edit.set_property(tree, "/soc@0/uart@1000", "status", b"okay\0")
    assert edit.remove_property(added, "/soc@0/uart@1000", "status").blob == tree.blob


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("parent", ["/", "/soc@0", "/soc@0/uart@1000", "/twin"])
def test_remove_node_undoes_an_add(tree: Tree, parent: str, *, first: bool) -> None:
    added = edit.add_node(tree, parent, "new@5", {"reg": words(5), "status": b"okay\0"}, first=first)
    above = added.node(parent)
    assert above is not None
    assert above.children[0 if first else -1].name == "new@5"
    assert added.node_count() == tree.node_count() + 1
    path = f"{parent.rstrip('/')}/new@5"
    node = added.node(path)
    assert node is not None
    assert [(found.name, found.value) for found in node.properties] == [
        ("reg", words(5)),
        ("status", b"okay\0"),
    ]
    assert edit.remove_node(added, path).blob == tree.blob


def test_add_goes_behind_the_last_child_and_in_front_of_the_first(tree: Tree) -> None:
    last = edit.add_node(tree, "/soc@0", "new", {})
    assert [node.name for node in last.node("/soc@0").children] == ["uart@1000", "uart@2000", "new"]  # type: ignore[union-attr]
    first = edit.add_node(tree, "/soc@0", "new", {}, first=True)
    assert [node.name for node in first.node("/soc@0").children] == ["new", "uart@1000", "uart@2000"]  # type: ignore[union-attr]


def test_remove_node_takes_the_subtree(tree: Tree) -> None:
    after = edit.remove_node(tree, "/soc@0")
    assert [node.path for node in after.nodes()] == ["/", "/twin", "/twin"]


def test_set_reserve_map(tree: Tree) -> None:
    after = edit.set_reserve_map(tree, [(1, 2), (3, 4), (5, 6)])
    assert [entry[:2] for entry in after.reserve_map] == [(1, 2), (3, 4), (5, 6)]
    assert header_changes(tree, after) == {"totalsize": 16, "off_dt_struct": 16, "off_dt_strings": 16}
    assert edit.set_reserve_map(after, [entry[:2] for entry in tree.reserve_map]).blob == tree.blob
    assert edit.set_reserve_map(tree, []).reserve_map == ()


def test_a_reserve_map_behind_the_others_stays_aligned() -> None:
    structure = begin() + close() + end()
    head = blob(structure, strings=b"reg\0\0\0\0\0", reserve=b"")
    at = len(head)
    data = blob(structure, strings=b"reg\0\0\0\0\0", reserve=b"", tail=bytes(16), off_mem_rsvmap=at)
    tree = parse(data)
    after = edit.set_property(tree, "/", "x", b"")
    assert after.header.off_mem_rsvmap % 8 == 0
    assert after.reserve_map == ()
    assert "x" in after.root


def test_version_16_is_edited_too() -> None:
    tree = parse(blob(version=16))
    after = edit.add_node(tree, "/", "n", {"reg": b""})
    assert after.header.version == 16
    assert after.node("/n") is not None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param(lambda t: edit.set_property(t, "/no", "a", b""), "/no: there is no such node", id="set"),
        pytest.param(lambda t: edit.set_property(t, "/", "", b""), "/: the name of a property", id="no name"),
        pytest.param(
            lambda t: edit.remove_property(t, "/", "reg"), "/: there is no property 'reg'", id="remove"
        ),
        pytest.param(
            lambda t: edit.add_node(t, "/soc@0", "uart@1000", {}), "/soc@0: there is a node", id="twice"
        ),
        pytest.param(lambda t: edit.add_node(t, "/", "a/b", {}), "/: the node name 'a/b' holds", id="slash"),
        pytest.param(lambda t: edit.add_node(t, "/x", "a", {}), "/x: there is no such node", id="no parent"),
        pytest.param(lambda t: edit.remove_node(t, "/"), "/: the root cannot", id="root"),
        pytest.param(lambda t: edit.remove_node(t, "/x"), "/x: there is no such node", id="remove node"),
        pytest.param(lambda t: edit.set_reserve_map(t, [(0, 0)]), "would end the map", id="reserve map"),
    ],
)
def test_what_cannot_be_done_is_said(tree: Tree, change: Callable[[Tree], Tree], text: str) -> None:
    with pytest.raises(EditError, match=text):
        change(tree)


def test_reg_offset_of_the_helper_is_right(tree: Tree) -> None:
    assert tree.string_at(REG) == "reg"
    assert tree.string_at(STATUS) == "status"


def test_a_node_with_nodes_below_it(tree: Tree) -> None:
    content = DraftNode("new@1", {"reg": words(1, 2)}, [DraftNode("below", {"status": b"okay\0"})])
    after = edit.add_subtree(tree, "/soc@0", content, first=True)
    assert [node.name for node in after.node("/soc@0").children] == ["new@1", "uart@1000", "uart@2000"]  # type: ignore[union-attr]
    assert after.node("/soc@0/new@1/below").prop("status").string() == "okay"  # type: ignore[union-attr]
    assert edit.remove_node(after, "/soc@0/new@1").blob == tree.blob


def test_a_node_gets_another_name(tree: Tree) -> None:
    after = edit.rename_node(tree, "/soc@0/uart@1000", "console")
    assert [node.path for node in after.nodes()] == [
        node.path.replace("uart@1000", "console") for node in tree.nodes()
    ]
    assert edit.rename_node(after, "/soc@0/console", "uart@1000").blob == tree.blob
    assert edit.rename_node(tree, "/soc@0", "soc@0").blob == tree.blob


@pytest.mark.parametrize(
    ("path", "name", "why"),
    [
        ("/", "x", "/: the root cannot be renamed"),
        ("/nothing", "x", "/nothing: there is no such node"),
        ("/soc@0/uart@1000", "uart@2000", "/soc@0: there is a node 'uart@2000' already"),
        ("/soc@0", "", "/soc@0: the name of a node is empty"),
        ("/soc@0", "a/b", "/soc@0: the node name 'a/b' holds a character that no name may have"),
    ],
)
def test_names_that_a_node_cannot_get(tree: Tree, path: str, name: str, why: str) -> None:
    with pytest.raises(EditError) as caught:
        edit.rename_node(tree, path, name)
    assert str(caught.value) == why
