# SPDX-License-Identifier: Apache-2.0
"""`carveout explain`, from the command line to its output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("argv", "head"),
    [
        (["CV101"], "# CV101 region-overlap\n"),
        (["region-overlap"], "# CV101 region-overlap\n"),
        (["failed to allocate memory for node"], "# failed to allocate memory for node\n"),
        (["failed", "to", "allocate", "memory"], "# failed to allocate memory for node\n"),
        (["[    0.000000] OF: reserved mem: OVERLAP DETECTED!"], "# OVERLAP DETECTED!\n"),
    ],
)
def test_page_is_printed(argv: list[str], head: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *argv]) == 0
    assert capsys.readouterr().out.startswith(head)


def test_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "rules"]) == 0
    assert "CV101  error    region-overlap: two static regions share addresses\n" in capsys.readouterr().out
    assert main(["explain", "messages"]) == 0
    assert "overlap-detected" in capsys.readouterr().out


def test_unknown_text_offers_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "region-overlpa"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "region-overlap" in captured.err


def test_page_goes_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "CV101", "-o", str(tmp_path / "page.md")]) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "page.md").read_text(encoding="utf-8").startswith("# CV101")
