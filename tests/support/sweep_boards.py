# SPDX-License-Identifier: Apache-2.0
"""Boards and plans for the tests of sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carveout.boot import Scene
from carveout.span import GIB, MIB
from carveout.sweep.course import Course
from carveout.sweep.plan import Job, Plan, plan_scenes
from support.boards import blob_of, cpus, memory, region, reserved_memory

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from carveout.sweep.course import Unread

SCENES = plan_scenes([("", Scene())], kernels=("6.12", "7.2"), page_sizes=(4096, 16384))
PLAN = Plan(SCENES, ("CV101", "CV304"))


def tree(number: int, *, ram: int = GIB) -> bytes:
    """A board whose regions differ by number; every seventh has a pool that 16K pages refuse."""
    pool = region("pool", "reusable", size=(8 if number % 7 == 0 else 32) * MIB, compatible="shared-dma-pool")
    base = 0x5000_0000 + number * MIB
    return blob_of(
        cpus(),
        memory((0x4000_0000, ram)),
        reserved_memory(region(f"fw@{base:x}", "no-map", reg=[(base, MIB)]), pool),
    )


def jobs(count: int, **poison: bytes) -> list[Job]:
    """Boards 0 to count - 1, in every scene; poison: another blob for some, as `b17=...`."""
    every = tuple(range(len(SCENES)))
    return [
        Job(number, f"board-{number}.dtb", poison.get(f"b{number}", tree(number)), scenes=every)
        for number in range(count)
    ]


def lines(boards: Iterable[Job | Unread], engine: Any, plan: Plan = PLAN) -> bytes:
    """Return the results of a sweep as they are written."""
    return b"".join(line for result in Course(plan, engine).run(boards) for line in result.lines())


def write_boards(folder: Path, count: int) -> None:
    """Write boards 0 to count - 1 as files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"board-{number:03}.dtb").write_bytes(tree(number))
