# SPDX-License-Identifier: Apache-2.0
"""`carveout check`, from the command line to its output and exit code."""

from __future__ import annotations

import gc
import io
import json
import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from carveout.cli.check_session import Session, Target
from carveout.cli.main import main
from support.check_boards import CLEAN, OVERLAP, TOO_LARGE, TYPO, blob, needs_dtc, source

if TYPE_CHECKING:
    from carveout.cli.boards import LoadedBoard

ONLY = ["--no-project", "--select"]


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, list)
    return found


def test_finding_has_dtcs_shape(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob(tmp_path / "a.dtb", OVERLAP)
    assert main(["check", "a.dtb"]) == 1
    out = capsys.readouterr().out
    assert out.startswith(
        "a.dtb: ERROR (region_overlap): /reserved-memory/ipa@48700000: 0x48700000..0x4870ffff shares 0x10000 bytes"
    )
    assert "  see also: /reserved-memory/modem@46000000\n" in out
    assert out.splitlines()[-1].startswith("1 board checked: 1 error")


def test_clean_board_is_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob(tmp_path / "a.dtb", CLEAN)
    assert main(["check", "a.dtb", *ONLY, "CV101"]) == 0
    assert capsys.readouterr().out == "1 board checked: nothing found\n"


@needs_dtc
def test_source_has_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source(tmp_path / "a.dts", OVERLAP)
    assert main(["check", "a.dts", *ONLY, "CV101", "--format", "json"]) == 1
    (row,) = rows(capsys)
    assert (row["file"], row["line"], row["column"]) == ("a.dts", 23, 16)
    assert row["code"] == "CV101"
    assert row["kernels"] == []


def test_json_has_all_keys_and_nulls_for_a_blob(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob(tmp_path / "a.dtb", OVERLAP)
    main(["check", "a.dtb", *ONLY, "CV101", "--format", "json"])
    (row,) = rows(capsys)
    wanted = {"code", "slug", "severity", "path", "file", "line", "column", "message", "fix", "kernels"}
    assert wanted <= row.keys()
    assert (row["file"], row["line"], row["column"], row["fix"]) == (None, None, None, None)
    assert row["slug"] == "region-overlap"
    assert row["severity"] == "error"


def test_empty_list_is_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob(tmp_path / "a.dtb", CLEAN)
    assert main(["check", "a.dtb", *ONLY, "CV101", "--format", "json"]) == 0
    assert rows(capsys) == []


def test_one_finding_lists_the_scenes_in_which_it_bites(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blob(tmp_path / "a.dtb", TOO_LARGE)
    argv = ["check", "a.dtb", *ONLY, "region-does-not-fit", "--format", "json", "--kernel", "6.1"]
    argv += ["--kernel", "7.2", "--memory-variant", "256M@0x40000000", "--memory-variant", "1G@0x40000000"]
    assert main(argv) == 1
    (row,) = rows(capsys)
    assert row["kernels"] == ["6.1 256M", "7.2 256M"]


def test_every_scene_file_is_a_scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob(tmp_path / "a.dtb", TOO_LARGE)
    argv = ["check", "a.dtb", *ONLY, "region-does-not-fit", "--format", "json"]
    for name, size in (("small", "256M"), ("large", "1G"), ("smaller", "128M")):
        (tmp_path / f"{name}.toml").write_text(f'kernel = "6.12"\nmemory = ["{size}@0x40000000"]\n')
        argv += ["--scene", f"{name}.toml"]
    assert main(argv) == 1
    (row,) = rows(capsys)
    assert row["kernels"] == ["small", "smaller"]


def test_a_folder_is_all_boards_below_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b/z.dtb", "b/a.dtb", "a/x.dtb", "b/c/d.dtb"):
        blob(tmp_path / "boards" / name, OVERLAP)
    (tmp_path / "boards" / "notes.txt").write_text("no board", encoding="utf-8")
    assert main(["check", "boards", *ONLY, "CV101", "--format", "json"]) == 1
    boards = [row["board"] for row in rows(capsys)]
    assert boards == [f"boards/{name}" for name in ("a/x.dtb", "b/a.dtb", "b/z.dtb", "b/c/d.dtb")]


def test_a_folder_without_boards_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["check", "empty", "--no-project"]) == 3
    assert "there is no .dtb or .dts in this folder" in capsys.readouterr().err


def test_a_bad_blob_does_not_stop_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = blob(tmp_path / "a.dtb", OVERLAP)
    (tmp_path / "b.dtb").write_bytes(good.read_bytes()[:100])
    (tmp_path / "c.dtb").write_bytes(b"nothing of the kind")
    blob(tmp_path / "d.dtb", OVERLAP)
    assert main(["check", "a.dtb", "b.dtb", "c.dtb", "gone.dtb", "d.dtb", *ONLY, "CV101"]) == 3
    captured = capsys.readouterr()
    assert captured.out.count("region_overlap") == 2
    assert "2 boards checked, 3 could not be read: 2 errors" in captured.out
    errors = captured.err.splitlines()
    assert [line.split(":")[0:2] for line in errors] == [["carveout", " error"]] * 3
    assert [name in line for name, line in zip(("b.dtb", "c.dtb", "gone.dtb"), errors, strict=True)] == [
        True
    ] * 3


def test_a_board_comes_from_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = blob(tmp_path / "a.dtb", OVERLAP).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert main(["check", "-", *ONLY, "CV101"]) == 1
    assert "region_overlap" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 0),
        (["--werror"], 1),
        (["--fail-on", "warning"], 1),
        (["--fail-on", "note"], 1),
        (["--ignore", "region-unit-address-wrong"], 0),
        (["--ignore", "CV9", "--werror"], 0),
        (["--select", "CV1", "--werror"], 0),
        (["--select", "CV903,CV101", "--werror"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_what_fails_the_run(tmp_path: Path, options: list[str], code: int) -> None:
    blob(tmp_path / "a.dtb", "modem@46000000 { reg = <0x0 0x47000000 0x0 0x2000000>; no-map; };")
    assert main(["check", "a.dtb", *options]) == code


def test_notes_are_shown_on_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob(tmp_path / "a.dtb", CLEAN)
    argv = ["check", "a.dtb", *ONLY, "region-unreferenced"]
    main(argv)
    plain = capsys.readouterr().out
    main([*argv, "--severity", "note"])
    full = capsys.readouterr().out
    assert "region_unreferenced" not in plain
    assert plain == "1 board checked: 1 note (--severity note shows the notes)\n"
    assert "a.dtb: Note (region_unreferenced): /reserved-memory/modem@46000000: " in full


def test_unknown_rule_is_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob(tmp_path / "a.dtb", CLEAN)
    assert main(["check", "a.dtb", "--select", "no-such-rule"]) == 2
    assert "no rule has this code or slug" in capsys.readouterr().err


def test_unknown_kernel_is_usage_before_any_board(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob(tmp_path / "a.dtb", OVERLAP)
    assert main(["check", "a.dtb", "--kernel", "9.9"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--kernel 9.9" in captured.err


def test_a_board_that_cannot_be_booted_is_checked_as_far_as_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = blob(tmp_path / "a.dtb", OVERLAP).read_bytes()
    (tmp_path / "b.dtb").write_bytes(whole.replace(b"arm,cortex-a53", b"who,knows-what"))
    argv = ["check", "b.dtb", "--no-project", "--kernel", "6.12"]
    assert main(argv) == 1
    captured = capsys.readouterr()
    assert "region_overlap" in captured.out
    assert "1 not in every scene" in captured.out
    assert captured.err.startswith("carveout: b.dtb: not checked in scene '6.12': ")
    assert main([*argv, "--ignore", "CV0,CV1,CV9"]) == 2
    assert main([*argv, "--arch", "arm64", "--ignore", "CV101"]) == 0


def test_output_goes_to_a_file_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob(tmp_path / "a.dtb", OVERLAP)
    assert main(["check", "a.dtb", *ONLY, "CV101", "-o", "out.txt"]) == 1
    assert capsys.readouterr().out == ""
    assert (tmp_path / "out.txt").read_text(encoding="utf-8").endswith("1 board checked: 1 error\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dtb", "out.txt"]


def test_output_is_never_an_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = blob(tmp_path / "a.dtb", OVERLAP)
    before = path.read_bytes()
    assert main(["check", "a.dtb", "-o", "a.dtb", "--no-project"]) == 2
    assert path.read_bytes() == before
    assert "is an input" in capsys.readouterr().err


def test_no_board_and_no_project_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) in (2, 3)
    assert "no board given" in capsys.readouterr().err


def test_odd_names_of_a_tree_cannot_harm_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = blob(tmp_path / "a.dtb", TYPO)
    path.write_bytes(path.read_bytes().replace(b"secure@5", b"\x1b[31mre@5"))
    main(["check", "a.dtb", "--no-project"])
    assert "\x1b" not in capsys.readouterr().out


def test_dt_check_takes_the_options_of_the_kernels_build(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # $(DT_CHECKER) $(DT_CHECKER_FLAGS) -u DIR -p FILE BOARD.dtb, flags -m or -l TEXT: scripts/Makefile.dtbs.
    blob(tmp_path / "a.dtb", OVERLAP)
    tail = ["-u", "../Documentation/devicetree/bindings", "-p", "./processed-schema.json", "a.dtb"]
    assert main(["dt-check", "-m", *tail]) == 1
    assert "region_overlap" in capsys.readouterr().out
    assert main(["dt-check", "-l", "reserved-memory", *tail, "--no-project"]) == 1
    assert main(["dt-check", "--page-size", "16K", "-m", *tail, "--no-project"]) == 1


def test_sarif_from_the_command_line_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = Path(__file__).parents[2] / "data" / "sarif" / "sarif-2.1.0-rtm.5.json"
    blob(tmp_path / "a b.dtb", OVERLAP + TYPO + TOO_LARGE)
    (tmp_path / "c.dtb").write_bytes(b"no board")
    assert main(["check", "a b.dtb", "c.dtb", "--format", "sarif"]) == 3
    log = json.loads(capsys.readouterr().out)
    jsonschema.Draft4Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(log)
    assert {"CV101", "CV011"} <= {result["ruleId"] for result in log["runs"][0]["results"]}
    assert log["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_boards_are_read_and_reported_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # What is said about a board is out before the next one is read, and nothing of the board is kept.
    for number in range(4):
        blob(tmp_path / f"{number}.dtb", OVERLAP)
    seen: list[str] = []
    alive: list[weakref.ref[object]] = []
    load = Session.load
    gc.freeze()  # what other tests left need not be gone through at each board

    def watched(self: Session, target: Target) -> LoadedBoard:
        seen.append(capsys.readouterr().out)
        gc.collect()
        assert [ref for ref in alive[:-1] if ref() is not None] == []
        loaded = load(self, target)
        alive.append(weakref.ref(loaded.tree))
        return loaded

    monkeypatch.setattr(Session, "load", watched)
    try:
        main(["check", *(f"{number}.dtb" for number in range(4)), *ONLY, "CV101"])
    finally:
        gc.unfreeze()
    assert [text.partition(":")[0] for text in seen] == ["", "0.dtb", "1.dtb", "2.dtb"]


def test_boards_and_options_come_in_any_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two"):
        blob(tmp_path / f"{name}.dtb", CLEAN)
    assert main(["check", str(tmp_path / "one.dtb"), *ONLY, "CV101", str(tmp_path / "two.dtb")]) == 0
    assert "2 boards" in capsys.readouterr().out


def test_pages_for_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boards = tmp_path / "boards"
    for name in ("one", "two"):
        blob(boards / f"{name}.dtb", CLEAN)
    (boards / "broken.dtb").write_bytes(b"no tree")
    out = tmp_path / "report"
    assert main(["check", str(boards), "--format", "html", "-o", str(out)]) == 3
    assert sorted(path.name for path in out.iterdir()) == ["0001-one.html", "0002-two.html", "index.html"]
    assert "broken.dtb" in (out / "index.html").read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["check", str(boards), "--format", "html"]) == 2
    assert "-o FOLDER" in capsys.readouterr().err
    assert main(["check", str(boards), "--format", "html", "-o", str(boards / "one.dtb")]) == 2
    assert "is a file, expected a folder" in capsys.readouterr().err
