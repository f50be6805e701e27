# SPDX-License-Identifier: Apache-2.0
"""`carveout pin`, and what all verbs that change a tree do with their files."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from carveout.board import read_board
from carveout.boot import Scene, boot
from carveout.change.proposal import contents
from carveout.cli.main import main
from carveout.fdt import parse
from carveout.fdt.overlay import apply
from support.check_boards import needs_dtc

if TYPE_CHECKING:
    from pathlib import Path

DTS = """\
/dts-v1/;
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	cpus {
		#address-cells = <1>;
		#size-cells = <0>;
		cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a53"; reg = <0>; };
	};
	memory@40000000 { device_type = "memory"; reg = <0x0 0x40000000 0x0 0x40000000>; };
	reserved-memory {
		#address-cells = <2>;
		#size-cells = <2>;
		ranges;
		pool: pool { compatible = "shared-dma-pool"; reusable; size = <0x0 0x2000000>; };
		stats { size = <0x0 0x100000>; alignment = <0x0 0x10000>; };
	};
	vpu { compatible = "acme,vpu"; memory-region = <&pool>; };
};
"""
POOL = "/reserved-memory/pool"


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def bases(data: bytes) -> dict[str, int | None]:
    return {region.path: region.base for region in boot(read_board(parse(data)), Scene()).regions}


def test_a_blob_is_pinned(board_dtb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = board_dtb.read_bytes()
    assert main(["pin", "board.dtb", "-o", "out.dtb"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("board.dtb: 1 region pinned where the kernel puts it (Linux 7.2, arm64)\n")
    assert f"  {POOL}  0x7e000000..0x7fffffff  32 MiB\n" in out
    assert "  modelled: the place of the kernel is not known" in out
    assert out.endswith("booted again: every region is at the same place\nwritten: out.dtb\n")
    after = (tmp_path / "out.dtb").read_bytes()
    assert bases(after) == bases(before)
    assert "reg" in contents(parse(after))[POOL]
    assert board_dtb.read_bytes() == before
    assert main(["pin", "out.dtb", "-o", "again.dtb"]) == 0
    assert (tmp_path / "again.dtb").read_bytes() == after


def test_it_is_shown_without_an_output(board_dtb: Path, tmp_path: Path) -> None:
    before = board_dtb.read_bytes()
    assert main(["pin", "board.dtb"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["board.dtb"]
    assert board_dtb.read_bytes() == before


def test_in_place(board_dtb: Path) -> None:
    assert main(["pin", "board.dtb", "--in-place"]) == 0
    assert "reg" in contents(parse(board_dtb.read_bytes()))[POOL]


@pytest.mark.usefixtures("board_dtb")
def test_all_forms_are_one_change(tmp_path: Path) -> None:
    argv = ["pin", "board.dtb", "-o", "o.dtb", "--write-overlay", "o.dtbo", "--write-dts", "o.dtsi"]
    assert main(argv) == 0
    base = parse((tmp_path / "board.dtb").read_bytes())
    merged = apply(base, parse((tmp_path / "o.dtbo").read_bytes()))
    assert contents(merged) == contents(parse((tmp_path / "o.dtb").read_bytes()))
    text = (tmp_path / "o.dtsi").read_text(encoding="utf-8")
    assert "&{/reserved-memory/pool} {\n\treg = <0x0 0x7e000000 0x0 0x2000000>;\n};\n" in text
    assert "modelled: the place of the kernel is not known" in text


def test_a_blob_on_standard_output(capfdbinary: pytest.CaptureFixture[bytes], board_dtb: Path) -> None:
    assert main(["pin", "board.dtb", "-o", "-"]) == 0
    found = capfdbinary.readouterr()
    assert bases(found.out) == bases(board_dtb.read_bytes())
    assert b"1 region pinned" in found.err


@pytest.mark.usefixtures("board_dtb")
def test_several_scenes(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["pin", "board.dtb", "--memory-variant", "1G@0x40000000", "--memory-variant", "2G@0x40000000"]
    assert main([*argv, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["pinned"], found["reasons"]) == ("carveout.pin/1", True, [])
    (region,) = found["regions"]
    assert (region["base"], region["kernels_choice"]) == ("0x7e000000", False)
    assert [scene["base"] for scene in region["scenes"]] == ["0x7e000000", "0xbe000000"]
    assert main(argv) == 0
    assert "the kernels differ (7.2 1G: 0x7e000000; 7.2 2G: 0xbe000000)" in capsys.readouterr().out


@pytest.mark.usefixtures("board_dtb")
def test_scene_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, kernel in (("old", "6.1"), ("new", "7.2")):
        (tmp_path / f"{name}.toml").write_text(
            f'kernel = "{kernel}"\ndtb-at = "0x48000000"\n', encoding="utf-8"
        )
    argv = ["pin", "board.dtb", "--scene", "old.toml", "--scene", "new.toml", "--format", "json"]
    assert main(argv) == 0
    (region,) = json.loads(capsys.readouterr().out)["regions"]
    assert [scene["scene"] for scene in region["scenes"]] == ["old", "new"]


@pytest.mark.usefixtures("board_dtb")
def test_what_cannot_be_done_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out.dtb").write_bytes(b"as it was")
    assert main(["pin", "board.dtb", "fw", "-o", "out.dtb", "--write-dts", "o.dtsi"]) == 1
    out = capsys.readouterr().out
    assert out == (
        "board.dtb: not pinned\n"
        "  /reserved-memory/fw@50000000: it is static: its place is in the tree already\n"
        "nothing was written\n"
    )
    assert (tmp_path / "out.dtb").read_bytes() == b"as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["board.dtb", "out.dtb"]


REFUSED = [
    (["-o", "board.dtb"], "-o board.dtb: is the board itself, which carveout does not write over without --in-place"),
    (["-o", "./board.dtb"], "-o ./board.dtb: is the board itself"),
    (["--write-dts", "board.dtb"], "--write-dts board.dtb: is an input, which carveout does not write over"),
    (["-o", "x.dtb", "--in-place"], "-o FILE and --in-place are two places for one result"),
    (["-o", "x.dtb", "--write-overlay", "x.dtb"], "-o and --write-overlay both name x.dtb"),
    (["-o", "-", "--write-dts", "-"], "-o and --write-dts both name -"),
    (["-o", "folder"], "-o folder: is a folder, expected the name of a file"),
    (["-o", "nowhere/x.dtb"], "-o nowhere/x.dtb: there is no folder nowhere"),
    (["-o", "locked.dtb"], "-o locked.dtb: is read-only, and stays as it is"),
    (["-o", "x.dtb", "--write-dts", "locked.dtb"], "--write-dts locked.dtb: is read-only, and stays as it is"),
    (["-o", "x.dts"], "-o x.dts: a blob has no source that could be changed; --write-dts FILE gives text to paste"),
    (["-o", "x.dtb", "--overlay", "a.dtbo"], "pin changes one tree: leave --overlay out"),
    (["-o", "x.dtb", "nobody"], "the board has no region 'nobody'; its dynamic regions: /reserved-memory/pool"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "why"), REFUSED)
def test_refusals(
    options: list[str], why: str, board_dtb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    locked = tmp_path / "locked.dtb"
    locked.write_bytes(b"as it was")
    locked.chmod(0o444)
    before = board_dtb.read_bytes()
    assert main(["pin", "board.dtb", *options]) == 2
    assert capsys.readouterr().err.startswith(f"carveout: error: {why}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["board.dtb", "folder", "locked.dtb"]
    assert (board_dtb.read_bytes(), locked.read_bytes()) == (before, b"as it was")


def test_standard_input_cannot_be_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pin", "-", "--in-place"]) == 2
    assert "standard input cannot be written over" in capsys.readouterr().err


@pytest.mark.usefixtures("board_dtb")
def test_a_failure_while_writing_leaves_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The second draft cannot be written: the first is not put in place either.
    (tmp_path / "a.dtb").write_bytes(b"as it was")
    import carveout.cli.output as module

    whole = module._draft

    def full(path: str, data: bytes) -> str:
        if path.endswith("b.dtbo"):
            raise OSError(28, "No space left on device")
        return whole(path, data)

    monkeypatch.setattr(module, "_draft", full)
    assert main(["pin", "board.dtb", "-o", "a.dtb", "--write-overlay", "b.dtbo"]) == 2
    assert "cannot write b.dtbo: No space left on device" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dtb", "board.dtb"]
    assert (tmp_path / "a.dtb").read_bytes() == b"as it was"


@needs_dtc
@pytest.mark.dtc
def test_source_gets_the_change_behind_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "board.dts").write_text(DTS, encoding="utf-8")
    assert main(["pin", "board.dts", "-o", "out.dts"]) == 0
    text = (tmp_path / "out.dts").read_text(encoding="utf-8")
    assert text.startswith(DTS)
    assert "&pool {\n\treg = <0x0 0x7e000000 0x0 0x2000000>;\n};\n" in text
    assert "&{/reserved-memory/stats} {" in text
    capsys.readouterr()
    # The result has nothing left to pin, and boots to the same places.
    assert main(["pin", "out.dts"]) == 0
    assert "no dynamic region to pin" in capsys.readouterr().out
    assert main(["pin", "board.dts", "--in-place"]) == 0
    assert (tmp_path / "board.dts").read_text(encoding="utf-8") == text


@needs_dtc
@pytest.mark.dtc
def test_dtc_reads_every_output(tmp_path: Path) -> None:
    (tmp_path / "board.dts").write_text(DTS, encoding="utf-8")
    argv = ["pin", "board.dts", "-o", "o.dtb", "--write-overlay", "o.dtso", "--write-dts", "o.dtsi"]
    assert main(argv) == 0
    (tmp_path / "all.dts").write_text(
        DTS + (tmp_path / "o.dtsi").read_text(encoding="utf-8"), encoding="utf-8"
    )
    blobs = {}
    for name in ("o.dtb", "o.dtso", "all.dts", "board.dts"):
        form = "dtb" if name.endswith(".dtb") else "dts"
        done = subprocess.run(
            ["dtc", "-q", "-@", "-I", form, "-O", "dtb", name], capture_output=True, check=True, cwd=tmp_path
        )
        blobs[name] = done.stdout
    assert contents(parse(blobs["all.dts"])) == contents(parse(blobs["o.dtb"]))
    if shutil.which("fdtoverlay"):
        for name in ("board.dts", "o.dtso"):
            (tmp_path / f"{name}.bin").write_bytes(blobs[name])
        command = ["fdtoverlay", "-i", "board.dts.bin", "-o", "merged.dtb", "o.dtso.bin"]
        subprocess.run(command, check=True, cwd=tmp_path)
        merged = parse((tmp_path / "merged.dtb").read_bytes())
        assert contents(merged) == contents(parse(blobs["o.dtb"]))
