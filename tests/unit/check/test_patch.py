# SPDX-License-Identifier: Apache-2.0
"""Changes of properties become changes of lines, where that is certain."""

from __future__ import annotations

import pytest

from carveout.check.fix import apply_edits, fix_tree, keep_groups
from carveout.check.model import Edit, EditKind, Finding, Severity
from carveout.check.patch import patch_source, statement
from carveout.fdt.dts import SourceMap, SourceSpan
from support.dts import compile_dts

TEXT = """\
/ {
	fw@1000 {
		reg = <0x1000
			0x10>; /* no-map; */
		no-map; // said by "fw"
	};

	pool { size = <0x10>; reusable; };
	empty {
	};
	both { a { x; }; x; };
	labels = <&one 2>;
};
"""


def span(first: int, first_column: int, last: int, last_column: int) -> SourceSpan:
    return SourceSpan("a.dts", first, first_column, last, last_column)


SOURCE = SourceMap(
    {
        "/": (span(1, 3, 13, 3),),
        "/fw@1000": (span(2, 10, 6, 4),),
        "/pool": (span(8, 7, 8, 36),),
        "/empty": (span(9, 8, 10, 4),),
        "/both": (span(11, 7, 11, 24),),
        "/both/a": (span(11, 11, 11, 18),),
        "/other": (SourceSpan("b.dtsi", 1, 1, 2, 2),),
        "/made": (),
    },
    {
        ("/fw@1000", "reg"): (span(3, 3, 4, 19),),
        ("/fw@1000", "no-map"): (span(5, 3, 5, 10),),
        ("/pool", "size"): (span(8, 9, 8, 23),),
        ("/pool", "reusable"): (span(8, 24, 8, 33),),
        ("/both", "x"): (span(11, 19, 11, 21),),
        ("/both/a", "x"): (span(11, 13, 11, 15),),
        ("/", "labels"): (span(12, 2, 12, 20),),
        ("/pool", "phandle"): (),
    },
)


def put(path: str, name: str, value: bytes = b"") -> Edit:
    return Edit(EditKind.SET, path, name, value)


def drop(path: str, name: str) -> Edit:
    return Edit(EditKind.REMOVE, path, name)


def patched(*edits: Edit) -> str:
    patch = patch_source(edits, SOURCE, {"a.dts": TEXT})
    assert patch.left == ()
    return patch.texts["a.dts"]


@pytest.mark.parametrize(
    ("edit", "old", "new"),
    [
        pytest.param(
            put("/fw@1000", "reg", bytes(7) + b"\1"), "reg = <0x1000\n\t\t\t0x10>;", "reg = <0x0 0x1>;", id="set"
        ),
        pytest.param(drop("/fw@1000", "no-map"), '\t\tno-map; // said by "fw"\n', '\t\t// said by "fw"\n', id="keep-comment"),
        pytest.param(drop("/pool", "reusable"), "size = <0x10>; reusable; }", "size = <0x10>; }", id="one-line"),
        pytest.param(put("/pool", "no-map"), "reusable; };", "reusable; no-map; };", id="add-one-line"),
        pytest.param(put("/fw@1000", "reusable"), '"fw"\n', '"fw"\n\t\treusable;\n', id="add-line"),
        pytest.param(put("/empty", "no-map"), "empty {\n", "empty {\n\t\tno-map;\n", id="add-to-empty"),
        pytest.param(drop("/both", "x"), "a { x; }; x; };", "a { x; }; };", id="by-column"),
    ],
)  # fmt: skip
def test_edit(edit: Edit, old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    assert patched(edit).split() == TEXT.replace(old, new).split()
    assert patched(edit).count("\n") == TEXT.replace(old, new).count("\n")


def test_several_edits_of_one_file() -> None:
    text = patched(drop("/pool", "reusable"), put("/pool", "no-map"), put("/empty", "a"), put("/empty", "b"))
    assert "pool { size = <0x10>; no-map; };" in text
    assert "\tempty {\n\t\ta;\n\t\tb;\n\t};" in text


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        pytest.param(put("/", "labels", bytes(4)), "refers to labels", id="labels"),
        pytest.param(put("/made", "x"), "no source text made the node", id="made"),
        pytest.param(drop("/pool", "phandle"), "no source text made the property", id="phandle"),
        pytest.param(put("/other", "x"), "b.dtsi cannot be changed from here", id="other-file"),
        pytest.param(drop("/gone", "x"), "no source text made", id="gone"),
    ],
)
def test_what_is_not_certain_is_left(edit: Edit, why: str) -> None:
    patch = patch_source([edit], SOURCE, {"a.dts": TEXT})
    assert patch.texts == {}
    assert [(left.edit, why in left.why) for left in patch.left] == [(edit, True)]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("no-map", b"", "no-map;"),
        ("reg", bytes.fromhex("0000000040000000"), "reg = <0x0 0x40000000>;"),
        ("compatible", b"a,b\0c\0", 'compatible = "a,b", "c";'),
        ("status", b"okay\0", 'status = "okay";'),
        ("odd", b"\1\2\3", "odd = [01 02 03];"),
        ("compatible", b"\xff\xfe\0\0", "compatible = <0xfffe0000>;"),
    ],
)
def test_statement(name: str, value: bytes, text: str) -> None:
    assert statement(name, value) == text


TREE = compile_dts("/ { a { x = <1>; y; }; b { x = <1>; }; };")


def finding(*edits: Edit, code: str = "CV999") -> Finding:
    return Finding(code, "test", Severity.ERROR, edits[0].path, "wrong", "a.dtb", edits=edits)


def test_fixes_are_made_until_none_is_left() -> None:
    def check(tree: object) -> list[Finding]:
        assert isinstance(tree, type(TREE))
        node = tree.node("/a")
        assert node is not None
        value = bytes(node.prop("x").value)  # type: ignore[union-attr]
        return [finding(put("/a", "x", (value[3] + 1).to_bytes(4, "big")))] if value[3] < 3 else []

    result = fix_tree(TREE, check)
    assert result.remaining == ()
    assert len(result.fixed) == 1
    assert result.edits == (put("/a", "x", bytes((0, 0, 0, 3))),)


def test_fixes_that_undo_each_other_end() -> None:
    flips = iter(range(1000))
    result = fix_tree(TREE, lambda _: [finding(put("/a", "x", next(flips).to_bytes(4, "big")))])
    assert len(result.remaining) == 1
    assert next(flips) < 20


def test_half_a_fix_is_no_fix() -> None:
    first = finding(put("/a", "x", b"1"), code="CV901")
    second = finding(put("/b", "x", b"2"), put("/a", "x", b"3"), code="CV902")
    done: list[object] = []

    def check(tree: object) -> list[Finding]:
        done.append(tree)
        return [first, second] if len(done) == 1 else [second]

    result = fix_tree(TREE, check)
    assert result.groups[0] == first.edits
    kept = keep_groups(TREE, result, {("/b", "x")}, lambda _: [])
    assert kept.edits == first.edits


def test_removing_what_is_not_there_changes_nothing() -> None:
    assert bytes(apply_edits(TREE, [drop("/a", "z")]).blob) == bytes(TREE.blob)
