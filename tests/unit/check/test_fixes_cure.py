# SPDX-License-Identifier: Apache-2.0
"""The change that a finding carries makes the finding go away, and what rules share about structure is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.board import read_board
from carveout.check.context import BoardContext
from carveout.check.model import EditKind, Example, Rule
from carveout.check.registry import all_rules
from carveout.check.spelling import distance
from carveout.check.structure import fits, one_bank_each, resized, unit_number
from carveout.fdt.edit import remove_property, set_property
from carveout.span import Span
from support.dts import compile_example

if TYPE_CHECKING:
    from carveout.fdt import Tree

BOARD_RULES = [
    pytest.param(rule, example, id=f"{rule.code}-{number}")
    for rule in all_rules()
    if rule.board is not None
    for number, example in enumerate(rule.bad)
]


def _problems(rule: Rule, tree: Tree) -> list[tuple[str, tuple[object, ...]]]:
    assert rule.board is not None
    return [(problem.path, problem.edits) for problem in rule.board(BoardContext(read_board(tree)))]


@pytest.mark.parametrize(("rule", "example"), BOARD_RULES)
def test_change_cures(rule: Rule, example: Example) -> None:
    tree = compile_example(example.dts, whole=example.whole)
    assert rule.board is not None
    found = list(rule.board(BoardContext(read_board(tree))))
    edits = [edit for problem in found for edit in problem.edits]
    for edit in edits:
        if edit.kind is EditKind.SET:
            tree = set_property(tree, edit.path, edit.name, edit.value)
        else:
            tree = remove_property(tree, edit.path, edit.name)
    left = sum(not problem.edits for problem in found)
    assert len(_problems(rule, tree)) == left


@pytest.mark.parametrize(
    ("name", "is_certain"),
    [("image@10000000", True), ("image", False), ("image@0", False), ("image@20000000", False)],
)
def test_a_unit_address_tells_whose_cells_a_reg_has(name: str, is_certain: bool) -> None:
    # udmabuf issue 111: four cells are one entry of two and two, or two entries of one and one.
    rule = next(rule for rule in all_rules() if rule.code == "CV003")
    tree = compile_example(
        f"""/ {{ #address-cells = <1>; #size-cells = <1>;
            reserved-memory {{ #address-cells = <2>; #size-cells = <2>; ranges;
                {name} {{ reg = <0x0 0x10000000 0x0 0x8000000>; }}; }}; }};""",
        whole=True,
    )
    assert rule.board is not None
    (problem,) = rule.board(BoardContext(read_board(tree)))
    assert problem.fix is not None
    values = {edit.name: edit.value.hex() for edit in problem.edits}
    assert values.get("reg") == ("1000000008000000" if is_certain else None)


def test_values_are_written_for_the_cells_of_the_root() -> None:
    rule = next(rule for rule in all_rules() if rule.code == "CV003")
    tree = compile_example(
        """/ { #address-cells = <2>; #size-cells = <2>;
            reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges;
                fw@50000000 { reg = <0x50000000 0x100000>; };
                pool { size = <0x400000>; alignment = <0x200000>; alloc-ranges = <0x40000000 0x1000000>; }; }; };""",
        whole=True,
    )
    assert rule.board is not None
    (problem,) = rule.board(BoardContext(read_board(tree)))
    values = {(edit.path.rpartition("/")[2], edit.name): edit.value.hex() for edit in problem.edits}
    assert values == {
        ("reserved-memory", "#address-cells"): "00000002",
        ("reserved-memory", "#size-cells"): "00000002",
        ("fw@50000000", "reg"): "00000000500000000000000000100000",
        ("pool", "alloc-ranges"): "00000000400000000000000001000000",
        ("pool", "size"): "0000000000400000",
        ("pool", "alignment"): "0000000000200000",
    }


def test_values_of_doubtful_cells_are_left_alone() -> None:
    rule = next(rule for rule in all_rules() if rule.code == "CV003")
    # 16 bytes: one entry of two cells each, or two entries of one cell each.
    tree = compile_example(
        """/ { #address-cells = <2>; #size-cells = <2>;
            reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges;
                fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; }; }; };""",
        whole=True,
    )
    assert _problems(rule, tree) == [("/reserved-memory", ())]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("no-map", "no-map", 0),
        ("no-mem", "no-map", 2),
        ("no-mpa", "no-map", 1),
        ("nomap", "no-map", 1),
        ("reuseable", "reusable", 1),
        ("", "size", 4),
        ("a" * 5000, "size", 5000),
    ],
)
def test_distance(one: str, other: str, expected: int) -> None:
    assert distance(one, other) == expected
    assert distance(other, one) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80000000", 0x80000000),
        ("0x80000000", 0x80000000),
        ("1,80000000", 0x180000000),
        ("0", 0),
        ("tee", None),
        ("", None),
        ("1,2,3", None),
        ("1" * 17, None),
    ],
)
def test_unit_number(text: str, expected: int | None) -> None:
    assert unit_number(text) == expected


def test_resized() -> None:
    assert resized(b"\0\0\0\1", 2) == bytes(7) + b"\1"
    assert resized(bytes(7) + b"\1", 1) == b"\0\0\0\1"
    assert resized(b"\0\0\0\1\0\0\0\0", 1) is None
    assert resized(b"\0\0\1", 2) is None
    assert resized(b"", 2) is None


def test_one_bank_each() -> None:
    banks = [Span(0x30, 0x40), Span(0x10, 0x20), Span(0x20, 0x28), Span(0x12, 0x14)]
    assert one_bank_each(banks) == [Span(0x10, 0x28), Span(0x30, 0x40)]


def test_fits_after_rounding_the_base_up() -> None:
    assert fits(Span(0x1000, 0x3000), 0x2000, 0x1000)
    assert not fits(Span(0x1001, 0x3000), 0x1001, 0x2000)
    assert fits(Span(0x1001, 0x3000), 0x1000, 0x1000)
