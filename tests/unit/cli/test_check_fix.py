# SPDX-License-Identifier: Apache-2.0
"""`carveout check --fix`: blobs written where asked, patches of sources, and what remains."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from carveout.cli.main import main
from carveout.fdt import parse
from support.check_boards import CLEAN, OVERLAP, TYPO, blob, needs_dtc, source

if TYPE_CHECKING:
    from pathlib import Path

TYPO_LINES = """\
		secure@50000000 {
			reg = <0x0 0x50000000 0x0 0x100000>;
			no-mem;
		};
"""


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def properties(data: bytes, path: str) -> set[str]:
    node = parse(data).node(path)
    assert node is not None
    return {prop.name for prop in node.properties}


def test_blob_is_written_to_output_and_checked_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = blob(tmp_path / "a.dtb", TYPO).read_bytes()
    assert main(["check", "a.dtb", "--fix", "-o", "b.dtb"]) == 0
    out = capsys.readouterr().out
    assert "a.dtb: fixed: /reserved-memory/secure@50000000: region-property-misspelt [CV011]\n" in out
    assert "1 board checked: " in out
    assert "error" not in out
    assert (tmp_path / "a.dtb").read_bytes() == before
    assert "no-map" in properties((tmp_path / "b.dtb").read_bytes(), "/reserved-memory/secure@50000000")
    assert main(["check", "b.dtb"]) == 0


def test_blob_is_not_written_over_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = blob(tmp_path / "a.dtb", TYPO).read_bytes()
    assert main(["check", "a.dtb", "--fix"]) == 2
    assert "-o FILE" in capsys.readouterr().err
    assert main(["check", "a.dtb", "--fix", "-o", "a.dtb"]) == 2
    assert (tmp_path / "a.dtb").read_bytes() == before


def test_blob_in_place_when_asked(tmp_path: Path) -> None:
    blob(tmp_path / "a.dtb", TYPO)
    untouched = blob(tmp_path / "b.dtb", CLEAN).read_bytes()
    assert main(["check", "a.dtb", "b.dtb", "--fix", "--in-place"]) == 0
    assert "no-map" in properties((tmp_path / "a.dtb").read_bytes(), "/reserved-memory/secure@50000000")
    assert (tmp_path / "b.dtb").read_bytes() == untouched


def test_what_has_no_certain_cure_remains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = blob(tmp_path / "a.dtb", OVERLAP).read_bytes()
    assert main(["check", "a.dtb", "--fix", "-o", "b.dtb"]) == 1
    out = capsys.readouterr().out
    assert "fixed:" not in out
    assert "region_overlap" in out
    assert (tmp_path / "b.dtb").read_bytes() == before


@pytest.mark.parametrize(
    "argv",
    [
        ["a.dtb", "--in-place"],
        ["a.dtb", "--fix", "--in-place", "-o", "b.dtb"],
        ["a.dtb", "b.dtb", "--fix", "-o", "c.dtb"],
        ["a.dtb", "--fix", "-o", "c.dtb", "--overlay", "o.dtbo"],
        ["-", "--fix", "--in-place"],
    ],
    ids=" ".join,
)
def test_contradictions_are_usage(tmp_path: Path, argv: list[str]) -> None:
    for name in ("a.dtb", "b.dtb", "o.dtbo"):
        blob(tmp_path / name, TYPO)
    assert main(["check", *argv]) == 2
    assert not (tmp_path / "c.dtb").exists()


def patched(folder: Path, patch: str) -> None:
    subprocess.run(["patch", "-p1"], input=patch.encode(), cwd=folder, check=True, capture_output=True)


@needs_dtc
@pytest.mark.skipif(not shutil.which("patch"), reason="patch is not installed")
@pytest.mark.parametrize(
    "regions",
    [
        pytest.param(TYPO_LINES, id="lines"),
        pytest.param("\t\t" + TYPO, id="one-line"),
        pytest.param("\t\t/* a comment */ fw: " + TYPO, id="comment-moves-columns"),
        pytest.param(
            "#define SECURE secure@50000000\n" + TYPO_LINES.replace("secure@50000000", "SECURE"), id="macro"
        ),
    ],
)
def test_patch_of_a_source_applies_and_cures(
    tmp_path: Path, regions: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = source(tmp_path / "a.dts", regions)
    before = path.read_text(encoding="utf-8")
    assert main(["check", "a.dts", "--fix"]) == 0
    captured = capsys.readouterr()
    assert path.read_text(encoding="utf-8") == before
    assert captured.out.startswith("--- a/a.dts\n+++ b/a.dts\n")
    assert "fixed: /reserved-memory/secure@50000000: region-property-misspelt [CV011]" in captured.err
    patched(tmp_path, captured.out)
    after = path.read_text(encoding="utf-8")
    assert after == before.replace("no-mem;", "no-map;")
    assert main(["check", "a.dts"]) == 0


@needs_dtc
def test_patch_goes_to_a_file_and_in_place_changes_the_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = source(tmp_path / "a.dts", TYPO_LINES)
    assert main(["check", "a.dts", "--fix", "-o", "a.patch"]) == 0
    assert "fixed: " in capsys.readouterr().out
    assert "+\t\t\tno-map;" in (tmp_path / "a.patch").read_text(encoding="utf-8")
    assert main(["check", "a.dts", "--fix", "--in-place"]) == 0
    assert "no-mem" not in path.read_text(encoding="utf-8")


@needs_dtc
def test_what_a_macro_makes_is_left_to_a_person(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source(tmp_path / "a.dts", "#define FLAG no-mem\n" + TYPO_LINES.replace("no-mem", "FLAG"))
    assert main(["check", "a.dts", "--fix"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "to be done by hand: /reserved-memory/secure@50000000: " in captured.err
    assert "region_property_misspelt" in captured.err


@needs_dtc
def test_include_of_the_same_folder_is_patched_and_one_from_elsewhere_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source(tmp_path / "board" / "a.dts", '#include "soc.dtsi"')
    included = tmp_path / "board" / "soc.dtsi"
    included.write_text(TYPO_LINES, encoding="utf-8")
    assert main(["check", "board/a.dts", "--fix"]) == 0
    assert capsys.readouterr().out.startswith("--- a/board/soc.dtsi\n")
    (tmp_path / "common").mkdir()
    included.rename(tmp_path / "common" / "soc.dtsi")
    assert main(["check", "board/a.dts", "--fix", "-I", "common"]) == 1
    assert "cannot be changed from here" in capsys.readouterr().err


@needs_dtc
def test_allowed_finding_is_not_fixed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source(
        tmp_path / "a.dts",
        TYPO_LINES.replace("no-mem;", "no-mem; /* carveout: allow region-property-misspelt */"),
    )
    assert main(["check", "a.dts", "--fix"]) == 0
    assert capsys.readouterr().out == ""
