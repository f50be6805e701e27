# SPDX-License-Identifier: Apache-2.0
"""Where things stand in a picture of a pool, for places of different width, and its legend. All in pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.report.svg_canvas import Canvas

SLIVER = 0.6
"""The least that is drawn of what is there."""


class PoolFrame(NamedTuple):
    """The measures of a picture: a plot of pages over requests, below it one of how much is in use."""

    width: float
    margin: float
    left: float
    """Room for addresses beside the plots."""
    height: float
    use_height: float

    @property
    def plot_width(self) -> float:
        """From the first request to the last."""
        return self.width - self.left - self.margin

    @property
    def inner_width(self) -> float:
        """Between the margins."""
        return self.width - 2 * self.margin


WIDE_POOL = PoolFrame(width=960.0, margin=24.0, left=120.0, height=340.0, use_height=110.0)
"""For documents and screens."""

NARROW_POOL = PoolFrame(width=420.0, margin=10.0, left=96.0, height=280.0, use_height=80.0)
"""For a telephone, or a column of a page."""


def legend(canvas: Canvas, y: float, entries: Sequence[tuple[str, str]], frame: PoolFrame) -> float:
    """Draw what (words, classes) mean; returns where the next thing may begin."""
    x = frame.margin
    for words, classes in entries:
        width = 47 + 7.0 * len(words) + 18
        if x + width - 18 > frame.width - frame.margin and x > frame.margin:
            x, y = frame.margin, y + 22
        canvas.rect(x, y - 11, 22, 14, classes)
        canvas.text(x + 29, y, words, "legend")
        x += width
    return y + 24
