# SPDX-License-Identifier: Apache-2.0
"""`carveout amp`, from the command line to its findings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from carveout.amp.codes import CODES
from carveout.cli.main import main
from support.boards import blob_of, cells, cpus, memory, node, region, reserved_memory, text
from support.elves import Load, elf, media_dsp, media_dsp_faulty

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[3]
BOARD = str(ROOT / "examples" / "media-soc.dtb")
DSP = "/soc@0/remoteproc@3000000"
SCENE = ["--kernel", "6.12", "--kernel-image", "0x40200000+0x24f0000", "--dtb-at", "0x48000000"]


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(["amp", *argv])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.elf"
    path.write_bytes(media_dsp())
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.elf"
    path.write_bytes(media_dsp_faulty())
    return str(path)


def test_a_firmware_that_fits(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, BOARD, good, "--for", DSP, *SCENE)
    assert (code, err) == (0, "")
    assert re.search(
        r"^  segment 0 +0x5a000000\.\.0x5a03ffff +256 KiB  dsp-image@5a000000$", out, re.MULTILINE
    )
    assert out.endswith("1 firmware file checked: 1 note (--severity note shows the notes)\n")


def test_json_has_the_shape_of_check(bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, BOARD, f"{bad}={DSP}", "--format", "json", *SCENE)
    assert code == 1
    rows: list[dict[str, Any]] = json.loads(out)
    assert {row["severity"] for row in rows} == {"error", "warning", "note"}
    assert all(row["path"] == DSP and row["board"] == bad for row in rows)
    assert rows[0].keys() == {
        "code", "slug", "severity", "path", "property", "file", "line", "column", "message", "fix", "kernels", "said_of",
        "board", "related",
    }  # fmt: skip
    assert all(CODES[row["code"]][0] == row["slug"] for row in rows)


def two_processors(properties: Mapping[str, bytes]) -> bytes:
    def rproc(name: str) -> Any:
        given = {"compatible": text("fsl,imx8mp-cm7"), "memory-region": cells(1), **properties}
        return node(name, given)

    shared = region("fw@50000000", "no-map", reg=[(0x5000_0000, 1 << 20)], phandle=1)
    ram = memory((0x4000_0000, 1 << 30))
    return blob_of(cpus(), ram, reserved_memory(shared), rproc("m7-0"), rproc("m7-1"))


def test_the_tree_says_who_a_file_is_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = tmp_path / "b.dtb"
    board.write_bytes(two_processors({"firmware-name": text("vendor/a.bin", "vendor/m7.elf")}))
    firmware = tmp_path / "m7.elf"
    firmware.write_bytes(elf([Load(0x5000_0000, 0x1000)]))
    code, _, err = run(capsys, str(board), str(firmware), *SCENE)
    assert code == 2
    assert "several nodes have the firmware-name 'm7.elf'; give one with --for: /m7-0, /m7-1" in err
    code, out, _ = run(capsys, str(board), str(firmware), "--for", "/m7-1", *SCENE)
    assert code == 0
    assert "for /m7-1 (driver imx_rproc)" in out


def test_two_files_in_one_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = tmp_path / "b.dtb"
    board.write_bytes(two_processors({}))
    first, second = tmp_path / "a.elf", tmp_path / "b.elf"
    first.write_bytes(elf([Load(0x5000_0000, 0x1000)]))
    second.write_bytes(elf([Load(0x5000_0800, 0x1000)]))
    code, out, _ = run(capsys, str(board), f"{first}=/m7-0", f"{second}=/m7-1", *SCENE)
    assert code == 1
    assert "it is loaded over a.elf (for /m7-0) at CPU address 0x50000800 [AMP307]" in out
    assert out.endswith("2 firmware files checked: 1 error\n")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "the following arguments are required"),
        (
            ["{good}"],
            f"no firmware-name of the tree is 'good.elf'; say which processor it is for with --for PATH; remote processors: {DSP}",
        ),
        (["{good}", "--for", "/nowhere"], "the tree has no node /nowhere"),
        (["{good}=/nowhere"], "the tree has no node /nowhere"),
    ],
)
def test_usage(argv: list[str], message: str, good: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, BOARD, *(word.replace("{good}", good) for word in argv))
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no ELF file"),
        (b"\x7fELF" + bytes(70), "its class is 0"),
        (None, "No such file"),
    ],
)
def test_files_that_cannot_be_read(
    data: bytes | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.elf"
    if data is not None:
        path.write_bytes(data)
    code, out, err = run(capsys, BOARD, str(path), "--for", DSP)
    assert (code, out) == (3, "")
    assert message in err
    assert "x.elf" in err


def test_what_counts_as_found(good: str, bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, BOARD, good, "--for", DSP, "--fail-on", "note", *SCENE)[0] == 1
    code, out, _ = run(capsys, BOARD, bad, "--for", DSP, "--severity", "error", *SCENE)
    assert code == 1
    assert "Warning (" not in out
    assert "--severity note shows the warnings and notes" in out


def test_hostile_names_are_shown_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from support.elves import carveout, table

    firmware = tmp_path / "x.elf"
    firmware.write_bytes(elf([Load(0x5A00_0000, 16)], table(carveout("\x1b[2J\n::error::", 1, 2))))
    _, out, _ = run(capsys, BOARD, str(firmware), "--for", DSP, *SCENE)
    assert "\x1b" not in out
    assert not [line for line in out.splitlines() if line.startswith("::")]


def test_every_code_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "amp.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (AMP\d{3}) \| ([a-z-]+) \|", page, re.MULTILINE))
    assert rows == {code: slug for code, (slug, _) in CODES.items()}


@pytest.mark.parametrize("word", ["AMP103", "amp103", "segment-too-large"])
def test_explain_knows_the_codes(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", word]) == 0
    assert capsys.readouterr().out.startswith("AMP103 segment-too-large: a segment begins in a region")


def test_a_heading_says_when_places_are_modelled(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    # Without the place of the kernel: the note that says so is not among what is shown unless asked for.
    argv = [BOARD, f"{good}={DSP}", "--kernel", "6.12"]
    assert (
        run(capsys, *argv)[1]
        .splitlines()[0]
        .endswith("preset debian: modelled, AMP002 says why (--severity note)")
    )
    shown = run(capsys, *argv, "--severity", "note")[1]
    assert shown.splitlines()[0].endswith("preset debian: modelled, AMP002 says why")
    assert "[AMP002]" in shown
