# SPDX-License-Identifier: Apache-2.0
"""Counts on the command line."""

from __future__ import annotations

from carveout.errors import UsageError

_MOST_DIGITS = 9
_MOST_BOOTS = 1_000_000


def read_boots(text: str | None) -> int | None:
    """Return what `--boots` says, or None when it is not given. Raises UsageError."""
    return None if text is None else read_count("--boots", text, 1, _MOST_BOOTS)


def read_count(option: str, text: str | None, default: int, most: int) -> int:
    """Return a count from 1 to `most`, or the default without a text. Raises UsageError."""
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS or not 0 < int(text) <= most:
        raise UsageError(f"{option}: '{text[:20]}' is no number from 1 to {most}")
    return int(text)
