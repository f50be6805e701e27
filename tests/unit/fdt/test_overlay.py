# SPDX-License-Identifier: Apache-2.0
"""Overlays: fix-ups, targets, order, symbols, and what is wrong with a bad one."""

from __future__ import annotations

import pytest

from carveout.errors import OverlayError
from carveout.fdt import Tree, parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.overlay import apply
from carveout.fdt.writer import build
from support.blobs import words

NOT_FIXED_UP = words(0xFFFFFFFF)


def node(name: str, properties: dict[str, bytes] | None = None, *children: DraftNode) -> DraftNode:
    return DraftNode(name, properties, children)


def blob_of(*children: DraftNode, **options: object) -> Tree:
    return parse(build(DraftNode(children=children), **options))  # type: ignore[arg-type]


def base() -> Tree:
    return blob_of(
        node("aliases", {"serial0": b"/soc/uart@1000\0"}),
        node(
            "soc",
            {"phandle": words(5), "x": b"old\0", "y": b""},
            node("uart@1000", {"phandle": words(6)}),
            node("uart@2000"),
        ),
        node("reserved-memory", {}, node("a@1"), node("b@2")),
        node("__symbols__", {"soc": b"/soc\0", "uart": b"/soc/uart@1000\0", "plain": b"/soc/uart@2000\0"}),
        reserve_map=[(0x1000, 0x2000)],
        boot_cpuid=2,
    )


def fragment(content: DraftNode, *, name: str = "fragment@0", **target: bytes) -> DraftNode:
    content.name = "__overlay__"
    return node(name, {key.replace("_", "-"): value for key, value in target.items()}, content)


def paths(tree: Tree) -> list[str]:
    return [found.path for found in tree.nodes()]


def value(tree: Tree, path: str, name: str) -> bytes:
    found = tree.node(path)
    assert found is not None
    prop = found.prop(name)
    assert prop is not None
    return prop.value


def test_new_things_come_in_front_in_reverse() -> None:
    content = node("", {"p": b"", "x": b"new\0", "q": b""}, node("n1"), node("n2", {}, node("n3")))
    merged = apply(base(), blob_of(fragment(content, target_path=b"/soc\0")))
    soc = merged.node("/soc")
    assert soc is not None
    assert [found.name for found in soc.properties] == ["q", "p", "phandle", "x", "y"]
    assert [child.name for child in soc.children] == ["n2", "n1", "uart@1000", "uart@2000"]
    assert value(merged, "/soc", "x") == b"new\0"
    assert merged.node("/soc/n2/n3") is not None


def test_reserve_map_and_boot_cpu_of_the_base_stay() -> None:
    over = blob_of(fragment(node("", {"p": b""}), target_path=b"/\0"), reserve_map=[(1, 1)], boot_cpuid=7)
    merged = apply(base(), over)
    assert [entry[:2] for entry in merged.reserve_map] == [(0x1000, 0x2000)]
    assert merged.header.boot_cpuid_phys == 2
    assert "p" in merged.root


def test_labels_and_own_phandles_are_fixed_up() -> None:
    content = node(
        "",
        {},
        node("dev", {"phandle": words(1), "refs": words(1, 9) + NOT_FIXED_UP}),
        node("two", {"ref": words(1)}),
    )
    over = blob_of(
        fragment(content, target=NOT_FIXED_UP),
        node(
            "__fixups__", {"soc": b"/fragment@0:target:0\0", "uart": b"/fragment@0/__overlay__/dev:refs:8\0"}
        ),
        node(
            "__local_fixups__",
            {},
            node(
                "fragment@0",
                {},
                node("__overlay__", {}, node("dev", {"refs": words(0)}), node("two", {"ref": words(0)})),
            ),
        ),
    )
    merged = apply(base(), over)
    # 6 is the base's highest phandle, so the overlay's 1 becomes 7; the 9 is no phandle.
    assert value(merged, "/soc/dev", "phandle") == words(7)
    assert value(merged, "/soc/dev", "refs") == words(7, 9, 6)
    assert value(merged, "/soc/two", "ref") == words(7)


