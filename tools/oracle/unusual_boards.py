# SPDX-License-Identifier: Apache-2.0
"""Random boards made unusual: each gets one to three twists, things that a real board seldom has and a kernel meets.

The twists are a table by name; the title of a board says which ones it has. The same seed gives the same boards.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from carveout.span import GIB, MIB

from . import unusual_cmdline, unusual_memory, unusual_regions
from .random_boards import random_board
from .scenario import Scenario, dynamic, pool, static

if TYPE_CHECKING:
    from collections.abc import Callable

    Twist = Callable[[random.Random, Scenario], Scenario]

TWISTS: dict[str, Twist] = {
    **unusual_memory.TWISTS,
    **unusual_regions.TWISTS,
    **unusual_cmdline.TWISTS,
}
_COUNTS = (1, 1, 2, 2, 3)


def unusual_scenarios(
    count: int, *, seed: int, twists: tuple[str, ...] = (), plain: bool = False
) -> list[Scenario]:
    """Return unusual boards; board number n of a seed is the same however many are asked for.

    twists: names of TWISTS to draw from; empty: all of them. plain: one twist on a board that has nothing else unusual.
    """
    make = _plain if plain else _scenario
    return [make(random.Random(f"unusual/{seed}/{n}"), seed, n, twists) for n in range(count)]  # noqa: S311


def _plain(rng: random.Random, seed: int, number: int, wanted: tuple[str, ...]) -> Scenario:
    name = rng.choice(sorted(wanted or TWISTS))
    board = Scenario(
        id=f"plain-{seed}-{number:04}",
        title=f"plain board {number} of seed {seed}: {name}",
        ram=rng.choice((512 * MIB, GIB, GIB, 3 * GIB)),
        regions=(
            static("fixed", 0x1800_0000, 2 * MIB, *rng.choice(((), ("no-map",)))),
            dynamic("placed", 5 * MIB),
            pool("video", 16 * MIB),
        ),
        raw=rng.random() < 0.5,
        initrd=rng.random() < 0.5,
        tags=("random", name),
    )
    return TWISTS[name](rng, board)


def _scenario(rng: random.Random, seed: int, number: int, wanted: tuple[str, ...]) -> Scenario:
    board = random_board(rng, seed, number)
    names = sorted(wanted or TWISTS)
    chosen = rng.sample(names, min(rng.choice(_COUNTS), len(names)))
    for name in chosen:
        board = TWISTS[name](rng, board)
    return replace(
        board,
        id=f"unusual-{seed}-{number:04}",
        title=f"unusual board {number} of seed {seed}: {', '.join(chosen)}",
        tags=("random", *chosen),
    )
