# SPDX-License-Identifier: Apache-2.0
"""`carveout diff`: two boards, one board in two scenes, and how they are said."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from carveout.cli.main import main
from carveout.fdt import parse
from carveout.fdt.edit import remove_node, set_property

if TYPE_CHECKING:
    from pathlib import Path

POOL = "/reserved-memory/pool"


@pytest.fixture(autouse=True)
def boards(board_dtb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tree = parse(board_dtb.read_bytes())
    tree = set_property(tree, POOL, "size", (64 << 20).to_bytes(8, "big"))
    tree = remove_node(tree, "/reserved-memory/fw@50000000")
    (tmp_path / "other.dtb").write_bytes(tree.blob)


def test_two_boards(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "board.dtb", "other.dtb"]) == 1
    out = capsys.readouterr().out
    assert (
        out
        == (
            "- board.dtb: Linux 7.2, arm64, 4 KiB pages, preset debian: modelled\n"
            "+ other.dtb: Linux 7.2, arm64, 4 KiB pages, preset debian: modelled\n"
            "\n"
            "regions\n"
            "  moved  /reserved-memory/pool\n"
            "         0x7e000000..0x7fffffff 32 MiB -> 0x7c000000..0x7fffffff 64 MiB\n"
            "         size: 32 MiB -> 64 MiB\n"
            "         size asked for: 32 MiB -> 64 MiB\n"
            "  gone   /reserved-memory/fw@50000000\n"
            "         0x50000000..0x500fffff 1 MiB\n"
            "\n"
            "contiguous areas\n"
            "  pool: 0x7e000000..0x7fffffff 32 MiB -> 0x7c000000..0x7fffffff 64 MiB\n"
            "  reserved: 0x79c00000..0x7dbfffff 64 MiB (default) -> 0x77c00000..0x7bbfffff 64 MiB (default)\n"
            "\n"
            "memory\n"
            "  no-map: 1 MiB -> 0 bytes (1 MiB less)\n"
            "  reserved: ~98.0 MiB -> ~130.0 MiB (~32.0 MiB more)\n"
            "  of it lent to the system: 96 MiB -> 128 MiB (32 MiB more)\n"
            "  left to the system: ~1021.0 MiB -> ~1022.0 MiB (~1.0 MiB more)\n"
        )
        + out[out.index("\nlog\n") :]
    )
    assert "  - Reserved memory: created CMA memory pool at 0x000000007e000000, size 32 MiB\n" in out
    assert "  + Reserved memory: created CMA memory pool at 0x000000007c000000, size 64 MiB\n" in out


def test_no_difference(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "board.dtb", "board.dtb"]) == 0
    assert capsys.readouterr().out.endswith("no difference in what becomes of memory\n")


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--kernel", "6.1", "--b-kernel", "7.2"], "kernel: 6.1 (6.1.0-50) -> 7.2 "),
        (["--b-memory", "2G@0x40000000"], "memory: 0x40000000@0x40000000 -> 0x80000000@0x40000000"),
        (
            ["--cmdline", "quiet", "--b-cmdline", "cma=16M"],
            "reserved: 0x79c00000..0x7dbfffff 64 MiB (default) -> ",
        ),
        (["--scene", "a.toml", "--b-scene", "b.toml"], "kernel: 6.1 (6.1.0-50) -> 6.12 "),
        (["--scene", "a.toml", "--b-kernel", "6.12"], "kernel: 6.1 (6.1.0-50) -> 6.12 "),
    ],
)
def test_one_board_in_two_scenes(
    options: list[str], shown: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, kernel in (("a", "6.1"), ("b", "6.12")):
        (tmp_path / f"{name}.toml").write_text(f'kernel = "{kernel}"\n', encoding="utf-8")
    assert main(["diff", "board.dtb", *options]) == 1
    assert shown in capsys.readouterr().out


def test_what_the_first_has_is_kept_for_the_second(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["diff", "board.dtb", "--dtb-at", "0x48000000", "--kernel", "6.1", "--b-kernel", "6.12"]
    assert main([*argv, "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [fact["name"] for fact in found["scene"]] == ["kernel"]
    assert found["after"]["scene"]["dtb"]["base"] == "0x48000000"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "board.dtb", "other.dtb", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["differs"]) == ("carveout.diff/1", True)
    assert [(one["change"], one["moved"], one["resized"]) for one in found["regions"]] == [
        ("moved", True, True),
        ("gone", False, False),
    ]
    assert found["regions"][0]["after"]["base"] == "0x7c000000"
    assert found["memory"]["before"]["nomap"] == "0x100000"
    assert found["before"]["schema"] == "carveout.map/1"
    assert {one["sign"] for one in found["log"]} == {"-", "+"}


def test_svg(tmp_path: Path) -> None:
    assert main(["diff", "board.dtb", "other.dtb", "--format", "svg", "-o", "d.svg"]) == 1
    root = ET.fromstring((tmp_path / "d.svg").read_text(encoding="utf-8"))  # noqa: S314 our own output
    texts = [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"board.dtb", "other.dtb", "pool", "fw@50000000"} <= set(texts)
    assert any(text.startswith("moved  0x7e000000 32 MiB") for text in texts)
    assert any(text.startswith("gone  0x50000000 1 MiB") for text in texts)


@pytest.mark.parametrize(
    ("argv", "code", "why"),
    [
        (["board.dtb"], 2, "one board in one scene has nothing to be compared with"),
        (["-", "-"], 2, "standard input can be read only once"),
        (["-", "--b-kernel", "6.1"], 2, "a board from standard input cannot be compared with itself"),
        (["board.dtb", "other.dtb", "-o", "other.dtb"], 2, "-o other.dtb: is an input"),
        (["board.dtb", "nothing.dtb"], 3, "cannot read nothing.dtb"),
        (["board.dtb", "other.dtb", "--width", "0"], 2, "--width: 0 is no width"),
        (["board.dtb", "--b-page-size", "5K"], 2, "--page-size: no kernel has pages of '5K'"),
    ],
)
def test_refusals(argv: list[str], code: int, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *argv]) == code
    assert f"carveout: error: {why}" in capsys.readouterr().err
