# SPDX-License-Identifier: Apache-2.0
"""carveout: where Linux will put every piece of reserved memory, before the board boots.

    board = carveout.load("board.dtb")
    result = carveout.boot(board, carveout.Scene(kernel="6.12", kernel_image=..., dtb_at=...))
    for region in result.regions:
        print(region.name, region.base, region.outcome, region.exactness)

The rooms behind it are imported by name: `from carveout.boot.result import Outcome`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.run import boot
from carveout.boot.scene import Scene
from carveout.errors import CarveoutError

if TYPE_CHECKING:
    import os

    from carveout.board import Board

__version__ = "0.1.0"
__all__ = ["CarveoutError", "Scene", "__version__", "boot", "load"]


def load(source: str | os.PathLike[str] | bytes) -> Board:
    """Return what a flattened device tree says about memory.

    source: the path of a .dtb, or the bytes of one.
    Raises: DtbFormatError when it is no device tree, OSError when the file cannot be read.
    """
    from carveout.board import read_board
    from carveout.fdt import parse

    if isinstance(source, bytes):
        return read_board(parse(source))
    with open(source, "rb") as file:
        return read_board(parse(file.read()))
