# SPDX-License-Identifier: Apache-2.0
"""`carveout map --format html --pool-trace`: recorded traces beside the map of a board that has their pools."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest

from carveout.cli.main import main
from support.pools import DATA

from .conftest import blob, board_tree, cells

if TYPE_CHECKING:
    from pathlib import Path

KERNEL = ["--kernel", "6.12"]
TRACE = str(DATA / "ftrace-dma-1.k6.12.txt.gz")
REPORT = re.compile(r'<p class="line">Trace (.*?)</p>')


def pool(base: int, size: int, **properties: bytes) -> dict[str, bytes]:
    return {
        "compatible": b"shared-dma-pool\0",
        "reusable": b"",
        "reg": cells(0, base, 0, size),
        **properties,
    }


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """Return the board of the recordings of requests: two contiguous areas."""
    tree = board_tree()
    tree["reserved-memory"] = {
        "#address-cells": cells(2),
        "#size-cells": cells(2),
        "ranges": b"",
        "video-pool@50400000": pool(0x5040_0000, 0x400_0000),
        "default-pool@58000000": {**pool(0x5800_0000, 0x300_0000), "linux,cma-default": b""},
    }
    tree["__symbols__"] = {"vp": b"/reserved-memory/video-pool@50400000\0"}
    path = tmp_path / "board.dtb"
    path.write_bytes(blob(tree))
    return path


def page(board: Path, *options: str) -> str:
    out = board.parent / "board.html"
    assert main(["map", str(board), "--format", "html", "-o", str(out), *options]) == 0
    return out.read_text(encoding="utf-8")


def test_each_pool_of_the_trace_has_its_picture_and_its_table(board: Path) -> None:
    text = page(board, *KERNEL, "--pool-trace", TRACE)
    reports = [html.unescape(report) for report in REPORT.findall(text)]
    assert len(reports) == 2
    assert all("Recorded and replayed results are equal in all " in report for report in reports)
    assert reports[0].startswith("ftrace-dma-1.k6.12.txt.gz: 266 requests for memory, 11 failed (")
    for number in range(2):
        # Each mark is in both pictures and once in the table.
        marks = re.findall(rf'<g class="mark" data-row="(p0n{number}[sf]\d+)"', text)
        rows = re.findall(rf'<tr[^>]* data-row="(p0n{number}[sf]\d+)"', text)
        assert sorted(marks) == sorted(rows * 2)
        assert len(rows) > 200
    assert text.count("-12 (ENOMEM)") >= 11


def test_one_pool_by_its_label(board: Path) -> None:
    text = page(board, *KERNEL, "--pool-trace", TRACE, "--pool", "vp")
    assert "Pool over time: video-pool@50400000" in text
    assert "Pool over time: default-pool" not in text


def test_a_recording_in_json_counts_where_the_kernel_decides_alike(board: Path) -> None:
    trace = str(DATA / "dma-1.k6.12.jsonl.gz")
    text = page(board, *KERNEL, "--kernel", "7.2", "--pool-trace", trace)
    first, _, third, _ = REPORT.findall(text)
    assert "Recorded and replayed results are equal in all 266 requests" in first
    assert "Recorded" not in third
    assert "the trace is of 6.12.107 with 4 KiB pages: its requests are made on this scene" in text


def test_a_pool_at_another_place_takes_the_requests_and_says_so(board: Path) -> None:
    tree = board_tree()
    tree["reserved-memory"] = {
        "#address-cells": cells(2),
        "#size-cells": cells(2),
        "ranges": b"",
        # The unit address is kept, as where a boot loader moves a region.
        "video-pool@50400000": pool(0x6000_0000, 0x200_0000),
    }
    board.write_bytes(blob(tree))
    text = page(board, *KERNEL, "--pool-trace", str(DATA / "dma-1.k6.12.jsonl.gz"))
    assert (
        "video-pool@50400000: in the trace at 0x50400000..0x543fffff, here at 0x60000000..0x61ffffff: its requests "
        "go to the pool as it is here" in text
    )
    assert (
        "requests of the trace go to &#39;default-pool@58000000&#39;, which this boot does not have" in text
    )


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        pytest.param(
            ["--pool-trace", TRACE, "--pool", "nix"], 2, "no pool 'nix' in this boot; it has", id="name"
        ),
        pytest.param(
            ["--pool-trace", str(DATA / "coherent-1.k6.12.jsonl.gz")],
            2,
            "go to 'coherent-pool@5c000000', which this boot does not have; its pools are video-pool@50400000, ",
            id="stranger",
        ),
        pytest.param(["--pool-trace", "nix.txt"], 3, "cannot read nix.txt", id="missing"),
        pytest.param(["--pool-trace", __file__], 3, "is no line of a trace", id="no-trace"),
        pytest.param(["--pool-trace", "-"], 2, "expected the name of a file", id="stdin"),
        pytest.param(["--pool", "vp"], 2, "--pool goes with --pool-trace", id="alone"),
    ],
)
def test_what_is_wrong_is_said(
    board: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, said: str
) -> None:
    out = board.parent / "board.html"
    assert main(["map", str(board), *KERNEL, "--format", "html", "-o", str(out), *options]) == code
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_pages_of_another_size_are_named(board: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = board_tree()
    tree["reserved-memory"] = {
        "#address-cells": cells(2),
        "#size-cells": cells(2),
        "ranges": b"",
        "video-pool@52000000": pool(0x5200_0000, 0x400_0000),
    }
    board.write_bytes(blob(tree))
    trace = str(DATA / "ftrace-dma-1.k6.12-16k.txt.gz")
    argv = ["map", str(board), *KERNEL, "--format", "html", "-o", str(board.parent / "x.html")]
    assert main([*argv, "--pool-trace", trace, "--pool", "video-pool@52000000"]) == 2
    said = capsys.readouterr().err
    assert "page frame numbers are those of 16 KiB pages, and this scene has 4 KiB: --page-size 16K" in said
    assert main([*argv, "--page-size", "16K", "--pool-trace", trace]) == 0


def test_a_board_without_a_pool(board_dtb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = board_tree()
    del tree["reserved-memory"], tree["vpu"]
    board_dtb.write_bytes(blob(tree))
    argv = ["map", str(board_dtb), *KERNEL, "--cmdline", "cma=0", "--format", "html", "-o", "x.html"]
    assert main([*argv, "--pool-trace", TRACE]) == 2
    assert "this boot has no pool that a trace could go to" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["text", "json", "svg"])
def test_other_forms_point_to_pool_replay(board: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    assert main(["map", str(board), *KERNEL, "--format", form, "--pool-trace", TRACE]) == 2
    assert "carveout pool replay TRACE --board BOARD" in capsys.readouterr().err


def test_the_trace_is_not_written_over(board: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.html"
    trace.write_bytes((DATA / "ftrace-dma-1.k6.12.txt.gz").read_bytes())
    argv = ["map", str(board), *KERNEL, "--format", "html", "--pool-trace", str(trace), "-o", str(trace)]
    assert main(argv) == 2
