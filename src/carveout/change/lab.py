# SPDX-License-Identifier: Apache-2.0
"""Trees tried in every scene asked for, with the boots counted: a search costs what it is allowed to cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import BootOutcome
from carveout.change.trial import attempt
from carveout.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot import Scene
    from carveout.change.trial import Trial
    from carveout.check.run import NamedScene
    from carveout.fdt import Tree

MOST_BOOTS = 3000
"""What a search may cost unless the user says otherwise: a few seconds on small trees."""

_LEAST_BOOTS = 200
_SMALL_TREE = 1000
"""Nodes. A boot of a larger tree takes longer, and a search is given fewer."""


class OutOfBoots(Exception):
    """The boots that were allowed are made."""


class Lab:
    """A tree, the scenes it has to hold in, and how many boots may still be made."""

    def __init__(
        self, tree: Tree, scenes: Sequence[NamedScene], *, most: int | None = None, is_made_here: bool = False
    ) -> None:
        """Boot the tree as it is.

        most: boots of changed trees allowed, one for each tree and scene; None: as many as is usual for its size.
        is_made_here: as in `Board`.
        Raises: UsageError when a scene makes no sense for the board.
        """
        self.tree = tree
        self.names = tuple(scene.name for scene in scenes)
        self.scenes = tuple(scene.scene for scene in scenes)
        self.most = usual_most(tree) if most is None else most
        self.is_made_here = is_made_here
        self.boots = 0
        self.base: Trial = attempt(tree, self.scenes, is_made_here=is_made_here)

    @property
    def left(self) -> int:
        """How many more trees can be booted in all scenes."""
        return (self.most - self.boots) // max(1, len(self.scenes))

    def attempt(self, tree: Tree, scenes: Sequence[Scene] | None = None) -> Trial:
        """Boot a changed tree in every scene, or in these instead. Raises: OutOfBoots."""
        wanted = self.scenes if scenes is None else scenes
        if self.boots + len(wanted) > self.most:
            raise OutOfBoots
        self.boots += len(wanted)
        return attempt(tree, wanted, is_made_here=self.is_made_here)

    def in_scene(self, index: int, what: str) -> str:
        """Name the scene behind a statement, where there are several."""
        return f"{what} ({self.names[index]})" if len(self.names) > 1 else what


def usual_most(tree: Tree) -> int:
    """Return how many boots a search may cost when nobody says."""
    return max(_LEAST_BOOTS, min(MOST_BOOTS, MOST_BOOTS * _SMALL_TREE // tree.node_count()))


def refuse_hopeless(lab: Lab) -> None:
    """Raise UsageError for a board about which nothing can be found out: RAM not known, or a boot that dies."""
    for index, boot in enumerate(lab.base.boots):
        if not boot.ram_known:
            raise UsageError(
                lab.in_scene(index, "how much RAM the board has is not known: the tree does not give it")
                + "; pass --memory SIZE@BASE, for example --memory 1G@0x40000000"
            )
        if boot.outcome is not BootOutcome.OK:
            why = f" ({boot.outcome}: {boot.failure})" if boot.failure else f" ({boot.outcome})"
            raise UsageError(
                lab.in_scene(index, f"the board does not boot as it is{why}") + "; 'carveout map' shows why"
            )
