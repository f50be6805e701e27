# SPDX-License-Identifier: Apache-2.0
"""`carveout fit`, from the command line to its output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from carveout.cli.main import main
from support.boards import blob_of, cpus, memory, region, reserved_memory

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
SCENE = ["--kernel", "6.12", "--kernel-image", "0x40200000+0x24f0000", "--dtb-at", "0x48000000"]


def test_text(board_dtb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", str(board_dtb), *SCENE]) == 0
    out = capsys.readouterr().out
    assert out.startswith("board.dtb (Test Board)\nLinux 6.12")
    for heading in ("The least RAM", "How large each could be", "Regions with reg that would free the most"):
        assert heading in out
    assert "of at most 3000 boots" in out
    assert all(len(line) <= 100 for line in out.splitlines())


def test_json(board_dtb: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "fit.json"
    argv = ["fit", str(board_dtb), *SCENE, "--kernel", "7.2", "--format", "json", "-o", str(target)]
    assert main(argv) == 0
    assert capsys.readouterr().out == ""
    value = json.loads(target.read_text())
    assert value["schema"] == "carveout.fit/1"
    assert [scene["name"] for scene in value["scenes"]] == ["6.12", "7.2"]
    (request,) = [entry for entry in value["requests"] if entry["subject"] == "/reserved-memory/pool"]
    assert request["size"] == "0x2000000"
    assert int(request["largest"], 16) - int(request["size"], 16) == int(request["slack"], 16)
    assert int(value["least_ram"][0]["least"], 16) <= 1 << 30
    assert value["boots"] <= value["most_boots"]


def test_ram_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", str(EXAMPLES / "no-memory.dtb")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "pass --memory SIZE@BASE" in err
    assert main(["fit", str(EXAMPLES / "no-memory.dtb"), "--memory", "512M@0x40000000"]) == 0


def test_a_coarser_step(board_dtb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", str(board_dtb), *SCENE, "--step", "64M", "--format", "json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert int(value["least_ram"][0]["least"], 16) % (64 << 20) == 0


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param(["--step", "x"], "cannot read size 'x'", id="step"),
        pytest.param(["--step", "1"], "a multiple of 4 KiB", id="small-step"),
        pytest.param(["--boots", "0"], "no number from 1 to", id="boots"),
    ],
)
def test_options_that_make_no_sense(
    board_dtb: Path, capsys: pytest.CaptureFixture[str], argv: list[str], message: str
) -> None:
    assert main(["fit", str(board_dtb), *argv]) == 2
    assert message in capsys.readouterr().err


def test_a_gain_too_small_for_rounded_sizes_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Two small regions 16 KiB apart: to move the upper one makes 768 MiB a little larger.
    regions = [region(f"fw@{at:x}", "no-map", reg=[(at, 4096)]) for at in (0x5000_0000, 0x5000_4000)]
    path = tmp_path / "board.dtb"
    path.write_bytes(blob_of(cpus(), memory((0x4000_0000, 1 << 30)), reserved_memory(*regions)))
    assert main(["fit", str(path), "--kernel", "6.12"]) == 0
    assert "the largest free range is 16 KiB larger then, ~" in capsys.readouterr().out
