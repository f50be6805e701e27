# SPDX-License-Identifier: Apache-2.0
"""How well a board's requests fit: how far each could grow, how little RAM is enough, what should move.

All by booting changed trees and scenes; the search stops when the boots allowed are made, and says what it left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.change.fit_moves import Move, movable_regions, try_moves
from carveout.change.fit_ram import LeastRam, memory_groups, search_ram
from carveout.change.fit_sizes import Growth, grow, growing
from carveout.change.lab import OutOfBoots, refuse_hopeless
from carveout.span import MIB
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from carveout.boot import Boot
    from carveout.change.lab import Lab

RAM_STEP = MIB


class Fit(NamedTuple):
    """What was found out about a board."""

    boots: tuple[Boot, ...]
    """Of the board as it is, one for each scene."""
    scenes: tuple[str, ...]
    growths: tuple[Growth, ...]
    """Tree order, then the default area; of dynamic requests and pools."""
    least_ram: tuple[LeastRam, ...]
    """One for each amount of RAM that the scenes have."""
    moves: tuple[Move, ...]
    """Static regions whose move leaves a larger free range, the best first."""
    cost: int
    most: int
    left_out: tuple[str, ...]
    """What was not searched since the boots were used up."""


def fit(lab: Lab, *, ram_step: int = RAM_STEP) -> Fit:
    """Return how well a board's requests fit. ram_step: bytes.

    Raises: UsageError when RAM is not known or the board does not boot as it is.
    """
    refuse_hopeless(lab)
    least: list[LeastRam] = []
    growths: list[Growth] = []
    moves: list[Move] = []
    left_out: list[str] = []
    for group in memory_groups(lab):
        try:
            least.append(search_ram(lab, group, ram_step))
        except OutOfBoots:
            left_out.append("the least RAM")
    for request in growing(lab):
        try:
            growths.append(grow(lab, request, ram_step))
        except OutOfBoots:
            left_out.append(request.subject)
    for region in movable_regions(lab):
        try:
            moves += try_moves(lab, region)
        except OutOfBoots:
            left_out.append(f"moving {region.path}")
    return Fit(
        boots=lab.base.boots,
        scenes=lab.names,
        growths=tuple(growths),
        least_ram=tuple(least),
        moves=tuple(sorted(moves, key=lambda move: (-len(move.placed), -move.gain, move.path))),
        cost=lab.boots,
        most=lab.most,
        left_out=tuple(left_out),
    )
