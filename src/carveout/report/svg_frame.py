# SPDX-License-Identifier: Apache-2.0
"""Where things stand in a picture of memory, for places of different width. All in pixels."""

from __future__ import annotations

from carveout.values import NamedTuple

SIZE_ROOM = 84.0
"""What the size takes from the first line of a label."""
BESIDE_ROOM = 190.0
"""What addresses take from it, where they stand there."""


class Frame(NamedTuple):
    """The columns of a picture: addresses, memory to scale, magnified blocks, text."""

    width: float
    margin: float
    column_x: float
    column_width: float
    block_x: float
    block_width: float
    has_room_beside: bool
    """Whether a label's addresses may stand in its first line."""

    @property
    def text_x(self) -> float:
        """Where the text of labels begins."""
        return self.block_x + self.block_width + 12

    @property
    def text_width(self) -> float:
        """How wide the text of labels may be."""
        return self.width - self.margin - self.text_x


WIDE = Frame(
    width=960.0, margin=24.0, column_x=128.0, column_width=120.0, block_x=372.0, block_width=40.0,
    has_room_beside=True,
)  # fmt: skip
"""For documents and screens."""

NARROW = Frame(
    width=420.0, margin=10.0, column_x=92.0, column_width=44.0, block_x=172.0, block_width=16.0,
    has_room_beside=False,
)  # fmt: skip
"""For a telephone, or a column of a page: text of the same size in less than half of the width."""


def frame_for(width: int) -> Frame:
    """Return the frame in which text stays legible at so many pixels."""
    return NARROW if width < (NARROW.width + WIDE.width) / 2 else WIDE
