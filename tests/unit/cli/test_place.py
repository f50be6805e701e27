# SPDX-License-Identifier: Apache-2.0
"""`carveout place`, from the command line to its output and its files."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from carveout.cli.main import main
from carveout.fdt import parse
from carveout.fdt.overlay import apply

SCENE = ["--kernel", "6.12", "--kernel-image", "0x40200000+0x24f0000", "--dtb-at", "0x48000000"]


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(["place", *argv])
    out, err = capsys.readouterr()
    return code, out, err


def test_answers_with_reasons(board_dtb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, str(board_dtb), *SCENE, "--size", "64M", "--for", "/vpu", "--reusable")
    assert code == 0
    assert out.startswith("board.dtb (Test Board)\nLinux 6.12, arm64, 4 KiB pages, preset debian: ")
    assert "Answer 1" in out
    assert "/vpu gets it as entry 1 of memory-region: its driver has to ask for it by number" in out
    assert "To add, for answer 1" in out
    assert all(len(line) <= 100 for line in out.splitlines())


def test_json(board_dtb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(
        capsys, str(board_dtb), *SCENE, "--size", "1M", "--no-map", "--within", "0x50000000-0x60000000",
        "--name", "fw", "--format", "json", "--answers", "2",
    )  # fmt: skip
    value = json.loads(out)
    assert code == 0
    assert value["schema"] == "carveout.place/1"
    assert value["requests"][0] | {"reach": []} == {
        "name": "fw", "size": "0x100000", "align": "0x1000", "dma_bits": None, "for": None, "kind": "no-map",
        "within": [{"base": "0x50000000", "size": "0x10000000"}], "reach": [], "bus": None,
    }  # fmt: skip
    assert len(value["answers"]) <= 2
    for answer in value["answers"]:
        (region,) = answer["regions"]
        assert region["path"] == f"/reserved-memory/fw@{int(region['base'], 16):x}"
        assert answer["largest_free"]
    assert value["search"]["boots"] <= value["search"]["most_boots"]
    assert "no-map;" in value["to_add"]


def test_no_room_is_exit_code_1(board_dtb: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "out.dtb"
    code, out, _ = run(capsys, str(board_dtb), *SCENE, "--size", "2G", "-o", str(target))
    assert code == 1
    assert "There is no room" in out
    assert out.endswith("nothing was written\n")
    assert not target.exists()
    code, out, _ = run(capsys, str(board_dtb), *SCENE, "--size", "2G", "--format", "json")
    value = json.loads(out)
    assert (code, value["answers"], value["chosen"], value["search"]["complete"]) == (1, [], None, True)
    assert value["why_none"]


def test_what_is_written_has_the_region(
    board_dtb: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out_file, overlay = tmp_path / "out.dtb", tmp_path / "new.dtbo"
    argv = [str(board_dtb), *SCENE, "--size", "16M", "--name", "new", "--choose", "2"]
    code, out, _ = run(capsys, *argv, "-o", str(out_file), "--write-overlay", str(overlay))
    assert code == 0
    assert f"written: {out_file}, {overlay}" in out
    direct = parse(out_file.read_bytes())
    merged = apply(parse(board_dtb.read_bytes()), parse(overlay.read_bytes()))
    assert [node.path for node in direct.nodes()] == [node.path for node in merged.nodes()]
    (new,) = [n for n in direct.nodes() if n.base_name == "new"]
    code, out, _ = run(capsys, *argv, "--format", "json")
    assert json.loads(out)["answers"][1]["regions"][0]["path"] == new.path


@pytest.mark.dtc
@pytest.mark.skipif(
    shutil.which("dtc") is None, reason="dtc is not installed: apt-get install device-tree-compiler"
)
def test_dtc_reads_every_output(board_dtb: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("out.dtb", "new.dtbo", "new.dtso")]
    for overlay in files[1:]:
        code, _, _ = run(
            capsys, str(board_dtb), *SCENE, "--request", "size=16M,for=/vpu,reusable", "--request", "size=1M,no-map",
            "--write-overlay", overlay, *(["-o", files[0]] if overlay == files[1] else []),
        )  # fmt: skip
        assert code == 0
    for name, form in zip(files, ("dtb", "dtb", "dts"), strict=True):
        done = subprocess.run(
            ["dtc", "-q", "-I", form, "-O", "dtb", "-o", "/dev/null", name],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param([], "nothing is asked for", id="nothing"),
        pytest.param(["--size", "1M", "--request", "size=1M"], "two ways to ask", id="both"),
        pytest.param(["--size", "much"], "cannot read size 'much'", id="size"),
        pytest.param(["--size", "1M", "--reusable", "--no-map"], "contradict each other", id="flags"),
        pytest.param(["--size", "1M", "--pool"], "pool needs no-map", id="pool"),
        pytest.param(["--size", "1M", "--dma-bits", "99"], "no width of addresses", id="bits"),
        pytest.param(["--size", "1M", "--dma-bits", "x"], "no width of addresses", id="bits-text"),
        pytest.param(["--size", "1M", "--within", "0x1000"], "expected A-B", id="within"),
        pytest.param(["--size", "1M", "--within", "0x2000-0x1000"], "is empty", id="within-empty"),
        pytest.param(["--request", "reusable"], "size is missing", id="no-size"),
        pytest.param(["--request", "size=1M,size=2M"], "size is given 2 times", id="twice"),
        pytest.param(["--request", "size=1M,colour=red"], "cannot read 'colour=red'", id="key"),
        pytest.param(["--request", "size=1M,reusable,x"], "cannot read 'x'", id="word"),
        pytest.param(["--size", "1M", "--answers", "0"], "no number from 1 to", id="answers"),
        pytest.param(["--size", "1M", "--choose", "20"], "there are", id="choose"),
        pytest.param(["--size", "1M", "--boots", "-1"], "no number from 1 to", id="boots"),
        pytest.param(["--size", "1M", "--for", "/vpu,x"], "there is no node /vpu,x", id="device"),
        pytest.param(["--request", "size=1M,for=/a,b"], "there is no node /a,b", id="device-with-a-comma"),
    ],
)
def test_requests_that_make_no_sense(
    board_dtb: Path, capsys: pytest.CaptureFixture[str], argv: list[str], message: str
) -> None:
    code, out, err = run(capsys, str(board_dtb), *SCENE, *argv)
    assert (code, out) == (2, "")
    assert message in err


def test_a_device_by_its_label(capsys: pytest.CaptureFixture[str]) -> None:
    board = str(Path(__file__).resolve().parents[3] / "examples" / "media-soc.dtb")
    _, by_label, _ = run(capsys, board, *SCENE, "--size", "16M", "--for", "&vpu", "--format", "json")
    _, by_path, _ = run(
        capsys, board, *SCENE, "--size", "16M", "--for", "/soc@0/video-codec@5000000", "--format", "json"
    )
    assert by_label == by_path
    code, _, err = run(capsys, board, *SCENE, "--size", "16M", "--for", "&nope")
    assert code == 2
    assert "there is no label 'nope'" in err


def test_the_board_is_not_written_over(board_dtb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = board_dtb.read_bytes()
    code, _, err = run(capsys, str(board_dtb), *SCENE, "--size", "1M", "-o", str(board_dtb))
    assert code == 2
    assert "does not write over" in err
    assert board_dtb.read_bytes() == before
    code, _, _ = run(capsys, str(board_dtb), *SCENE, "--size", "1M", "--in-place")
    assert code == 0
    assert board_dtb.read_bytes() != before


def test_every_booted_kernel_when_asked(board_dtb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [str(board_dtb), *SCENE[2:], "--size", "32M", "--format", "json", "--in-all-scenes"]
    names = lambda *more: [s["name"] for s in json.loads(run(capsys, *argv, *more)[1])["scenes"]]  # noqa: E731
    assert names() == ["5.10 4K", "6.1 4K", "6.12 4K", "6.12 16K", "7.2 4K", "7.2 16K"]
    assert names("--kernel", "6.12") == ["6.12 4K", "6.12 16K"]
    assert names("--kernel", "6.1", "--kernel", "7.2") == ["6.1 4K", "7.2 4K", "7.2 16K"]
    assert names("--kernel", "6.12", "--page-size", "16K") == ["6.12 16K"]


def test_a_kernel_whose_place_is_not_known_is_kept_clear_of(
    board_dtb: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, str(board_dtb), "--kernel", "6.12", "--size", "16M", "--format", "json")
    value = json.loads(out)
    assert code == 0
    first = int(value["answers"][0]["regions"][0]["base"], 16)
    assert first >= 0x4800_0000
    assert value["answers"][0]["exactness"] == "modelled"
    assert any("--kernel-image" in note for note in value["notes"])
