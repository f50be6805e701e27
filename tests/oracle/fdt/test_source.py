# SPDX-License-Identifier: Apache-2.0
"""Source through cpp and dtc: the tree, the places, and the errors, as the tools give them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from carveout.errors import DtsSyntaxError
from carveout.fdt.dts import SourceSpan, load_dts

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.dtc,
    pytest.mark.skipif(shutil.which("cpp") is None, reason="needs cpp (Debian: apt-get install cpp)"),
]

BOARD = """/dts-v1/;
/memreserve/ 0x1000 0x2000;
#include "soc.dtsi"
#include <dt-bindings/sizes.h>
/ {
\tcompatible = "a{;/* x.dts:1:2-3:4 */", "b";
\treserved-memory {
\t\tpool: pool@1000 {
\t\t\treg = <0x1000 POOL_SIZE>,
\t\t\t      <0x3000 POOL_SIZE>;
\t\t};
\t};
};
&soc { extra; memory-region = <&pool>; };
"""
SOC = "/ { soc: soc { first; }; };\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # A folder and a file whose names look like places.
    place = tmp_path / 'odd "dir", 1:2-3:4'
    (place / "include" / "dt-bindings").mkdir(parents=True)
    (place / "include" / "dt-bindings" / "sizes.h").write_text("#define POOL_SIZE 0x2000\n")
    (place / "board.dts").write_text(BOARD)
    (place / "soc.dtsi").write_text(SOC)
    return place


def test_tree_and_places(folder: Path) -> None:
    board, soc = str(folder / "board.dts"), str(folder / "soc.dtsi")
    tree, places = load_dts(folder / "board.dts", include_dirs=[folder])
    assert [node.path for node in tree.nodes()] == [
        "/",
        "/soc",
        "/reserved-memory",
        "/reserved-memory/pool@1000",
    ]
    assert [entry[:2] for entry in tree.reserve_map] == [(0x1000, 0x2000)]
    pool = tree.node("/reserved-memory/pool@1000")
    assert pool is not None
    assert pool.prop("reg").cells() == (0x1000, 0x2000, 0x3000, 0x2000)  # type: ignore[union-attr]
    # Where the text above has them; a tab counts as one column, and dtc begins a node at its brace.
    assert places.of_node("/soc") == SourceSpan(soc, 1, SOC.index("{ first") + 1, 1, SOC.index(" };\n") + 1)
    assert [span.file for span in places.all_of_node("/soc")] == [soc, board]
    assert places.of_property("/", "compatible") == SourceSpan(board, 6, 2, 6, 45)
    reg = places.of_property("/reserved-memory/pool@1000", "reg")
    assert reg is not None
    assert (reg.file, reg.first_line, reg.first_column, reg.last_line) == (board, 9, 4, 10)
    extra = places.of_property("/soc", "extra")
    assert extra is not None
    assert (extra.file, extra.first_line) == (board, 14)
    # dtc makes phandle properties itself.
    assert "phandle" in pool
    assert places.of_property(pool.path, "phandle") is None


def test_labels_only_when_asked_for(folder: Path) -> None:
    plain, _ = load_dts(folder / "board.dts", include_dirs=[folder])
    assert plain.label_of("/soc") is None
    with_symbols, _ = load_dts(folder / "board.dts", include_dirs=[folder], symbols=True)
    assert with_symbols.label_of("/soc") == "soc"
    assert with_symbols.label_of("/reserved-memory/pool@1000") == "pool"


def test_overlay_source(folder: Path) -> None:
    (folder / "over.dts").write_text("/dts-v1/;\n/plugin/;\n&soc {\n\tadded;\n};\n")
    tree, places = load_dts(folder / "over.dts")
    assert tree.node("/fragment@0/__overlay__") is not None
    assert "soc" in tree.node("/__fixups__")  # type: ignore[operator]
    added = places.of_property("/fragment@0/__overlay__", "added")
    assert added is not None
    assert (added.first_line, added.first_column) == (4, 2)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param("/dts-v1/;\n/ {\n\ta = <1>\n};\n", 4, "syntax error", id="syntax"),
        pytest.param("/dts-v1/;\n/ { a = <&gone>; };\n", 2, "gone", id="unknown label"),
        pytest.param(
            '/dts-v1/;\n\n#include "gone.h"\n/ { };\n', 3, "gone.h: No such file", id="missing include"
        ),
        pytest.param("/dts-v1/;\n#error stop here\n/ { };\n", 2, "stop here", id="#error"),
    ],
)
def test_an_error_has_its_place(tmp_path: Path, text: str, line: int, message: str) -> None:
    path = tmp_path / "b.dts"
    path.write_text(text)
    with pytest.raises(DtsSyntaxError, match=message) as caught:
        load_dts(path)
    assert (caught.value.file, caught.value.line) == (str(path), line)
    assert caught.value.column


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DtsSyntaxError, match=r"none\.dts: No such file"):
        load_dts(tmp_path / "none.dts")


def test_a_file_named_like_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-x.dts").write_text("/dts-v1/;\n/ { };\n")
    tree, _ = load_dts("-x.dts")
    assert tree.node_count() == 1


def test_nothing_is_left_in_the_temporary_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    monkeypatch.setenv("TMPDIR", str(scratch))
    load_dts(folder / "board.dts", include_dirs=[folder])
    assert list(scratch.iterdir()) == []
