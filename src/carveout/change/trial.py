# SPDX-License-Identifier: Apache-2.0
"""A change tried: what becomes of a tree when the kernel boots with it.

Everything in this room that proposes a change goes through here first: nothing is said to help that was not booted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board import read_board
from carveout.boot import boot
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.board import Board
    from carveout.boot import Boot, Scene
    from carveout.boot.result import PlacedRegion
    from carveout.fdt import Tree


class Trial(NamedTuple):
    """A tree, and one boot of it in each scene, in the order of the scenes."""

    board: Board
    boots: tuple[Boot, ...]

    def regions(self, path: str) -> tuple[PlacedRegion | None, ...]:
        """What became of the region at `path` in each boot; None where the kernel has no such node."""
        return tuple(region_at(result, path) for result in self.boots)


def attempt(tree: Tree, scenes: Sequence[Scene], *, is_made_here: bool = False) -> Trial:
    """Boot a tree in every scene.

    is_made_here: as in `Board`, of the tree that was changed.
    Raises: UsageError when a scene makes no sense for the board.
    """
    board = read_board(tree, is_made_here=is_made_here)
    return Trial(board, tuple(boot(board, scene) for scene in scenes))


def region_at(result: Boot, path: str) -> PlacedRegion | None:
    """Return what a boot made of the region at `path`; None when there is no such node."""
    return next((region for region in result.regions if region.path == path), None)
