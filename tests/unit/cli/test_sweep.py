# SPDX-License-Identifier: Apache-2.0
"""`carveout sweep`, `merge` and `report`, from the command line to files and exit codes."""

from __future__ import annotations

import gzip
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from carveout.cli.main import main
from carveout.cli.sweep_progress import Progress
from carveout.sweep import work
from carveout.sweep.course import Result
from carveout.sweep.plan import Done
from carveout.sweep.rows import COLUMNS
from support.sweep_boards import tree, write_boards

MATRIX = [
    "--kernel",
    "6.12",
    "--kernel",
    "7.2",
    "--page-size",
    "4K",
    "--page-size",
    "16K",
    "--select",
    "CV304,CV101",
]
INLINE = [*MATRIX, "--engine", "inline", "-q"]


@pytest.fixture(autouse=True)
def boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_boards(tmp_path / "dtbs", 15)


def rows(path: str = "out.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="ascii").splitlines()]


def test_rows_have_the_columns_that_are_documented() -> None:
    assert main(["sweep", "dtbs", *INLINE, "-o", "out.jsonl"]) == 0
    first, *found, last = rows()
    assert (first["kind"], first["schema"], first["boards"]) == ("sweep", "carveout.sweep/1", 15)
    assert first["scenes"] == ["6.12 4K", "6.12 16K", "7.2 4K", "7.2 16K"]
    assert last == {"kind": "end", "boards": 15, "rows": len(found)}
    for row in found:
        assert list(row) == ["board", "kind", *(c.name for c in COLUMNS[row["kind"]] if c.name != "board")]
    kinds = [row["kind"] for row in found]
    assert (kinds.count("board"), kinds.count("cell")) == (15, 60)
    (cell,) = [
        r
        for r in found
        if r["kind"] == "cell" and r["board"] == "dtbs/board-007.dtb" and r["scene"] == "7.2 16K"
    ]
    assert cell["released"] == 1
    assert any("incorrect alignment of CMA region" in text for text in cell["complaints"])


def test_sharded_and_merged_is_the_same_file() -> None:
    main(["sweep", "dtbs", *INLINE, "-o", "out.jsonl"])
    for part in (3, 1, 2):
        assert main(["sweep", "dtbs", *INLINE, "--shard", f"{part}/3", "-o", f"{part}.jsonl"]) == 0
    assert main(["sweep", "merge", "2.jsonl", "3.jsonl", "1.jsonl", "-o", "merged.jsonl"]) == 0
    assert Path("merged.jsonl").read_bytes() == Path("out.jsonl").read_bytes()
    assert main(["sweep", "merge", "1.jsonl", "1.jsonl", "2.jsonl"]) == 2
    assert main(["sweep", "merge", "1.jsonl", "2.jsonl"]) == 2
    torn = Path("2.jsonl").read_bytes()
    Path("2.jsonl").write_bytes(torn[: len(torn) // 2])
    assert main(["sweep", "merge", "1.jsonl", "2.jsonl", "3.jsonl", "-o", "bad.jsonl"]) == 3
    assert not Path("bad.jsonl").exists()


def test_boards_are_named_by_folder_pattern_and_list(
    capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    class Stdin:
        class buffer:  # noqa: N801
            @staticmethod
            def read(_size: int) -> bytes:
                return b"dtbs/board-003.dtb\n\ndtbs/board-001.dtb\n"

    monkeypatch.setattr("sys.stdin", Stdin)
    wanted = [("dtbs/*00[34].dtb", ["003", "004"]), ("-", ["003", "001"]), ("dtbs/board-002.dtb", ["002"])]
    for word, numbers in wanted:
        assert main(["sweep", word, *INLINE, "--rows", "cell", "-o", "out.jsonl"]) == 0
        assert [row["board"][11:14] for row in rows() if row["kind"] == "board"] == numbers
    assert main(["sweep", "nothing*.dtb", *INLINE]) == 2
    assert "no file matches 'nothing*.dtb'" in capsys.readouterr().err


def test_a_file_that_is_no_tree_is_a_row_and_exit_3(capsys: pytest.CaptureFixture[str]) -> None:
    Path("dtbs/aaa.dtb").write_bytes(b"nothing")
    assert main(["sweep", "dtbs", *INLINE, "-o", "out.jsonl"]) == 3
    (bad, *others) = [row for row in rows() if row["kind"] == "board"]
    assert "is no device tree blob" in bad["error"]
    assert len(others) == 15
    assert "aaa.dtb" in capsys.readouterr().err


def test_a_bug_over_one_board_is_exit_70_and_the_others_are_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read = work.read_board
    seen: list[object] = []

    def failing(tree: Any, **options: Any) -> Any:
        seen.append(tree)
        if len(seen) == 2:
            raise IndexError("a bug")
        return read(tree, **options)

    monkeypatch.setattr(work, "read_board", failing)
    assert main(["sweep", "dtbs", *INLINE, "-o", "out.jsonl"]) == 70
    assert "internal error" in capsys.readouterr().err
    errors = [row["error"] for row in rows() if row["kind"] == "board"]
    assert len(errors) == 15
    assert [error for error in errors if error is not None] == [errors[1]]


def test_cache_gives_the_same_and_survives_damage(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sweep", "dtbs", *MATRIX, "--engine", "inline", "--cache", "kept", "-o"]
    main([*arguments, "one.jsonl"])
    capsys.readouterr()
    main([*arguments, "two.jsonl"])
    assert "15 boards from the cache" in capsys.readouterr().err
    entries = [path for path in Path("kept").rglob("*") if path.is_file()]
    assert len(entries) == 15
    entries[0].write_bytes(b"torn")
    entries[1].write_bytes(entries[1].read_bytes()[:-5])
    data = bytearray(entries[2].read_bytes())
    data[60] ^= 1
    entries[2].write_bytes(data)
    entries[3].unlink()
    main([*arguments, "three.jsonl"])
    assert "11 boards from the cache" in capsys.readouterr().err
    assert (
        Path("one.jsonl").read_bytes() == Path("two.jsonl").read_bytes() == Path("three.jsonl").read_bytes()
    )
    assert not Path("one.jsonl.partial").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupted_run_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    write_boards(Path("dtbs"), 300)
    arguments = ["sweep", "dtbs", *MATRIX, "--jobs", "1", "-q", "-o"]
    running = subprocess.Popen(
        [sys.executable, "-m", "carveout", *arguments, "out.jsonl"], stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while len(list(Path().glob("out.jsonl.partial/*/*"))) < 60 and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    assert b"--resume goes on" in running.communicate(timeout=60)[1]
    assert running.returncode == 130
    assert not Path("out.jsonl").exists()
    capsys.readouterr()
    assert main(["sweep", "dtbs", *MATRIX, "--jobs", "1", "--resume", "-o", "out.jsonl"]) == 0
    found = re.search(r"(\d+) boards from the cache", capsys.readouterr().err)
    assert found is not None
    assert 60 <= int(found.group(1)) < 300
    assert not Path("out.jsonl.partial").exists()
    main([*arguments, "whole.jsonl"])
    assert Path("out.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()


def test_report_answers_from_a_to_b(capsys: pytest.CaptureFixture[str]) -> None:
    main(["sweep", "dtbs", *INLINE, "-o", "out.jsonl.gz"])
    assert gzip.decompress(Path("out.jsonl.gz").read_bytes()).startswith(b'{"kind":"sweep"')
    capsys.readouterr()
    assert main(["sweep", "report", "out.jsonl.gz", "--from", "4K", "--to", "16K"]) == 0
    out = capsys.readouterr().out
    assert "15 boards, 4 scenes, 60 cells: 60 ok" in out
    assert "3 boards are worse" in out
    # One entry for a board that is worse in the same way in several scenes, and one line for a kind of trouble.
    assert (
        "dtbs/board-007.dtb, 6.12 16K, 7.2 16K\n    /reserved-memory/pool was placed and is released: " in out
    )
    assert "        3  a region was placed and is released\n" in out
    assert "        3  kernel: Reserved memory: incorrect alignment of CMA region\n" in out
    assert "What does not fit: 3 boards in 6 cells\n" in out
    assert "dtbs/board-007.dtb, 6.12 16K, 7.2 16K: /reserved-memory/pool: released\n" in out
    assert "    kernel: Reserved memory: incorrect alignment of CMA region" in out
    assert main(["sweep", "report", "out.jsonl.gz", "--from", "4K", "--to", "64K"]) == 2
    assert main(["sweep", "report", "out.jsonl.gz", "--fit", "3G"]) == 2
    assert main(["sweep", "report", "dtbs/board-000.dtb"]) == 3


def test_report_as_a_page_is_closed_in_itself(capsys: pytest.CaptureFixture[str]) -> None:
    Path("dtbs/board-000.dtb").rename("dtbs/<script>alert(1)<.dtb")
    main(["sweep", "dtbs", *INLINE, "-o", "out.jsonl"])
    arguments = [
        "sweep",
        "report",
        "out.jsonl",
        "--from",
        "4K",
        "--to",
        "16K",
        "--format",
        "html",
        "-o",
        "out.html",
    ]
    assert main(arguments) == 0
    page = Path("out.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert page.count("<script>") == 1
    assert "http" not in page.replace("http-equiv", "")
    assert page.count('<rect class="k-restricted"') == 1 + 3 * 2
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param(["--engine", "dask"], "go together", id="dask"),
        pytest.param(["--jobs", "0"], "expected 1 or more", id="jobs"),
        pytest.param(["--shard", "4/3"], "expected I/N", id="shard"),
        pytest.param(["--format", "parquet"], "-o FOLDER", id="parquet"),
        pytest.param(["--if-ram-missing"], "needs --memory-size", id="ram"),
        pytest.param(["--rows", "cells"], "'cells' is no kind of row", id="rows"),
        pytest.param(["--kernel", "nonsense"], "nonsense", id="kernel"),
        pytest.param(["--resume"], "name it with -o", id="resume"),
    ],
)
def test_usage(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "dtbs", *arguments]) == 2
    assert text in capsys.readouterr().err


def test_boards_and_scenes_of_a_project() -> None:
    Path("carveout.toml").write_text(
        '[scene.lts]\nkernel = ["6.1", "6.12"]\n[scene.big]\nkernel = "7.2"\npage-size = "16K"\n'
        '[[board]]\nfiles = ["dtbs/board-00[12].dtb"]\n[[board]]\nfiles = ["dtbs/board-003.dtb"]\nscenes = ["big"]\n',
        encoding="utf-8",
    )
    assert main(["sweep", "--engine", "inline", "-q", "-o", "out.jsonl"]) == 0
    cells = [(row["board"], row["scene"]) for row in rows() if row["kind"] == "cell"]
    first = [("dtbs/board-001.dtb", name) for name in ("lts 6.1", "lts 6.12", "big")]
    assert cells[:3] == first
    assert cells[-1] == ("dtbs/board-003.dtb", "big")


def test_findings_fail_the_run_when_asked() -> None:
    assert main(["sweep", "dtbs", *INLINE, "--fail-on", "warning", "-o", "out.jsonl"]) == 1
    assert main(["sweep", "dtbs/board-001.dtb", *INLINE, "--fail-on", "warning", "-o", "out.jsonl"]) == 0


@pytest.mark.parquet
def test_parquet_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    from pyarrow.parquet import read_table

    main(["sweep", "dtbs", *INLINE, "-o", "out.jsonl"])
    assert main(["sweep", "dtbs", *INLINE, "--format", "parquet", "-o", "out"]) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == [
        "boards.parquet",
        "cells.parquet",
        "findings.parquet",
        "regions.parquet",
    ]
    cells = read_table("out/cells.parquet").to_pylist()
    wanted = [row for row in rows() if row["kind"] == "cell"]
    for cell, row in zip(cells, wanted, strict=True):
        assert {**cell, "kind": "cell"} == {
            **row, **{name: int(row[name], 16) for name in ("default_cma", "default_cma_size") if row[name]}
        }  # fmt: skip
    capsys.readouterr()
    main(["sweep", "report", "out.jsonl", "--from", "4K", "--to", "16K"])
    main(["sweep", "report", "out", "--from", "4K", "--to", "16K"])
    first, second = capsys.readouterr().out.split("15 boards, ")[1:]
    assert first == second


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    result = Result("a", Done(0, (), cells=4, simulated=2, findings=3), was_kept=False, twin=False)
    for is_terminal in (True, False):
        progress = Progress(4, quiet=False, is_terminal=is_terminal, clock=lambda: now[0])
        now[0] += 20
        progress.add(result)
        progress.say("error: x")
        now[0] += 20
        progress.end()
    err = capsys.readouterr().err
    assert "\r\x1b[K[######..................] 1/4 boards, 0 cells/s, 1:00 left, 3 findings" in err
    assert "\ncarveout: 1/4 boards, 0 cells/s, 1:00 left, 3 findings\n" in err
    assert err.endswith("carveout: 1 boards, 4 cells (2 simulated), 3 findings in 40.0 s: 0 cells/s\n")


def test_overlays_make_boards_of_their_own() -> None:
    Path("empty.dtbo").write_bytes(_overlay())
    assert (
        main(["sweep", "dtbs/board-001.dtb", *INLINE, "--overlay-variant", "empty.dtbo", "-o", "out.jsonl"])
        == 0
    )
    boards = [row for row in rows() if row["kind"] == "board"]
    assert [row["board"] for row in boards] == ["dtbs/board-001.dtb", "dtbs/board-001.dtb+empty.dtbo"]
    assert boards[0]["content"] != boards[1]["content"]


def _overlay() -> bytes:
    from carveout.fdt.draft import DraftNode
    from carveout.fdt.writer import build

    root = DraftNode()
    fragment = root.add("fragment@0", {"target-path": b"/\0"})
    fragment.add("__overlay__", {"model": b"with overlay\0"})
    assert tree(1)
    return build(root)
