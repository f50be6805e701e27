# SPDX-License-Identifier: Apache-2.0
"""Blobs made from scratch and blobs written again."""

from __future__ import annotations

import pytest

from carveout.errors import EditError, UsageError
from carveout.fdt import parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.structure import MAX_DEPTH
from carveout.fdt.writer import build, write
from support.blobs import NOP, begin, blob, close, end, prop, small_tree, words


def draft() -> DraftNode:
    root = DraftNode("", {"compatible": b"vendor,board\0", "status": b"okay\0"})
    soc = root.add("soc@0", {"status": b"busy\0"})
    soc.add("uart@1000", {"reg": words(0x1000)})
    root.add("memory@0")
    return root


def test_build_gives_the_words_of_the_specification() -> None:
    built = build(draft(), reserve_map=[(0x1000, 0x2000)], boot_cpuid=3)
    structure = (
        begin()
        + prop(0, b"vendor,board\0")
        + prop(11, b"okay\0")
        + begin(b"soc@0")
        + prop(11, b"busy\0")
        + begin(b"uart@1000")
        + prop(18, words(0x1000))
        + close()
        + close()
        + begin(b"memory@0")
        + close()
        + close()
        + end()
    )
    reserve = words(0, 0x1000, 0, 0x2000) + bytes(16)
    expected = blob(structure, strings=b"compatible\0status\0reg\0", reserve=reserve, boot_cpuid_phys=3)
    assert built == expected


def test_version_16_and_padding() -> None:
    tree = parse(build(draft(), version=16, padding=100))
    assert (tree.header.version, tree.header.size_dt_struct) == (16, None)
    assert tree.blob.endswith(bytes(100))
    assert DraftNode.from_node(tree.root) == draft()


@pytest.mark.parametrize(
    ("root", "options", "text"),
    [
        pytest.param(DraftNode("x"), {}, "the root has the name", id="root with a name"),
        pytest.param(DraftNode(), {"version": 3}, "version 3 cannot be written", id="version"),
        pytest.param(DraftNode(children=[DraftNode("")]), {}, "node is empty", id="node without name"),
        pytest.param(DraftNode(children=[DraftNode("a/b")]), {}, "no name may have", id="slash"),
        pytest.param(DraftNode(children=[DraftNode("a\0b")]), {}, "no name may have", id="NUL"),
        pytest.param(DraftNode(children=[DraftNode("a" * 256)]), {}, "longer than 255", id="long"),
        pytest.param(DraftNode("", {"": b""}), {}, "property is empty", id="property without name"),
        pytest.param(DraftNode("", {"p" * 256: b""}), {}, "longer than 255", id="long property name"),
        pytest.param(DraftNode(), {"reserve_map": [(0, 0)]}, "would end the map", id="closing entry"),
        pytest.param(DraftNode(), {"reserve_map": [(1 << 64, 0)]}, "64 bits", id="address too large"),
        pytest.param(DraftNode(), {"reserve_map": [(0, -1)]}, "64 bits", id="size below 0"),
    ],
)
def test_what_cannot_be_written_is_said(root: DraftNode, options: dict[str, object], text: str) -> None:
    with pytest.raises(EditError, match=text) as caught:
        build(root, **options)  # type: ignore[arg-type]
    assert isinstance(caught.value, UsageError)


def test_nesting_beyond_what_is_read_is_not_written() -> None:
    root = DraftNode()
    node = root
    for _ in range(MAX_DEPTH):
        node = node.add("n")
    assert parse(build(root)).node_count() == MAX_DEPTH + 1
    node.add("one-more")
    with pytest.raises(EditError, match="deeper"):
        build(root)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(small_tree(), id="NOPs, duplicates, padding"),
        pytest.param(blob(), id="nearly nothing"),
        pytest.param(blob(version=16, size_dt_struct=7), id="version 16 with a gap behind the header"),
        pytest.param(blob(begin() + close() + end() + words(0, NOP)), id="padding in the structure block"),
        pytest.param(build(draft(), padding=8), id="our own"),
        pytest.param(
            blob(begin() + words(3, 1, 0) + b"vxyz" + words(1) + b"n\0ab" + close() * 2 + end()),
            id="odd padding bytes",
        ),
    ],
)
def test_write_gives_the_same_bytes(data: bytes) -> None:
    assert write(parse(data)) == data


def test_write_takes_the_values_from_the_index_not_the_blob() -> None:
    tree = parse(small_tree())
    changed = type(tree)(tree.blob, tree.header._replace(boot_cpuid_phys=9), tree.reserve_map, tree.structure)
    assert write(changed) == small_tree()[:28] + words(9) + small_tree()[32:]


class TestDraftNode:
    def test_copy_of_a_tree(self) -> None:
        copy = DraftNode.from_node(parse(small_tree()).root)
        assert [path for path, _ in copy.walk()] == [node.path for node in parse(small_tree()).nodes()]
        twin = copy.find("/twin")
        assert twin is not None
        assert twin.properties == {"status": b"first\0"}

    def test_copy_of_a_part(self) -> None:
        soc = parse(small_tree()).node("/soc@0")
        assert soc is not None
        assert [child.name for child in DraftNode.from_node(soc).children] == ["uart@1000", "uart@2000"]

    def test_find(self) -> None:
        root = draft()
        uart = root.find("/soc@0/uart@1000")
        assert uart is not None
        assert uart.name == "uart@1000"
        assert root.find("/") is root
        assert root.find("/soc@0/none/none") is None

    def test_equality_looks_at_every_order(self) -> None:
        assert draft() == draft()
        assert draft() != "draft"
        assert DraftNode("", {"a": b"", "b": b""}) != DraftNode("", {"b": b"", "a": b""})
        assert DraftNode(children=[DraftNode("a"), DraftNode("b")]) != DraftNode(
            children=[DraftNode("b"), DraftNode("a")]
        )
        assert DraftNode(children=[DraftNode("a")]) != DraftNode()

    def test_repr(self) -> None:
        assert repr(draft()) == "<DraftNode '': 2 properties, 2 children>"
