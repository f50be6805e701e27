# SPDX-License-Identifier: Apache-2.0
"""(e) Requests to contiguous pools, beside a first fit in C that scans a bitmap as kernels do.

A pool is filled with small buffers until it is as full and as fragmented as its row says; then buffers are freed and
others allocated in turn. Both sides do the same requests and must find the same places. Making the pool, and the
index of each alignment the first time it is used, are not measured.
"""

from __future__ import annotations

import array
import math
import random
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from carveout.kernel.profile import resolve
from carveout.pool.cma import CmaPool
from carveout.pool.order import get_order
from carveout.pool.trace import Extent, PoolSpec

if TYPE_CHECKING:
    from report import Report

PAGE = 4096
KERNEL = "6.12"
BASE_PFN = 0x40000
CMA_ALIGNMENT = 8
MAX_PAGES = 16

SMALL_BUDGET = 40_000
"""Requests a second, on pools of up to 1 GiB."""
LARGE_BUDGET, LARGE_RATIO = 25_000, 25
"""Requests a second and times the scan, at 64 GiB, 95 % full, with more than 500,000 free extents."""
LARGE_EXTENTS = 500_000
LOG_SLACK = 3.0
"""How much more than the logarithm the cost may grow: memory that no cache holds is slower."""

SOURCE = Path(__file__).with_name("first_fit.c")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One pool: size, how full, and how many pairs of requests each side does in a round."""

    name: str
    mib: int
    fill: float
    pairs: int
    pairs_in_c: int
    is_large: bool = False


CASES = (
    Case(name="64 MiB, 95 % full", mib=64, fill=0.95, pairs=5_000, pairs_in_c=5_000),
    Case(name="256 MiB, 95 % full", mib=256, fill=0.95, pairs=5_000, pairs_in_c=5_000),
    Case(name="1 GiB, 95 % full", mib=1 << 10, fill=0.95, pairs=5_000, pairs_in_c=5_000),
    Case(name="8 GiB, 95 % full", mib=8 << 10, fill=0.95, pairs=5_000, pairs_in_c=2_500),
    Case(name="64 GiB, 95 % full", mib=64 << 10, fill=0.95, pairs=5_000, pairs_in_c=500, is_large=True),
)


class Load:
    """A filled pool and the requests to it; equal for equal cases."""

    def __init__(self, case: Case) -> None:
        """Lay out buffers of 1 to 16 pages with holes of 1 and 2 pages between some."""
        rng = random.Random(case.mib)
        self.pages = case.mib * (1 << 20) // PAGE
        self.runs: list[tuple[int, int]] = []
        at = 0
        hole = (1 - case.fill) * 9 / case.fill / 1.5  # chance of a hole behind a buffer of 9 pages on average
        while True:
            size = rng.randint(1, MAX_PAGES)
            if at + size > self.pages:
                break
            self.runs.append((at, size))
            at += size + (rng.randint(1, 2) if rng.random() < hole else 0)
        self.rng = rng

    def requests(self, pairs: int) -> list[tuple[int, int, int]]:
        """Return pairs of requests: the slot to free, pages and order of what to allocate in its place."""
        sizes = (self.rng.randint(1, MAX_PAGES) for _ in range(pairs))
        return [
            (self.rng.randrange(len(self.runs)), size, min(get_order(size * PAGE, PAGE), CMA_ALIGNMENT))
            for size in sizes
        ]


class InPython:
    """carveout's allocator with the load in it."""

    def __init__(self, load: Load) -> None:
        """Fill the pool."""
        spec = PoolSpec(
            id="0", name="pool", base_pfn=BASE_PFN, pages=load.pages,
            initially=tuple(Extent(BASE_PFN + start, size) for start, size in load.runs),
        )  # fmt: skip
        self.pool = CmaPool(spec, resolve(KERNEL, arch="arm64").behaviour, with_log=False)
        self.slots: list[tuple[int, int]] = [(BASE_PFN + start, size) for start, size in load.runs]
        for order in range(CMA_ALIGNMENT + 1):
            got = self.pool.alloc(1, order)
            if got.pfn is not None:
                self.pool.release(got.pfn, 1)
        self.sum = 0

    def run(self, requests: list[tuple[int, int, int]]) -> float:
        """Do the requests; return the CPU seconds they took."""
        alloc, release, slots, total = self.pool.alloc, self.pool.release, self.slots, self.sum
        start = time.process_time()
        for slot, pages, order in requests:
            pfn, size = slots[slot]
            if size:
                release(pfn, size)
            got = alloc(pages, order).pfn
            slots[slot] = (0, 0) if got is None else (got, pages)
            place = (1 << 64) - 1 if got is None else got - BASE_PFN
            total = (total * 1000003 + place) & ((1 << 64) - 1)
        taken = time.process_time() - start
        self.sum = total
        return taken


