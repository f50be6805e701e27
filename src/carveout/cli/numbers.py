# SPDX-License-Identifier: Apache-2.0
"""Counts on the command line."""

from __future__ import annotations

from carveout.errors import UsageError

_MOST_DIGITS = 9


def read_count(option: str, text: str | None, default: int, most: int) -> int:
    """Return a count from 1 to `most`, or the default without a text. Raises UsageError."""
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS or not 0 < int(text) <= most:
        raise UsageError(f"{option}: '{text[:20]}' is no number from 1 to {most}")
    return int(text)
