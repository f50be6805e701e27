# SPDX-License-Identifier: Apache-2.0
"""Node and Property views of a tree whose every byte is known."""

from __future__ import annotations

import pytest

from carveout.errors import CarveoutError, PropertyError
from carveout.fdt import Node, Property, Tree, parse
from support.blobs import begin, blob, close, end, prop, small_tree, words


@pytest.fixture
def tree() -> Tree:
    return parse(small_tree())


def the(prop: Property | None) -> Property:
    assert prop is not None
    return prop


def at(tree: Tree, path: str) -> Node:
    node = tree.node(path)
    assert node is not None
    return node


def test_header_and_reserve_map(tree: Tree) -> None:
    assert tree.header.version == 17
    assert tree.header.totalsize == len(small_tree())
    # An entry of size 0 does not end the map; Linux stops there, which is not the reader's business.
    assert [tuple(entry) for entry in tree.reserve_map] == [
        (0x8000_0000, 0x1000, 40),
        (0x9000_0000, 0, 56),
    ]


def test_nodes_come_in_block_order(tree: Tree) -> None:
    assert [node.path for node in tree.nodes()] == [
        "/",
        "/soc@0",
        "/soc@0/uart@1000",
        "/soc@0/uart@2000",
        "/twin",
        "/twin",
    ]
    assert [node.depth for node in tree.nodes()] == [0, 1, 2, 2, 1, 1]
    assert tree.node_count() == 6


def test_names(tree: Tree) -> None:
    uart = at(tree, "/soc@0/uart@1000")
    assert (uart.name, uart.base_name, uart.unit_address) == ("uart@1000", "uart", "1000")
    assert (tree.root.name, tree.root.base_name, tree.root.unit_address) == ("", "", None)


def test_parents_and_children(tree: Tree) -> None:
    soc = at(tree, "/soc@0")
    assert [child.name for child in tree.root.children] == ["soc@0", "twin", "twin"]
    assert [child.name for child in soc.children] == ["uart@1000", "uart@2000"]
    assert soc.children[0].children == ()
    assert soc.children[1].parent == soc
    assert soc.parent == tree.root
    assert tree.root.parent is None
    assert soc.child("uart@2000") == soc.children[1]
    assert soc.child("uart") is None
    assert tree.root.child("twin") == tree.root.children[1]


@pytest.mark.parametrize("path", ["/soc", "/soc@0/uart@10000", "/soc@0/uart@1000/x", "soc@0", "", "/so"])
def test_no_node_at_a_path_that_is_not_there(tree: Tree, path: str) -> None:
    assert tree.node(path) is None


def test_offsets_point_at_the_tokens(tree: Tree) -> None:
    for node in tree.nodes():
        assert tree.blob[node.offset :][:4] == words(1)
        for found in node.properties:
            assert tree.blob[found.offset :][:4] == words(3)
            assert tree.blob[found.value_offset :][: found.length] == found.value


def test_properties(tree: Tree) -> None:
    root = tree.root
    assert [found.name for found in root.properties] == ["compatible", "status"]
    assert root.property_count == 2
    assert "status" in root
    assert "reg" not in root
    assert 5 not in root
    assert root.prop("reg") is None
    assert the(root.prop("status")).node == root


def test_of_duplicates_the_first_is_found(tree: Tree) -> None:
    twin = at(tree, "/twin")
    assert twin.property_count == 2
    assert the(twin.prop("status")).string() == "first"


def test_properties_named_over_the_whole_tree(tree: Tree) -> None:
    assert [found.node.path for found in tree.properties_named("status")] == ["/", "/twin", "/twin"]
    assert [found.node.name for found in tree.properties_named("reg")] == ["uart@1000", "uart@2000"]
    assert list(tree.properties_named("eg")) == []
    assert list(tree.properties_named("nothing")) == []


def test_names_may_share_the_tail_of_a_string() -> None:
    tree = parse(blob(begin() + prop(4) + prop(8) + prop(0) + close() + end(), strings=b"my,#reg\0reg\0"))
    assert [found.name for found in tree.root.properties] == ["reg", "reg", "my,#reg"]
    assert [found.number for found in tree.properties_named("reg")] == [0, 1]


def test_phandles(tree: Tree) -> None:
    assert tree.by_phandle(7) == at(tree, "/soc@0")
    assert tree.by_phandle(8) is None


def test_phandles_are_taken_as_linux_takes_them() -> None:
    structure = (
        begin()
        + begin(b"zero-first") + prop(0, words(0)) + prop(8, words(5)) + close()
        + begin(b"both") + prop(8, words(6)) + prop(0, words(9)) + close()
        + begin(b"again") + prop(0, words(6)) + close()
        + begin(b"short") + prop(0, b"\1") + close()
        + close() + end()
    )  # fmt: skip
    tree = parse(blob(structure, strings=b"phandle\0linux,phandle\0"))
    found = {number: tree.by_phandle(number) for number in (0, 5, 6, 9)}
    assert {number: node and node.name for number, node in found.items()} == {
        0: None,
        5: "zero-first",
        6: "both",
        9: None,
    }


