# SPDX-License-Identifier: Apache-2.0
"""`carveout verify`, from the command line to its output."""

from __future__ import annotations

import gzip
import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from carveout.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

BANNER = "Linux version 6.12.107+deb13-arm64 (debian) (gcc) #1 SMP\n"
START = f"Booting Linux on physical CPU 0x0000000000 [0x410fd034]\n{BANNER}"
LOG = START + (
    "Reserved memory: created CMA memory pool at 0x000000007e000000, size 32 MiB\n"
    "OF: reserved mem: initialized node pool, compatible id shared-dma-pool\n"
    "OF: reserved mem: 0x000000007e000000..0x000000007fffffff (32768 KiB) map reusable pool\n"
    "OF: reserved mem: 0x0000000050000000..0x00000000500fffff (1024 KiB) nomap non-reusable fw@50000000\n"
    "cma: Reserved 64 MiB at 0x0000000078c00000 on node -1\n"
    "Zone ranges:\n"
    "  DMA      [mem 0x0000000040000000-0x000000007fffffff]\n"
    "Memory: 900000K/1048576K available (1K kernel code, 2K reserved, 98304K cma-reserved)\n"
)
PLACES = ["--kernel-image", "0x40200000+0x24f0000", "--dtb-at", "0x48000000"]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "dmesg.txt"
    path.write_text(LOG, encoding="utf-8")
    return path


