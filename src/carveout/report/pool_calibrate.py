# SPDX-License-Identifier: Apache-2.0
"""What allocations cost on a machine, as text and JSON. Microseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.pool_json import dump
from carveout.report.words import safe

if TYPE_CHECKING:
    from carveout.pool.calibrate import Fit

SCHEMA = "carveout.pool.calibrate/1"
_MICROSECONDS = 1e6


def _costs(fit: Fit) -> tuple[float, float, float]:
    costs = (fit.per_attempt, fit.per_free_page, fit.per_migrated_page)
    attempt, free, moved = (float(f"{cost * _MICROSECONDS:.4g}") for cost in costs)
    return attempt, free, moved


def render_text(fit: Fit, *, title: str) -> str:
    """Return the answer, and the option that takes it."""
    attempt, free, moved = _costs(fit)
    lines = [
        f"{safe(title)}: {fit.requests} requests",
        "",
        f"  an attempt    {attempt:g} us",
        f"  a free page   {free:g} us",
        f"  a moved page  {moved:g} us",
        "",
        f"half of the requests are off by {fit.median_error * _MICROSECONDS:.4g} us at most",
        f"--calibration {attempt:g},{free:g},{moved:g} --unit us",
    ]
    return "\n".join(lines) + "\n"


def render_json(fit: Fit, *, title: str) -> str:
    """Return the answer."""
    attempt, free, moved = _costs(fit)
    return dump(
        {
            "schema": SCHEMA,
            "of": title,
            "requests": fit.requests,
            "unit": "us",
            "per_attempt": attempt,
            "per_free_page": free,
            "per_migrated_page": moved,
            "median_error": fit.median_error * _MICROSECONDS,
        }
    )