def test_labels() -> None:
    structure = (
        begin()
        + begin(b"soc") + close()
        + begin(b"__symbols__") + prop(0, b"/soc\0") + prop(4, b"/soc\0") + close()
        + close() + end()
    )  # fmt: skip
    tree = parse(blob(structure, strings=b"one\0two\0"))
    assert tree.label_of("/soc") == "one"
    assert tree.label_of("/") is None


def test_label_without_symbols(tree: Tree) -> None:
    assert tree.label_of("/soc@0") is None


def test_equality_is_by_tree_and_place(tree: Tree) -> None:
    other = parse(small_tree())
    assert tree.root == tree.root
    assert tree.root != other.root
    assert tree.root != "/"
    assert len({tree.root, tree.root, other.root}) == 2
    assert the(tree.root.prop("status")) == the(tree.root.prop("status"))
    assert the(tree.root.prop("status")) != the(other.root.prop("status"))
    assert the(tree.root.prop("status")) != 1
    assert len({the(tree.root.prop("status")), the(tree.root.prop("status"))}) == 1


def test_repr_names_the_place(tree: Tree) -> None:
    assert repr(tree.root) == "<Node />"
    assert repr(the(tree.root.prop("status"))) == "<Property /:status>"
    assert "6 nodes" in repr(tree)


def test_struct_cells_are_the_words_of_the_block(tree: Tree) -> None:
    start, size = tree.header.off_dt_struct, tree.header.size_dt_struct or 0
    assert words(*tree.struct_cells()) == tree.blob[start : start + size]


def single(value: bytes) -> Property:
    return the(parse(blob(begin() + prop(11, value) + close() + end())).root.prop("reg"))


def test_decoders() -> None:
    assert single(words(0xFFFFFFFF)).u32() == 0xFFFFFFFF
    assert single(words(1, 2)).u64() == 0x1_0000_0002
    assert single(words(1, 2, 3)).cells() == (1, 2, 3)
    assert single(b"").cells() == ()
    assert single(b"okay\0").string() == "okay"
    assert single(b"\0").string() == ""
    assert single(b"a\0\0bc\0").strings() == ("a", "", "bc")
    assert single(b"").strings() == ()


@pytest.mark.parametrize(
    ("decoder", "value"),
    [
        pytest.param("u32", b"", id="u32 of nothing"),
        pytest.param("u32", bytes(3), id="u32 of 3 bytes"),
        pytest.param("u32", bytes(8), id="u32 of two cells"),
        pytest.param("u64", bytes(4), id="u64 of one cell"),
        pytest.param("u64", bytes(12), id="u64 of three cells"),
        pytest.param("cells", bytes(5), id="cells of 5 bytes"),
        pytest.param("string", b"", id="string of nothing"),
        pytest.param("string", b"okay", id="string without NUL"),
        pytest.param("string", b"a\0b\0", id="two strings"),
        pytest.param("strings", b"a\0b", id="last string without NUL"),
    ],
)
def test_a_value_that_does_not_fit_its_decoder(decoder: str, value: bytes) -> None:
    with pytest.raises(PropertyError, match=f"/:reg at offset 0x40: {len(value)} bytes, expected") as caught:
        getattr(single(value), decoder)()
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, CarveoutError)
    assert (caught.value.path, caught.value.name, caught.value.offset) == ("/", "reg", 0x40)


def test_odd_bytes_in_names_and_strings_are_not_lost() -> None:
    structure = begin() + begin(b"\xffn\xc3\xa9") + prop(0, b"\xfe\0") + close() * 2 + end()
    tree = parse(blob(structure, strings=b"p\x80\0"))
    node = tree.root.children[0]
    assert node.name.encode("utf-8", "surrogateescape") == b"\xffn\xc3\xa9"
    assert tree.node(node.path) == node
    found = node.properties[0]
    assert found.name.encode("utf-8", "surrogateescape") == b"p\x80"
    assert node.prop(found.name) == found
    assert found.string().encode("utf-8", "surrogateescape") == b"\xfe"
    assert list(tree.properties_named(found.name)) == [found]


def test_a_memoryview_is_read_too() -> None:
    data = small_tree()
    assert parse(memoryview(data)).blob == data
    assert parse(memoryview(data + b"more")).blob == data


def test_version_16_has_no_structure_size() -> None:
    data = small_tree()
    data = data[:20] + words(16) + data[24:36] + words(0) + data[40:]
    tree = parse(data)
    assert tree.header.size_dt_struct is None
    assert [node.path for node in tree.nodes()] == [node.path for node in parse(small_tree()).nodes()]
    assert tree.struct_cells() == parse(small_tree()).struct_cells()
