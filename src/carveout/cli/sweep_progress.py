# SPDX-License-Identifier: Apache-2.0
"""How far a sweep is: a bar on a terminal, a line now and then elsewhere, nothing when asked."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from carveout.cli.output import write_error
from carveout.report.words import safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from carveout.sweep.course import Result

_BAR = 24
_ON_SCREEN = 0.2
_IN_LOG = 10.0
"""Seconds between two lines."""
_HOUR, _MINUTE = 3600, 60


class Progress:
    """Counts boards, cells and findings, and shows them."""

    def __init__(
        self,
        boards: int,
        *,
        quiet: bool,
        is_terminal: bool | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """boards: how many there will be. is_terminal, clock: standard error's and the machine's by default."""
        self._total = boards
        self._quiet = quiet
        self._is_terminal = sys.stderr.isatty() if is_terminal is None else is_terminal
        self._clock = clock
        self._start = self._shown = clock()
        self._boards = self._cells = self._simulated = self._findings = self._kept = 0
        self._is_open = False

    def add(self, result: Result) -> None:
        """Count a board."""
        self._boards += 1
        self._cells += result.done.cells
        self._simulated += result.done.simulated
        self._findings += result.done.findings
        self._kept += result.was_kept
        now = self._clock()
        if not self._quiet and now - self._shown >= (_ON_SCREEN if self._is_terminal else _IN_LOG):
            self._shown = now
            self._show(now)

    def say(self, text: str) -> None:
        """Write a line about a problem, whether quiet or not."""
        self._clear()
        write_error(safe(f"carveout: {text}", limit=2000) + "\n")

    def end(self) -> None:
        """Write what it came to."""
        self._clear()
        if self._quiet:
            return
        seconds = max(self._clock() - self._start, 1e-3)
        kept = f", {self._kept:,} boards from the cache" if self._kept else ""
        write_error(
            f"carveout: {self._boards:,} boards, {self._cells:,} cells ({self._simulated:,} simulated{kept}), "
            f"{self._findings:,} findings in {seconds:.1f} s: {self._cells / seconds:,.0f} cells/s\n"
        )

    def _show(self, now: float) -> None:
        seconds = max(now - self._start, 1e-3)
        left = seconds / self._boards * (self._total - self._boards) if self._boards else 0
        line = (
            f"{self._boards:,}/{self._total:,} boards, {self._cells / seconds:,.0f} cells/s, "
            f"{_duration(left)} left, {self._findings:,} findings"
        )
        if not self._is_terminal:
            write_error(f"carveout: {line}\n")
            return
        full = _BAR * self._boards // max(self._total, 1)
        write_error(f"\r\x1b[K[{'#' * full}{'.' * (_BAR - full)}] {line}")
        self._is_open = True

    def _clear(self) -> None:
        if self._is_open:
            write_error("\r\x1b[K")
            self._is_open = False


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole >= _HOUR:
        return f"{whole // _HOUR}:{whole % _HOUR // _MINUTE:02}:{whole % _MINUTE:02}"
    return f"{whole // _MINUTE}:{whole % _MINUTE:02}"
