# SPDX-License-Identifier: Apache-2.0
"""Findings allowed by comments of a source and by carveout.toml."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from carveout.check.allow import read_allows
from carveout.cli.main import main
from support.check_boards import CLEAN, OVERLAP, TOO_LARGE, blob, needs_dtc, source

if TYPE_CHECKING:
    from pathlib import Path

MODEM = "\t\tmodem@46000000 { reg = <0x0 0x46000000 0x0 0x2c00000>; no-map; };\n"
IPA = "\t\tipa@48700000 { reg = <0x0 0x48700000 0x0 0x10000>; no-map; };"


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def codes(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [row["code"] for row in json.loads(capsys.readouterr().out)]


def check(*more: str) -> int:
    return main(["check", *more, "--format", "json"])


@needs_dtc
@pytest.mark.parametrize(
    "regions",
    [
        pytest.param(f"{MODEM}{IPA} /* carveout: allow region-overlap */", id="behind"),
        pytest.param(f"{MODEM}{IPA} // carveout: allow CV101 -- the DSP owns both", id="line-comment-code"),
        pytest.param(f"{MODEM}/* carveout: allow region_overlap */{IPA}", id="before-on-the-line"),
        pytest.param(f"{MODEM}\t\t/* carveout: allow region-overlap */\n{IPA}", id="line-above"),
        pytest.param(
            f"{MODEM}\t\t// carveout: allow CV999\n\t\t// carveout: allow CV101\n{IPA}", id="two-lines-above"
        ),
        pytest.param(
            f"{MODEM}\t\t/*\n\t\t * carveout: allow region-overlap -- reason\n\t\t */\n{IPA}",
            id="block-above",
        ),
        pytest.param(f"{MODEM}{IPA} /* carveout: allow CV201, region-overlap */", id="several"),
    ],
)
def test_comment_allows(tmp_path: Path, regions: str, capsys: pytest.CaptureFixture[str]) -> None:
    source(tmp_path / "a.dts", regions)
    check("a.dts", "--select", "CV101")
    assert codes(capsys) == []
    main(["check", "a.dts", "--select", "CV101"])
    assert capsys.readouterr().out == "1 board checked: nothing found, 1 allowed\n"


@needs_dtc
@pytest.mark.parametrize(
    "regions",
    [
        pytest.param(f"/* carveout: allow region-overlap */\n\n{MODEM}{IPA}", id="too-far"),
        pytest.param(f"{MODEM.rstrip()} /* carveout: allow region-overlap */\n{IPA}", id="other-region"),
        pytest.param(f"{MODEM}{IPA} /* carveout: allow CV201 */", id="other-rule"),
        pytest.param(f"{MODEM}{IPA} /* allow region-overlap */", id="no-mark"),
    ],
)
def test_comment_elsewhere_allows_nothing(
    tmp_path: Path, regions: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source(tmp_path / "a.dts", regions)
    check("a.dts", "--select", "CV101")
    assert codes(capsys) == ["CV101"]


@needs_dtc
def test_unused_and_unknown_allows_are_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source(tmp_path / "a.dts", CLEAN + " /* carveout: allow region-overlap, no-such-rule */")
    assert check("a.dts", "--select", "CV101,CV99") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["slug"], row["severity"], row["line"]) for row in rows] == [
        ("unused-allow", "note", 22),
        ("unknown-allow", "note", 22),
    ]
    assert check("a.dts", "--select", "CV99") == 0
    assert codes(capsys) == ["CV991"]


def test_strings_are_no_comments() -> None:
    assert read_allows('a = "/* carveout: allow CV101 */";\n', "a") == ()
    (allow,) = read_allows('a = "//"; // carveout: allow CV101 -- because it is so\n', "a")
    assert (allow.code, allow.line, allow.reason) == ("CV101", 1, "because it is so")


TOML = """
[check]
ignore = ["CV9"]

[scene.small]
kernel = ["6.1", "7.2"]
memory = ["256M@0x40000000"]

[scene.large]
kernel = "6.12"
memory-variant = ["1G@0x40000000", "2G@0x40000000"]

[[board]]
name = "media"
files = ["build/*.dtb"]
scenes = ["small", "large"]

