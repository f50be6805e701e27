# SPDX-License-Identifier: Apache-2.0
"""`carveout explain`, from the command line to its output."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from carveout.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("argv", "head"),
    [
        (["CV101"], "# CV101 region-overlap\n"),
        (["region-overlap"], "# CV101 region-overlap\n"),
        (["failed to allocate memory for node"], "# failed to allocate memory for node\n"),
        (["failed", "to", "allocate", "memory"], "# failed to allocate memory for node\n"),
        (["[    0.000000] OF: reserved mem: OVERLAP DETECTED!"], "# OVERLAP DETECTED!\n"),
    ],
)
def test_page_is_printed(argv: list[str], head: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *argv]) == 0
    assert capsys.readouterr().out.startswith(head)


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "rules"]) == 0
    assert "CV101  error    region-overlap: two static regions share addresses\n" in capsys.readouterr().out
    assert main(["explain", "messages"]) == 0
    assert "overlap-detected" in capsys.readouterr().out


def test_unknown_text_offers_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "region-overlpa"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "region-overlap" in captured.err


def test_page_goes_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "CV101", "-o", str(tmp_path / "page.md")]) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "page.md").read_text(encoding="utf-8").startswith("# CV101")


# ---- a board ------------------------------------------------------------------------------------------------
SCENE = ["--kernel", "6.12", "--kernel-image", "0x40200000+0x24f0000", "--dtb-at", "0x48000000"]


@pytest.mark.parametrize(
    ("what", "first"),
    [
        (["pool"], "pool lies at 0x7e000000..0x7fffffff, 32 MiB as a CMA pool."),
        (["/reserved-memory/pool"], "pool lies at 0x7e000000..0x7fffffff, 32 MiB as a CMA pool."),
        (
            ["/vpu"],
            "memory-region [0]: /reserved-memory/pool at 0x7e000000..0x7fffffff, 32 MiB as its contiguous",
        ),
        (["0x50000000"], "0x50000000 belongs to /reserved-memory/fw@50000000."),
        (
            ["0x50000000-0x50100000"],
            "0x50000000..0x500fffff, 1 MiB: all of it belongs to /reserved-memory/fw",
        ),
        (["default", "cma"], "The default contiguous area lies at 0x"),
    ],
)
def test_a_board_is_explained(
    what: list[str], first: str, board_dtb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(board_dtb), *what, *SCENE]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "board.dtb (Test Board)"
    # How the driver of /vpu asks for the pool is not known.
    sure = "modelled, see below" if what == ["/vpu"] else "exact"
    assert lines[1] == f"Linux 6.12, arm64, 4 KiB pages, preset debian: {sure}"
    assert lines[3].startswith(first)


def test_options_may_stand_between(board_dtb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *SCENE[:2], str(board_dtb), *SCENE[2:], "pool", "--steps"]) == 0
    assert "Steps of the boot that are about it" in capsys.readouterr().out


def test_a_board_from_standard_input(
    board_dtb: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(board_dtb.read_bytes())))
    assert main(["explain", "-", "pool", *SCENE]) == 0
    assert capsys.readouterr().out.startswith("standard input (Test Board)\n")


def test_json_of_a_board(board_dtb: Path, tmp_path: Path) -> None:
    out = tmp_path / "told.json"
    assert main(["explain", str(board_dtb), "pool", *SCENE, "--format", "json", "-o", str(out)]) == 0
    value = json.loads(out.read_text(encoding="utf-8"))
    assert (value["schema"], value["region"]["base"]) == ("carveout.explain/1", "0x7e000000")


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["BOARD"], 2, "it is not said what to explain"),
        (["BOARD", " "], 2, "it is not said what to explain"),
        ([], 2, "it is not said what to explain"),
        (["BOARD", "pol"], 2, "nothing called 'pol'; nearest: pool"),
        (["BOARD", "0x20-0x10"], 2, "is no span"),
        (["missing.dtb", "pool"], 3, "cannot read missing.dtb"),
        (["BOARD", "pool", "--kernel", "4.4"], 2, "kernels from 5.10 to 7.2"),
        (["BOARD", "pool", "--width", "0"], 2, "--width"),
        (["CV101", "--steps"], 2, "is no board file"),
        (["CV101", "--kernel", "6.1"], 2, "is no board file"),
        (["pool", "--format", "json"], 2, "is no board file"),
        (["BOARD", "pool", "-o", "BOARD"], 2, "is an input"),
        (["--live", "nowhere", "pool"], 3, "is no directory"),
    ],
)
def test_mistakes(
    argv: list[str], code: int, message: str, board_dtb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *(str(board_dtb) if word == "BOARD" else word for word in argv)]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1


def test_a_captured_machine(board_dtb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    firmware = tmp_path / "box" / "sys" / "firmware"
    firmware.mkdir(parents=True)
    (firmware / "fdt").write_bytes(board_dtb.read_bytes())
    assert main(["explain", "--live", str(tmp_path / "box"), "fw@50000000", "--kernel", "6.12"]) == 0
    assert "fw@50000000 lies at 0x50000000..0x500fffff, 1 MiB." in capsys.readouterr().out


def test_a_page_needs_nothing_of_a_board() -> None:
    code = (
        "import sys; from carveout.cli.main import main; main(['explain', 'CV101', '-o', '/dev/null'])\n"
        "print(*(m for m in sys.modules if m.startswith(('carveout.explain', 'carveout.change'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
