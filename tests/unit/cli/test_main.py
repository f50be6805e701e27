# SPDX-License-Identifier: Apache-2.0
"""The frame: verbs, exit codes, errors of one line."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from carveout import __version__
from carveout.cli import main as frame
from carveout.cli.main import main
from carveout.errors import InternalError

if TYPE_CHECKING:
    from pathlib import Path


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"carveout {__version__}\n"
    assert main(["--help"]) == 0
    assert "\n  map " in capsys.readouterr().out
    assert main(["map", "--help"]) == 0
    own = capsys.readouterr().out
    assert "--memory SIZE@BASE" in own
    assert "exit codes: 0 a map was made" in own
    assert main(["help", "map"]) == 0
    assert capsys.readouterr().out == own


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "no verb given"),
        (["mapp"], "unknown verb 'mapp': did you mean 'map'?"),
        (["xyzzy"], "unknown verb 'xyzzy': expected one of: map"),
        (["--nothing"], "unknown option '--nothing'"),
        (["map"], "the following arguments are required: BOARD; see 'carveout map --help'"),
        (["map", "x.dtb", "--format", "gif"], "invalid choice: 'gif'"),
        (["map", "x.dtb", "--width", "0"], "--width: 0 is no width"),
        (
            ["map", "x.dtb", "--memory", "1G"],
            "--memory: cannot read memory '1G': expected SIZE@BASE, for example",
        ),
        (["map", "x.dtb", "--arch", "mips"], "--arch: unknown architecture 'mips'"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    error = error_of(capsys)
    assert error.startswith("carveout: error: ")
    assert words in error


def test_an_error_never_passes_control_characters_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["\x1b[31mmap\n\u202e"]) == 2
    error = error_of(capsys)
    assert "\x1b" not in error
    assert "\u202e" not in error


class _Broken:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def run(self, _: list[str]) -> int:
        raise self.error


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), InternalError("no such step"), RecursionError()])
def test_a_bug_exits_70_and_says_how_to_report(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(frame, "import_module", lambda _: _Broken(error))
    monkeypatch.delenv("CARVEOUT_DEBUG", raising=False)
    assert main(["map"]) == 70
    shown = error_of(capsys)
    assert "This is a bug in carveout: please report it" in shown
    assert type(error).__name__ in shown
    assert main(["map", "--debug"]) == 70
    assert "Traceback (most recent call last)" in capsys.readouterr().err
    monkeypatch.setenv("CARVEOUT_DEBUG", "1")
    assert main(["map"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_interrupting_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(frame, "import_module", lambda _: _Broken(KeyboardInterrupt()))
    assert main(["map"]) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_leaves_early_is_no_error(board_dtb: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "carveout", "map", str(board_dtb)],
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


HEAVY = "rich numpy jinja2 dask asyncio subprocess xml json tomllib difflib shutil traceback pathlib tempfile"


@pytest.mark.parametrize(
    "program",
    [
        "import carveout",
        "from carveout.cli.main import main; main(['map', sys.argv[1], '-o', sys.argv[2]])",
    ],
)
def test_start_up_imports_nothing_heavy(program: str, board_dtb: Path, tmp_path: Path) -> None:
    check = f"print(sorted(set({HEAVY.split()!r}) & set(sys.modules)))"
    arguments = [str(board_dtb), str(tmp_path / "map.txt")]
    # -I -S: without site, whose .pth files import what they like.
    path = "; ".join(f"sys.path.append({entry!r})" for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; {path}; {program}; {check}", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