def test_a_phandle_of_the_base_is_not_overwritten() -> None:
    merged = apply(base(), blob_of(fragment(node("", {"phandle": words(1)}), target_path=b"/soc\0")))
    assert value(merged, "/soc", "phandle") == words(5)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        pytest.param(b"/soc/uart@2000\0", "/soc/uart@2000", id="full"),
        pytest.param(b"/soc/uart\0", "/soc/uart@1000", id="first without unit address"),
        pytest.param(b"serial0\0", "/soc/uart@1000", id="alias"),
        pytest.param(b"/\0", "/", id="root"),
    ],
)
def test_target_path(target: bytes, path: str) -> None:
    merged = apply(base(), blob_of(fragment(node("", {"here": b""}), target_path=target)))
    assert [found.node.path for found in merged.properties_named("here")] == [path]


def test_a_child_without_unit_address_means_the_first_like_it() -> None:
    content = node("", {}, node("uart", {"here": b""}), node("uart@2000", {"there": b""}), node("uart@3", {}))
    merged = apply(base(), blob_of(fragment(content, target_path=b"/soc\0")))
    assert [found.node.path for found in merged.properties_named("here")] == ["/soc/uart@1000"]
    assert [found.node.path for found in merged.properties_named("there")] == ["/soc/uart@2000"]
    assert paths(merged).count("/soc/uart@3") == 1


def test_later_fragments_and_overlays_see_earlier_ones() -> None:
    first = blob_of(
        fragment(node("", {}, node("n", {"phandle": words(1)})), target_path=b"/soc\0"),
        fragment(node("", {"late": b""}), name="fragment@1", target=words(1)),
        node("__local_fixups__", {}, node("fragment@1", {"target": words(0)})),
        node("__symbols__", {"fresh": b"/fragment@0/__overlay__/n\0", "soc2": b"/fragment@0/__overlay__\0"}),
    )
    merged = apply(base(), first)
    assert [found.node.path for found in merged.properties_named("late")] == ["/soc/n"]
    assert value(merged, "/__symbols__", "fresh") == b"/soc/n\0"
    assert value(merged, "/__symbols__", "soc2") == b"/soc\0"
    second = blob_of(
        fragment(node("", {"later": b""}), target=NOT_FIXED_UP),
        node("__fixups__", {"fresh": b"/fragment@0:target:0\0"}),
    )
    assert [found.node.path for found in apply(merged, second).properties_named("later")] == ["/soc/n"]


def test_symbols_are_made_where_the_base_has_none() -> None:
    over = blob_of(
        fragment(node("", {}, node("n")), target_path=b"/\0"),
        node("__symbols__", {"one": b"/fragment@0/__overlay__/n\0", "outside": b"/elsewhere\0"}),
    )
    merged = apply(blob_of(), over)
    assert value(merged, "/__symbols__", "one") == b"/n\0"
    assert merged.node("/__symbols__").property_count == 1  # type: ignore[union-attr]


def test_a_node_beside_the_fragments_is_left_out() -> None:
    merged = apply(base(), blob_of(fragment(node(""), target_path=b"/\0"), node("notes", {"a": b""})))
    assert paths(merged) == paths(base())


def fixups(**labels: bytes) -> DraftNode:
    return node("__fixups__", labels)


def local(*children: DraftNode) -> DraftNode:
    return node("__local_fixups__", {}, *children)


def to_soc() -> DraftNode:
    return fragment(node("", {"p": words(1)}), target_path=b"/soc\0")


def by_label() -> DraftNode:
    return fragment(node(""), target=NOT_FIXED_UP)