def verify(argv: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main(["verify", *argv])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def as_json(argv: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    _code, out, _err = verify([*argv, "--format", "json"], capsys)
    value: dict[str, Any] = json.loads(out)
    return value


def test_a_log_that_agrees(board_dtb: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _err = verify([str(board_dtb), "--log", str(log), *PLACES], capsys)
    assert "agrees: " in out
    assert "prediction exact" in out
    assert code == 0


def test_one_line_changed_is_told_with_its_line(
    board_dtb: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_text(
        LOG.replace("0x000000007e000000..0x000000007fffffff", "0x000000006e000000..0x000000006fffffff")
    )
    code, out, _err = verify([str(board_dtb), "--log", str(log), *PLACES], capsys)
    assert code == 1
    assert "differs: 1 of" in out
    assert "seen (line 5): OF: reserved mem: 0x000000006e000000" in out
    assert "predicted: OF: reserved mem: 0x000000007e000000" in out
    assert "cause: " in out


def test_json(board_dtb: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = as_json([str(board_dtb), "--log", str(log), *PLACES], capsys)
    assert (value["schema"], value["agrees"], value["exactness"]) == ("carveout.verify/1", True, "exact")
    assert value["differences"] == 0
    assert value["scene"]["kernel"] == "6.12.107+deb13-arm64"
    assert value["log"]["complete"] is True
    assert {item["standing"] for item in value["items"]} == {"agrees"}
    first = value["items"][0]
    assert {
        "subject",
        "what",
        "standing",
        "counts",
        "source",
        "line",
        "seen",
        "predicted",
        "contrasts",
        "note",
        "cause",
    } == set(first)


def test_options_win_over_the_log(board_dtb: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = as_json([str(board_dtb), "--log", str(log), "--kernel", "5.10"], capsys)
    assert value["scene"]["kernel"] == "5.10"
    assert not value["agrees"]


def test_a_log_alone_is_a_map(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _err = verify(["--log", str(log)], capsys)
    assert code == 0
    assert "0x7e000000..0x7fffffff       32 MiB  pool" in out
    value = as_json(["--log", str(log)], capsys)
    assert value["agrees"] is None
    assert [row["name"] for row in value["rows"]] == ["fw@50000000", "default CMA area", "pool"]


def test_packed_and_standard_input(
    board_dtb: Path, log: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = log.with_suffix(".gz")
    packed.write_bytes(gzip.compress(LOG.encode()) + gzip.compress(b"more of it\n"))
    assert verify([str(board_dtb), "--log", str(packed), *PLACES], capsys)[0] == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LOG.encode())))
    assert verify([str(board_dtb), "--log", "-", *PLACES], capsys)[0] == 0


def files(folder: Path) -> dict[str, str]:
    """Write what a running machine shows, and return the options that name it."""
    (folder / "iomem").write_text(
        "40000000-4fffffff : System RAM\n  40200000-411fffff : Kernel code\n  41400000-426effff : Kernel data\n"
        "50000000-500fffff : reserved\n50100000-7fffffff : System RAM\n  78c00000-7fffffff : reserved\n"
    )
    lists = folder / "memblock"
    lists.mkdir()
    (lists / "memory").write_text(
        "   0: 0x0000000040000000..0x000000004fffffff    0 NONE\n"
        "   1: 0x0000000050000000..0x00000000500fffff    0 NOMAP\n"
        "   2: 0x0000000050100000..0x000000007fffffff    0 NONE\n"
    )
    (lists / "reserved").write_text("   0: 0x0000000078c00000..0x000000007fffffff    0 NONE\n")
    for name, base, count in (("pool", 0x7E000, 8192), ("reserved", 0x78C00, 16384)):
        area = folder / "cma" / name
        area.mkdir(parents=True)
        (area / "base_pfn").write_text(f"{base}\n")
        (area / "count").write_text(f"{count}\n")
        (area / "used").write_text("12\n")
    (folder / "meminfo").write_text("MemTotal: 999492 kB\nCmaTotal:          98304 kB\n")
    return {
        "--iomem": str(folder / "iomem"),
        "--memblock": str(lists),
        "--cma": str(folder / "cma"),
        "--meminfo": str(folder / "meminfo"),
    }


@pytest.mark.parametrize("name", ["--iomem", "--memblock", "--cma", "--meminfo"])
def test_each_file_of_a_running_machine(
    board_dtb: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = files(tmp_path)
    argv = [str(board_dtb), name, options[name], "--kernel", "6.12.107+deb13-arm64", *PLACES]
    code, out, _err = verify(argv, capsys)
    assert (code, "agrees: " in out) == (0, True)


@pytest.mark.parametrize(
    ("name", "path", "old", "new"),
    [
        ("--iomem", "iomem", "50000000-500fffff : reserved\n50100000", "50000000"),
        ("--memblock", "memblock/reserved", "78c00000", "7f000000"),
        ("--memblock", "memblock/memory", "NOMAP", "NONE"),
        ("--cma", "cma/pool/base_pfn", str(0x7E000), str(0x7C000)),
        ("--meminfo", "meminfo", "98304", "65536"),
    ],
)
def test_each_file_can_disagree(
    board_dtb: Path,
    tmp_path: Path,
    name: str,
    path: str,
    old: str,
    new: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = files(tmp_path)
    changed = tmp_path / path
    text = changed.read_text()
    assert old in text
    changed.write_text(text.replace(old, new))
    argv = [str(board_dtb), name, options[name], "--kernel", "6.12.107+deb13-arm64", *PLACES]
    code, out, _err = verify(argv, capsys)
    assert (code, "differs: " in out) == (1, True)


def test_areas_as_grep_prints_them(
    board_dtb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cma.txt"
    path.write_text(
        "/sys/kernel/debug/cma/pool/base_pfn:516096\n/sys/kernel/debug/cma/pool/count:8192\n"
        "/sys/kernel/debug/cma/cma-reserved/base_pfn:494592\n/sys/kernel/debug/cma/cma-reserved/count:16384\n"
    )
    argv = [str(board_dtb), "--cma", str(path), "--kernel", "6.12.107+deb13-arm64", *PLACES]
    assert verify(argv, capsys)[0] == 0


def test_live_from_captured_files(
    board_dtb: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    top = tmp_path / "captured"
    (top / "sys/firmware").mkdir(parents=True)
    (top / "proc").mkdir()
    (top / "sys/firmware/fdt").write_bytes(board_dtb.read_bytes())
    (top / "proc/version").write_text(BANNER)
    (top / "proc/cmdline").write_text("console=ttyS0\n")
    (top / "dmesg").write_text(LOG)
    code, out, _err = verify(["--live", str(top), *PLACES], capsys)
    assert (code, "against dmesg" in out) == (0, True)


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        pytest.param(["BOARD"], 2, "nothing to compare", id="nothing"),
        pytest.param([], 2, "BOARD", id="no-board"),
        pytest.param(["BOARD", "--log", "missing"], 3, "missing", id="missing"),
        pytest.param(["BOARD", "--log", "TMP"], 3, "is a directory", id="directory"),
        pytest.param(["BOARD", "--log", "BOARD"], 3, "no line about memory", id="no-log"),
        pytest.param(["--log", "BOARD"], 3, "no line of a kernel", id="no-log-alone"),
        pytest.param(["BOARD", "--iomem", "LOG"], 3, "/proc/iomem", id="no-iomem"),
        pytest.param(["BOARD", "--memblock", "LOG"], 3, "memblock", id="no-memblock"),
        pytest.param(["BOARD", "--cma", "LOG"], 3, "AREA/FILE", id="no-cma"),
        pytest.param(["BOARD", "--meminfo", "LOG"], 3, "/proc/meminfo", id="no-meminfo"),
        pytest.param(["BOARD", "--log", "LOG", "--boot", "7"], 3, "there is no number 7", id="no-boot"),
        pytest.param(["BOARD", "--log", "LOG", "--boot", "0"], 2, "--boot", id="boot-0"),
        pytest.param(["BOARD", "--log", "LOG", "--live"], 2, "give one of them", id="live"),
        pytest.param(["BOARD", "--log", "LOG", "-o", "LOG"], 2, "is an input", id="over-input"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(
    argv: list[str],
    code: int,
    words: str,
    board_dtb: Path,
    log: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = {"BOARD": str(board_dtb), "LOG": str(log), "TMP": str(tmp_path)}
    got, _out, err = verify([names.get(word, word) for word in argv], capsys)
    assert (got, words in err) == (code, True), err
    assert log.read_text() == LOG


def test_hostile_text_is_shown_harmless(
    board_dtb: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_text(f"{LOG}OF: reserved mem: \u202etxt \x9b31m never seen\n", encoding="utf-8")
    _code, out, _err = verify([str(board_dtb), "--log", str(log), *PLACES], capsys)
    assert "Not understood: 1 line" in out
    assert "\u202e" not in out
    assert "\x9b" not in out
