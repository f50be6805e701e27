# SPDX-License-Identifier: Apache-2.0
"""Progress of long work: shown where a person watches, nowhere else."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from carveout.cli import progress
from carveout.cli.progress import Progress

if TYPE_CHECKING:
    import pytest


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def work(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, *, total: int | None = None) -> str:
    now = [0.0]
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Progress("lines read", total=total) as told:
        for count, at in ((10, 0.5), (20_000, 1.1), (20_500, 1.15), (40_000, 1.4)):
            now[0] = at
            told(count)
    return stream.getvalue()


def test_on_a_screen_after_a_second_and_gone_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = work(monkeypatch, Screen(), total=80_000)
    lines = [line.rstrip() for line in shown.split("\r") if line.strip()]
    assert lines == [
        "carveout: 20,000 lines read of 80,000 (25 %)",
        "carveout: 40,000 lines read of 80,000 (50 %)",
    ]
    assert shown.endswith("\r")


def test_nothing_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    assert work(monkeypatch, io.StringIO()) == ""
