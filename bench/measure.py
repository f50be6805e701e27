# SPDX-License-Identifier: Apache-2.0
"""How things are measured: CPU time, contenders in turn, the median of the rounds.

Wall time says how busy the machine is; CPU time (user and system) says what the work costs. Contenders take
turns within each round, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

SPAWN = Path(__file__).with_name("spawn.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What one whole process cost: CPU in seconds, peak memory in bytes (never below `floor`)."""

    cpu: float
    peak: int
    floor: int
    status: int


def own_cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds that `work` takes in this process."""
    gc.collect()
    start = time.process_time()
    work()
    return time.process_time() - start


def children_cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds of the child processes that `work` runs and waits for."""
    before = os.times()
    work()
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def process(command: Sequence[str]) -> Process:
    """Run a command to its end, its output thrown away."""
    # Compiled modules are kept between runs, as they are where carveout is installed.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(SPAWN), *command],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    cpu, peak, status, floor = done.stdout.split()
    return Process(cpu=float(cpu), peak=int(peak) << 10, floor=int(floor) << 10, status=int(status))


def rounds(contenders: Mapping[str, Callable[[], float]], *, count: int) -> dict[str, float]:
    """Return the median seconds of each contender over `count` rounds, in which they take turns."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(count):
        for name, measure in contenders.items():
            taken[name].append(measure())
    return {name: statistics.median(values) for name, values in taken.items()}


def process_rounds(commands: Mapping[str, Sequence[str]], *, count: int) -> dict[str, Process]:
    """Return the medians of each command over `count` rounds, in which they take turns; the worst status."""
    taken: dict[str, list[Process]] = {name: [] for name in commands}
    for command in commands.values():
        process(command)  # compiles modules, and reads files into memory
    for _ in range(count):
        for name, command in commands.items():
            taken[name].append(process(command))
    return {
        name: Process(
            cpu=statistics.median(one.cpu for one in runs),
            peak=int(statistics.median(one.peak for one in runs)),
            floor=int(statistics.median(one.floor for one in runs)),
            status=max((one.status for one in runs), key=abs),
        )
        for name, runs in taken.items()
    }