class InC:
    """The scan in C; every round begins with the load as it was at first."""

    def __init__(self, program: Path, load: Load) -> None:
        """Remember the load."""
        self.program, self.load = program, load

    def run(self, requests: list[tuple[int, int, int]]) -> tuple[float, int]:
        """Do the requests; return the CPU seconds they took and the sum over the places."""
        head = (self.load.pages, BASE_PFN, len(self.load.runs), len(requests))
        words = array.array("Q", head)
        for values in (*self.load.runs, *requests):
            words.extend(values)
        done = subprocess.run([str(self.program)], input=words.tobytes(), capture_output=True, check=True)
        seconds, total = done.stdout.split()
        return float(seconds), int(total)


def compiled(folder: Path) -> Path | None:
    """Return the C program, compiled with -O2; None where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    program = folder / "first_fit"
    subprocess.run([compiler, "-O2", "-o", str(program), str(SOURCE)], check=True)
    return program


def bench_pools(report: Report, folder: Path, count: int) -> None:
    """Measure every case, and how the cost grows."""
    report.title(
        f"(e) requests a second to a contiguous pool: 1 to 16 pages, free and allocate in turn, {KERNEL}"
    )
    program = compiled(folder)
    if program is None:
        report.row("first fit in C", "no compiler on this machine", "", "no ratios")
    costs = []
    for case in CASES:
        extents, ours, scan = measure(case, program, count)
        costs.append((case, extents, 1 / ours))
        ratio = "" if scan is None else f"{ours / scan:.1f} x C"
        name = f"{case.name}, {extents:,} free extents"
        if case.is_large:
            kept = (
                ours >= LARGE_BUDGET
                and extents > LARGE_EXTENTS
                and (scan is None or ours / scan >= LARGE_RATIO)
            )
            budget = f"{LARGE_BUDGET:,} and {LARGE_RATIO} x C"
            report.judged(name, f"{ours:,.0f}", ratio, kept=kept, budget=budget)
        elif case.mib <= 1 << 10:
            report.judged(name, f"{ours:,.0f}", ratio, kept=ours >= SMALL_BUDGET, budget=f"{SMALL_BUDGET:,}")
        else:
            report.row(name, f"{ours:,.0f}", ratio)
    (small, few, cheap), (large, many, dear) = costs[0], costs[-1]
    expected = math.log(many) / math.log(few)
    report.judged(
        f"cost of a request, {large.mib // small.mib:,} times the pool", f"x {dear / cheap:.1f}", "",
        kept=dear / cheap <= expected * LOG_SLACK, budget=f"log n: x {expected:.1f}",
    )  # fmt: skip


def measure(case: Case, program: Path | None, count: int) -> tuple[int, float, float | None]:
    """Return the free extents, our requests a second and those of the scan: medians of rounds in turn."""
    load = Load(case)
    here = InPython(load)
    extents = sum(1 for _ in here.pool.free_extents())
    first = load.requests(case.pairs_in_c)
    ours = [2 * len(first) / here.run(first)]
    scans = []
    for number in range(count):
        if program is not None:
            seconds, total = InC(program, load).run(first)
            scans.append(2 * len(first) / seconds)
            if number == 0 and total != here.sum:
                raise AssertionError(f"{case.name}: the scan found other places")
        requests = load.requests(case.pairs)
        ours.append(2 * len(requests) / here.run(requests))
    return extents, statistics.median(ours), statistics.median(scans) if scans else None