[[board]]
name = "other"
files = ["other.dtb"]
scenes = ["large"]
"""


def project(folder: Path, more: str = "") -> None:
    blob(folder / "build" / "a.dtb", TOO_LARGE)
    blob(folder / "build" / "b.dtb", OVERLAP)
    blob(folder / "other.dtb", TOO_LARGE)
    (folder / "carveout.toml").write_text(TOML + more, encoding="utf-8")


def found(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str, list[str]]]:
    rows = json.loads(capsys.readouterr().out)
    return [(row["board"], row["code"], row["kernels"]) for row in rows if row["severity"] == "error"]


def test_project_is_used_without_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project(tmp_path)
    assert check() == 1
    wanted = [("build/a.dtb", "CV210", ["small 6.1", "small 7.2"]), ("build/b.dtb", "CV101", [])]
    assert found(capsys) == wanted
    monkeypatch.chdir(tmp_path / "build")
    assert check() == 1
    assert [code for _, code, _ in found(capsys)] == ["CV210", "CV101"]


def test_named_board_has_its_scenes_and_options_win(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project(tmp_path)
    assert check("build/a.dtb") == 1
    assert found(capsys) == [("build/a.dtb", "CV210", ["small 6.1", "small 7.2"])]
    assert check("other.dtb") == 0
    capsys.readouterr()
    check("other.dtb", "--kernel", "6.12", "--memory", "128M@0x40000000")
    assert found(capsys) == [("other.dtb", "CV210", ["6.12"])]
    assert check("build/a.dtb", "--no-project") == 0


def test_allow_needs_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path, '[[allow]]\nrule = "region-overlap"\n')
    assert main(["check"]) == 2
    assert "a reason is required" in capsys.readouterr().err


@pytest.mark.parametrize(
    "more",
    ['board = "media"', 'board = "b.dtb"', 'board = "build/*"', 'path = "/reserved-memory/ipa@*"', ""],
)
def test_allow_table(tmp_path: Path, more: str, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path, f'[[allow]]\nrule = "CV101"\nreason = "one firmware"\n{more}\n')
    check()
    assert [code for _, code, _ in found(capsys)] == ["CV210"]


@pytest.mark.parametrize("more", ['board = "other"', 'path = "/reserved-memory/modem*"'])
def test_allow_table_that_matches_nothing_is_a_note(
    tmp_path: Path, more: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project(tmp_path, f'[[allow]]\nrule = "CV101"\nreason = "one firmware"\n{more}\n')
    text = (tmp_path / "carveout.toml").read_text(encoding="utf-8").replace('"CV9"', '"CV90"')
    (tmp_path / "carveout.toml").write_text(text, encoding="utf-8")
    check()
    rows = json.loads(capsys.readouterr().out)
    assert [row["code"] for row in rows if row["severity"] == "error"] == ["CV210", "CV101"]
    assert [row["board"].endswith("carveout.toml") for row in rows if row["code"] == "CV990"] == [True]
    check("build/b.dtb")
    assert "CV990" not in codes(capsys)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[check]\nselct = []\n", "has 'selct', expected one of"),
        ("[chek]\n", "has 'chek', expected one of"),
        ('[check]\nseverity = "bad"\n', "expected one of: error, warning, note"),
        ('[check]\nwerror = "yes"\n', "expected true or false"),
        ("[[board]]\n", "needs files"),
        ('[[board]]\nfiles = ["a.dtb"]\nscenes = ["x"]\n', "no [scene.x]"),
        ('[scene.x]\nkernal = "6.1"\n', "did you mean 'kernel'"),
        ('[[allow]]\nrule = "no-rule"\nreason = "r"\n', "no rule has this code or slug"),
        ("[board]\n", "a table in double brackets"),
        ('[check]\nseverity = "note"\n', "has no [[board]]"),
    ],
)
def test_mistakes_of_a_project_are_usage(
    tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "carveout.toml").write_text(text, encoding="utf-8")
    assert main(["check"]) == 2
    assert message in capsys.readouterr().err


def test_a_pattern_without_files_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path, '[[board]]\nfiles = ["gone/*.dtb"]\n')
    assert check() == 3
    assert "no file matches 'gone/*.dtb'" in capsys.readouterr().err


def test_rules_ignored_with_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob(tmp_path / "b.dtb", OVERLAP)
    text = '[check]\nwerror = true\n[check.ignore]\nregion-overlap = "one firmware"\nCV4 = "not ours"\n'
    (tmp_path / "carveout.toml").write_text(text, encoding="utf-8")
    assert check("b.dtb") == 0
    assert "CV101" not in codes(capsys)


def test_pages_tell_of_tables_that_match_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path, '[[allow]]\nrule = "CV101"\nreason = "one firmware"\npath = "/nowhere/*"\n')
    text = (tmp_path / "carveout.toml").read_text(encoding="utf-8").replace('"CV9"', '"CV90"')
    (tmp_path / "carveout.toml").write_text(text, encoding="utf-8")
    code = main(["check"])
    last = capsys.readouterr().out.splitlines()[-1]
    assert main(["check", "--format", "html", "-o", "report"]) == code
    index = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert re.search(r"note CV990</strong> .*carveout\.toml", index)
    # The last line of the text form, but for what that does not show.
    assert last.replace(" (--severity note shows the notes)", "") in index
