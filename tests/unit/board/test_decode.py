# SPDX-License-Identifier: Apache-2.0
"""Values read as C code reads them: big-endian numbers of any width, strings that end where a NUL is."""

from __future__ import annotations

import pytest

from carveout.board.decode import (
    c_strings,
    cells_of,
    checked_strings,
    entries,
    first_cell,
    is_enabled,
    number,
)
from carveout.fdt import parse
from support.boards import blob_of, cells, node, text, wide


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", 0, id="empty"),
        pytest.param(b"\1", 1, id="one-byte"),
        pytest.param(cells(0x1234_5678), 0x1234_5678, id="cell"),
        pytest.param(cells(1, 2), 0x1_0000_0002, id="two-cells"),
        # kernel-semantics 1.1: only the last 64 bits survive
        pytest.param(cells(7, 1, 2), 0x1_0000_0002, id="three-cells"),
    ],
)
def test_number(data: bytes, expected: int) -> None:
    assert number(data) == expected


@pytest.mark.parametrize(
    ("data", "address", "size", "expected"),
    [
        pytest.param(wide(1, 2, 3, 4), 2, 2, [(1, 2), (3, 4)], id="2-2"),
        pytest.param(cells(0, 1, 2), 2, 1, [(1, 2)], id="2-1"),
        pytest.param(cells(1, 2, 3), 1, 1, [(1, 2)], id="partial-left-out"),
        pytest.param(cells(1, 2), 1, 0, [(1, 0), (2, 0)], id="no-size-cells"),
        pytest.param(cells(1, 2), 0, 0, [], id="no-cells"),
        pytest.param(b"", 2, 2, [], id="empty"),
        pytest.param(cells(9, 0, 1, 5), 3, 1, [(1, 5)], id="three-address-cells"),
    ],
)
def test_entries(data: bytes, address: int, size: int, expected: list[tuple[int, int]]) -> None:
    assert entries(data, address, size) == expected


@pytest.mark.parametrize(
    ("value", "raw", "checked"),
    [
        pytest.param(text("a", "bc"), [b"a", b"bc"], (b"a", b"bc"), id="list"),
        pytest.param(text(""), [b""], (b"",), id="empty-string"),
        pytest.param(b"", [], (), id="empty-value"),
        # The padding supplies the NUL to a kernel that does not check.
        pytest.param(b"abc", [b"abc"], (), id="no-NUL"),
        pytest.param(b"a\0bc", [b"a", b"bc"], (), id="last-without-NUL"),
        # Four bytes and no padding: what follows is FDT_END_NODE, whose first byte is 0.
        pytest.param(b"abcd", [b"abcd"], (), id="no-NUL-no-padding"),
    ],
)
def test_strings(value: bytes, raw: list[bytes], checked: tuple[bytes, ...]) -> None:
    prop = parse(blob_of(node("n", {"p": value}))).root.children[0].prop("p")
    assert prop is not None
    assert list(c_strings(prop)) == raw
    assert checked_strings(prop) == checked


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(cells(5), 5, id="cell"),
        pytest.param(cells(5, 6), 5, id="two-cells"),
        pytest.param(b"\1\2\3", 0x0102_0300, id="padding-read"),
        # Nothing in the value: the next token, FDT_END_NODE = 2.
        pytest.param(b"", 2, id="token-read"),
    ],
)
def test_first_cell(value: bytes, expected: int) -> None:
    assert first_cell(parse(blob_of(node("n", {"p": value}))).root.children[0].prop("p")) == expected
    assert first_cell(None) is None


@pytest.mark.parametrize(
    ("status", "enabled"),
    [
        pytest.param(None, True, id="absent"),
        pytest.param(b"okay\0", True, id="okay"),
        pytest.param(b"ok\0", True, id="ok"),
        pytest.param(b"okay", True, id="no-NUL"),
        pytest.param(b"okayish\0", False, id="okayish"),
        pytest.param(b"", False, id="empty"),
        pytest.param(b"disabled\0", False, id="disabled"),
    ],
)
def test_is_enabled(status: bytes | None, enabled: bool) -> None:
    tree = parse(blob_of(node("n", {} if status is None else {"status": status})))
    assert is_enabled(tree.root.children[0]) is enabled


def test_cells_come_from_the_nearest_node_that_has_them() -> None:
    deep = node("a", {"#size-cells": cells(3)}, node("b", {}, node("c")))
    tree = parse(blob_of(deep))
    c = tree.node("/a/b/c")
    assert c is not None
    assert (cells_of(c, "#size-cells", 9), cells_of(c, "#address-cells", 9), cells_of(c, "#other", 9)) == (
        3,
        2,
        9,
    )
