# SPDX-License-Identifier: Apache-2.0
"""`carveout map`, from the command line to its output."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from carveout.cli.main import main
from carveout.cli.output import terminal

if TYPE_CHECKING:
    from pathlib import Path

SCENE = ["--kernel", "6.12", "--kernel-image", "0x40200000+0x24f0000", "--dtb-at", "0x48000000"]


def test_text_is_plain_when_piped_and_names_the_board(
    board_dtb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["map", str(board_dtb), *SCENE]) == 0
    text = capsys.readouterr().out
    assert text.startswith("board.dtb (Test Board)\nLinux 6.12, arm64, 4 KiB pages, preset debian: ")
    assert re.search(r"^0x50000000\.\.0x500fffff +1 MiB .* fw@50000000 +static no-map$", text, re.MULTILINE)
    assert "used by /vpu" in text
    assert "\x1b" not in text
    assert all(len(line) <= 100 for line in text.split("\n"))


def test_json_has_the_scene_that_was_given(board_dtb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [
        "map",
        str(board_dtb),
        *SCENE,
        "--format",
        "json",
        "--memory",
        "512M@0x40000000",
        "--cmdline",
        "cma=0",
    ]
    assert main(argv) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["schema"] == "carveout.map/1"
    assert value["scene"]["kernel"] == "6.12"
    assert value["scene"]["memory"] == [{"base": "0x40000000", "size": "0x20000000"}]
    assert value["scene"]["kernel_image"] == {"base": "0x40200000", "size": "0x24f0000"}
    assert value["scene"]["cmdline"] == "cma=0"
    assert [region["name"] for region in value["regions"]] == ["fw@50000000", "pool"]
    assert value["consumers"][0]["path"] == "/vpu"


def test_svg_goes_to_a_file_whole(
    board_dtb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "map.svg"
    assert main(["map", str(board_dtb), "--format", "svg", "-o", str(out)]) == 0
    assert out.read_text(encoding="utf-8").endswith("</svg>\n")
    assert capsys.readouterr().out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["board.dtb", "map.svg"]


def test_a_board_comes_from_standard_input(
    board_dtb: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(board_dtb.read_bytes())))
    assert main(["map", "-"]) == 0
    assert capsys.readouterr().out.startswith("standard input (Test Board)\n")


@pytest.mark.dtc
@pytest.mark.skipif(not (shutil.which("dtc") and shutil.which("cpp")), reason="dtc or cpp is not installed")
def test_a_board_comes_from_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "tiny.dts"
    source.write_text('/dts-v1/;\n/ { #address-cells = <1>; #size-cells = <1>; model = "Tiny"; };\n')
    assert main(["map", str(source), "--arch", "arm64", "--memory", "1G@0x40000000"]) == 0
    assert capsys.readouterr().out.startswith("tiny.dts (Tiny)\n")
    source.write_text("/dts-v1/;\n/ { broken\n")
    assert main(["map", str(source)]) == 3
    assert "tiny.dts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\x1f\x8b\x08", "is gzip-compressed"),
        (b"/dts-v1/;", "does not end in .dts"),
        (b"hello", "begins with 68 65 6c 6c, expected d0 0d fe ed"),
        (b"\xd0\x0d\xfe\xed", "offset"),
    ],
)
def test_what_is_no_tree_exits_3_and_names_the_file(
    content: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.bin"
    path.write_bytes(content)
    assert main(["map", str(path)]) == 3
    error = capsys.readouterr().err
    assert error.startswith(f"carveout: error: {path}: ")
    assert words in error


def test_missing_files_and_directories_exit_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", str(tmp_path / "none.dtb")]) == 3
    assert "No such file" in capsys.readouterr().err
    assert main(["map", str(tmp_path)]) == 3
    assert "is a directory" in capsys.readouterr().err
    assert main(["map", "a\0b"]) == 3
    assert "\\x00" in capsys.readouterr().err


def test_an_input_is_never_written_over(
    board_dtb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = board_dtb.read_bytes()
    (tmp_path / "link").symlink_to(board_dtb)
    for target in (board_dtb, tmp_path / "link"):
        assert main(["map", str(board_dtb), "-o", str(target)]) == 2
        assert "is an input" in capsys.readouterr().err
    assert board_dtb.read_bytes() == before


def test_a_file_that_cannot_be_written_leaves_nothing(
    board_dtb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["map", str(board_dtb), "-o", str(tmp_path / "no" / "map.txt")]) == 2
    assert "cannot write" in capsys.readouterr().err
    old = tmp_path / "map.txt"
    old.write_text("old")

    def refuse(_: str, __: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    assert main(["map", str(board_dtb), "-o", str(old)]) == 2
    assert "No space left" in capsys.readouterr().err
    assert old.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["board.dtb", "map.txt"]


def test_a_replaced_file_keeps_its_mode(board_dtb: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.txt"
    out.write_text("old")
    out.chmod(0o640)
    assert main(["map", str(board_dtb), "-o", str(out)]) == 0
    assert out.stat().st_mode & 0o777 == 0o640
    assert out.read_text().startswith("board.dtb")


class _Screen(io.StringIO):
    encoding = "UTF-8"

    def isatty(self) -> bool:
        return True


def test_colour_and_width_fit_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", _Screen())
    on_screen = terminal(colour="auto", width=None, to_file=False, environment={"COLUMNS": "132"})
    assert (on_screen.colour, on_screen.width, on_screen.unicode) == (True, 132, True)
    assert not terminal(colour="auto", width=None, to_file=False, environment={"NO_COLOR": "1"}).colour
    assert not terminal(colour="auto", width=None, to_file=False, environment={"TERM": "dumb"}).colour
    assert not terminal(colour="never", width=None, to_file=False, environment={}).colour
    assert terminal(colour="always", width=None, to_file=True, environment={"NO_COLOR": "1"}).colour
    to_file = terminal(colour="auto", width=None, to_file=True, environment={"COLUMNS": "132"})
    assert (to_file.colour, to_file.width) == (False, 100)
    assert terminal(colour="auto", width=5, to_file=True, environment={}).width == 60


def test_ascii_where_standard_output_is_not_unicode(board_dtb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    assert main(["map", str(board_dtb)]) == 0
    assert raw.getvalue().isascii()


def test_a_page_shows_several_scenes_and_what_is_wrong(
    board_dtb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "board.html"
    argv = ["map", str(board_dtb), "--kernel", "6.1", "--kernel", "7.2", "--format", "html", "-o", str(out)]
    assert main(argv) == 0
    page = out.read_text(encoding="utf-8")
    assert re.findall(r'<option value="\d">(.*)</option>', page) == ["6.1", "7.2"]
    assert page.count('<section class="scene"') == 2
    assert "CV" in page
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("form", ["text", "json", "svg"])
def test_other_forms_show_one_scene(board_dtb: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", str(board_dtb), "--kernel", "6.1", "--kernel", "7.2", "--format", form]) == 2
    assert "2 scenes: a map shows one; --format html shows several" in capsys.readouterr().err


def test_a_narrow_picture(board_dtb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", str(board_dtb), "--format", "svg", "--width", "400"]) == 0
    assert '<svg xmlns="http://www.w3.org/2000/svg" width="420"' in capsys.readouterr().out


@pytest.mark.parametrize("form", ["png", "pdf"])
def test_a_terminal_gets_no_bytes(board_dtb: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", str(board_dtb), "--format", form]) == 2
    assert "name a file with -o FILE" in capsys.readouterr().err
