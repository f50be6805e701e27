# SPDX-License-Identifier: Apache-2.0
"""(f) Many boards in many scenes: cells a second, with and without the recognition of equal inputs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from carveout.boot import Scene
from carveout.check.registry import all_rules
from carveout.span import GIB
from carveout.sweep.course import Course
from carveout.sweep.engines import InProcess
from carveout.sweep.plan import Job, Plan, RamChoice, plan_scenes
from measure import own_cpu, rounds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from report import Report

MOST_BOARDS = 200
CELLS_BUDGET = 400
"""Cells a second of one processor, rules included."""


def bench_sweep(report: Report, paths: Sequence[Path], count: int) -> None:
    """Sweep some boards in 2 kernels, 2 page sizes and 2 amounts of RAM where the tree gives none."""
    chosen = paths[:: max(1, len(paths) // MOST_BOARDS)][:MOST_BOARDS]
    scenes = plan_scenes(
        [("", Scene())],
        kernels=("6.12", "7.2"),
        page_sizes=(4096, 16384),
        ram=[RamChoice(size=GIB, base=GIB), RamChoice(size=4 * GIB, base=GIB)],
        only_without_ram=True,
    )
    report.title(
        f"(f) sweep: {len(chosen)} boards in up to {len(scenes)} scenes, one process, each board twice"
    )
    codes = tuple(rule.code for rule in all_rules() if not rule.is_about_run)
    every = tuple(range(len(scenes)))
    blobs = [path.read_bytes() for path in chosen]
    jobs = [Job(number, str(number), blob, scenes=every) for number, blob in enumerate(blobs + blobs)]
    plans = {
        "equal inputs once": Plan(scenes, codes),
        "every cell": Plan(scenes, codes, recognises=False),
        "equal inputs once, no rules": Plan(scenes),
    }
    results = {name: _sweep(plan, jobs) for name, plan in plans.items()}
    taken = rounds(
        {name: partial(own_cpu, partial(_sweep, plan, jobs)) for name, plan in plans.items()}, count=count
    )
    same = results["equal inputs once"][2] == results["every cell"][2]
    for name, seconds in taken.items():
        cells, simulated, _ = results[name]
        speed, note = cells / seconds, f"{cells:,} cells, {simulated:,} simulated"
        if name == "equal inputs once":
            report.judged(name, f"{speed:,.0f} cells/s", note, kept=speed >= CELLS_BUDGET and same,
                          budget=f"{CELLS_BUDGET} cells/s, the same rows")  # fmt: skip
        else:
            report.row(name, f"{speed:,.0f} cells/s", "", note)


def _sweep(plan: Plan, jobs: Sequence[Job]) -> tuple[int, int, int]:
    cells = simulated = rows = 0
    for result in Course(plan, InProcess()).run(jobs):
        cells += result.done.cells
        simulated += result.done.simulated
        rows = hash((rows, result.done.rows))
    return cells, simulated, rows
