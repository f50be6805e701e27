# SPDX-License-Identifier: Apache-2.0
"""`carveout upgrade`: questions, answers, and what is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from carveout.change.proposal import contents
from carveout.cli.main import main
from carveout.fdt import parse
from support.check_boards import needs_dtc

if TYPE_CHECKING:
    from pathlib import Path

DTS = """\
/dts-v1/;
/ {
	#address-cells = <2>;
	#size-cells = <2>;
	aliases { pool = &contig; };
	cpus {
		#address-cells = <1>;
		#size-cells = <0>;
		cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a53"; reg = <0>; };
	};
	memory@40000000 {
		device_type = "memory";
		reg = <0x0 0x40000000 0x0 0x40000000>;
		reserved-memory {
			#address-cells = <2>;
			#size-cells = <2>;
			ranges;
			contig: region@50000000 {
				compatible = "linux,contiguous-memory-region";
				reg = <0x0 0x50000000 0x0 0x4000000>;
				linux,default-contiguous-region;
			};
		};
	};
	vpu { compatible = "acme,vpu"; linux,contiguous-region = <&contig>; };
	qman { compatible = "fsl,qman-backing-store", "reserved-memory"; reg = <0x0 0x5a000000 0x0 0x400000>; };
};
"""
ANSWER = ["--answer", "/qman=fsl,qman-fqd"]


@pytest.fixture(autouse=True)
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "board.dts"
    path.write_text(DTS, encoding="utf-8")
    return path


pytestmark = [needs_dtc, pytest.mark.dtc]


def test_a_question_is_listed_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["upgrade", "board.dts", "-o", "out.dtb"]) == 2
    out = capsys.readouterr().out
    assert out == (
        "board.dts: not rewritten: 1 question is open; answer with --answer NODE=CHOICE\n"
        "  /qman: fsl,qman-backing-store was never a binding: which of the three is it\n"
        "    --answer /qman=fsl,bman-fbpr  free buffer proxy records of the buffer manager\n"
        "    --answer /qman=fsl,qman-fqd   frame queue descriptors of the queue manager\n"
        "    --answer /qman=fsl,qman-pfdr  packed frame descriptor records of the queue manager\n"
        "nothing was written\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["board.dts"]


def test_an_answered_board_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upgrade", "board.dts", "-o", "out.dtb", *ANSWER]) == 0
    out = capsys.readouterr().out
    assert out.startswith("board.dts: 3 nodes rewritten\n")
    assert (
        "  /reserved-memory/qman (was /qman)\n    compatible is fsl,qman-fqd; moved into /reserved-memory\n"
        in out
    )
    assert "placed at 0x50000000..0x53ffffff, CMA pool; before: used as ordinary RAM (7.2)" in out
    after = contents(parse((tmp_path / "out.dtb").read_bytes()))
    assert after["/reserved-memory/region@50000000"].keys() == {
        "compatible", "reg", "reusable", "linux,cma-default", "phandle",
    }  # fmt: skip
    assert after["/aliases"] == {"pool": b"/reserved-memory/region@50000000\0"}
    assert main(["upgrade", "out.dtb"]) == 0
    assert "nothing is in the words of 2013" in capsys.readouterr().out


def test_source_is_rewritten_by_what_stands_behind_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["upgrade", "board.dts", "-o", "out.dts", *ANSWER]) == 0
    text = (tmp_path / "out.dts").read_text(encoding="utf-8")
    assert text.startswith(DTS)
    assert "/delete-node/ &contig;\n" in text
    assert "\tcontig: region@50000000 {\n" in text
    assert "phandle" not in text
    capsys.readouterr()
    assert main(["upgrade", "out.dts"]) == 0
    assert "nothing is in the words of 2013" in capsys.readouterr().out


def test_an_overlay_cannot_remove(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upgrade", "board.dts", "-o", "out.dtb", "--write-overlay", "out.dtbo", *ANSWER]) == 2
    assert "an overlay cannot remove" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["board.dts"]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upgrade", "board.dts", "--format", "json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["schema"], found["upgraded"]) == ("carveout.upgrade/1", False)
    assert [choice["answer"] for choice in found["questions"][0]["choices"]] == [
        "fsl,bman-fbpr", "fsl,qman-fqd", "fsl,qman-pfdr",
    ]  # fmt: skip
    assert main(["upgrade", "board.dts", "--format", "json", *ANSWER]) == 0
    found = json.loads(capsys.readouterr().out)
    assert ("/qman", "/reserved-memory/qman") in [(node["was"], node["path"]) for node in found["nodes"]]


@pytest.mark.parametrize("answer", ["pool", "qman=fsl,qman-fqd", "/qman="])
def test_answers_that_cannot_be_read(answer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upgrade", "board.dts", "--answer", answer]) == 2
    assert f"--answer: cannot read '{answer}': expected NODE=CHOICE" in capsys.readouterr().err


def test_what_is_left_to_a_person_is_a_finding(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = DTS.replace("\tvpu {", '\tion { compatible = "linux,ion"; memory-region = <&contig>; };\n\tvpu {')
    board.write_text(text, encoding="utf-8")
    assert main(["upgrade", "board.dts", "-o", "out.dtb", *ANSWER]) == 1
    assert "to be done by hand: /ion: no kernel of today has a driver for ION" in capsys.readouterr().out