@pytest.mark.parametrize(
    ("children", "path", "text"),
    [
        pytest.param([node("fragment@0")], "/", "not an overlay", id="no __overlay__"),
        pytest.param([by_label()], "/fragment@0", "__fixups__ should have", id="target never fixed up"),
        pytest.param(
            [fragment(node(""), target=words(99))], "/fragment@0", "phandle 0x63", id="unknown phandle"
        ),
        pytest.param([fragment(node(""), target=b"\1")], "/fragment@0", "1 bytes long", id="short target"),
        pytest.param([fragment(node(""))], "/fragment@0", "neither target nor", id="no target"),
        pytest.param(
            [fragment(node(""), target_path=b"/x\0")], "/fragment@0", "no node '/x'", id="no such path"
        ),
        pytest.param(
            [fragment(node(""), target_path=b"none\0")], "/fragment@0", "no node 'none'", id="no alias"
        ),
        pytest.param(
            [fragment(node(""), target_path=b"/soc")], "/fragment@0", "closed by a NUL", id="open path"
        ),
        pytest.param(
            [by_label(), fixups(nope=b"/fragment@0:target:0\0")], "/__fixups__", "'nope'", id="no label"
        ),
        pytest.param(
            [by_label(), fixups(plain=b"/x:y:0\0")], "/__fixups__", "has no phandle", id="no phandle"
        ),
        pytest.param(
            [by_label(), fixups(soc=b"/fragment@0:target\0")], "/__fixups__", "form path:", id="form"
        ),
        pytest.param(
            [by_label(), fixups(soc=b"/fragment@0:target:-4\0")], "/__fixups__", "form path:", id="sign"
        ),
        pytest.param([by_label(), fixups(soc=b"/fragment@0:target:0")], "/__fixups__", "NUL", id="open list"),
        pytest.param(
            [by_label(), fixups(soc=b"/fragment@0:x:0\0")], "/fragment@0:x", "not there", id="property"
        ),
        pytest.param(
            [by_label(), fixups(soc=b"/fragment@0:target:1\0")], "/fragment@0:target", "outside", id="span"
        ),
        pytest.param(
            [to_soc(), local(node("fragment@0", {"x": words(0)}))],
            "/fragment@0:x",
            "not there",
            id="local property",
        ),
        pytest.param(
            [to_soc(), local(node("fragment@0", {"target-path": words(40)}))],
            "/fragment@0:target-path",
            "outside",
            id="local span",
        ),
        pytest.param(
            [to_soc(), local(node("fragment@0", {"target-path": b"\0"}))],
            "/fragment@0:target-path",
            "1 bytes long",
            id="local list",
        ),
        pytest.param(
            [fragment(node("", {"phandle": words(0xFFFFFFFE)}), target_path=b"/\0")],
            "/fragment@0/__overlay__",
            "cannot be moved",
            id="no room for phandles",
        ),
        pytest.param(
            [fragment(node("", {"phandle": b""}), target_path=b"/\0")],
            "/fragment@0/__overlay__",
            "0 bytes long",
            id="empty phandle",
        ),
        pytest.param(
            [to_soc(), node("__symbols__", {"a": b"/fragment@9/__overlay__/n\0"})],
            "/__symbols__:a",
            "no fragment",
            id="symbol of no fragment",
        ),
        pytest.param(
            [to_soc(), node("__symbols__", {"a": b"fragment\0"})],
            "/__symbols__:a",
            "not a path",
            id="symbol form",
        ),
    ],
)
def test_a_bad_overlay_is_one_error_with_its_path(children: list[DraftNode], path: str, text: str) -> None:
    with pytest.raises(OverlayError, match=text) as caught:
        apply(base(), blob_of(*children))
    assert caught.value.path == path


def test_a_base_without_symbols() -> None:
    over = blob_of(by_label(), fixups(soc=b"/fragment@0:target:0\0"))
    with pytest.raises(OverlayError, match="dtc -@"):
        apply(blob_of(), over)


def test_a_symbol_of_the_base_that_leads_nowhere() -> None:
    over = blob_of(by_label(), fixups(soc=b"/fragment@0:target:0\0"))
    with pytest.raises(OverlayError, match="means /gone, which is not there"):
        apply(blob_of(node("__symbols__", {"soc": b"/gone\0"})), over)


def test_a_broken_alias_is_no_target() -> None:
    start = blob_of(node("aliases", {"a": b"relative\0"}))
    with pytest.raises(OverlayError, match="no node 'a'"):
        apply(start, blob_of(fragment(node(""), target_path=b"a\0")))
