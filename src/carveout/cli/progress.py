# SPDX-License-Identifier: Apache-2.0
"""Progress of long work: one line on standard error that is written over, only where a person watches."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from carveout.cli.output import write_error

if TYPE_CHECKING:
    from typing import Self

_FIRST_SECONDS = 1.0
"""Work that is done by then shows nothing."""
_STEP_SECONDS = 0.2


class Progress:
    """Shows how far some work is. Use it as a context; call it with a count."""

    def __init__(self, what: str, *, total: int | None = None) -> None:
        """what: what is counted, for example `lines read`. total: of how many, when that is known."""
        self._what = what
        self._total = total
        self._is_watched = sys.stderr.isatty()
        self._next = time.monotonic() + _FIRST_SECONDS
        self._shown = 0

    def __call__(self, count: int) -> None:
        """Hear how far the work is."""
        if not self._is_watched:
            return
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _STEP_SECONDS
        of = f" of {self._total:,} ({100 * count // self._total} %)" if self._total else ""
        text = f"carveout: {count:,} {self._what}{of}"
        write_error(f"\r{text.ljust(self._shown)}")
        self._shown = len(text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            write_error("\r" + " " * self._shown + "\r")
            self._shown = 0
