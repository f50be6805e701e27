#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure carveout against its peers and its budgets, side by side in one run.

    bench/run.py [--dtbs DIR] [--rounds N] [--strict]

Without --dtbs the trees are made up, so it runs anywhere; tools/fetch_dtbs.py gets real ones. All figures are
CPU time, medians of rounds in which the contenders take turns; what counts is the ratios. Peers that are not
on the machine are left out, and that is said.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trees
from carveout.board import read_board
from carveout.boot import boot
from carveout.boot.scene import Scene
from carveout.check.registry import all_rules
from carveout.check.run import NamedScene, check_board
from carveout.errors import CarveoutError, UsageError
from carveout.fdt import parse
from measure import children_cpu, own_cpu, process_rounds, rounds
from pools import bench_pools
from report import Report
from sweep import bench_sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KERNEL = "6.12"

# The budgets of the design.
FOLDER_BUDGET, FOLDER_AIM = 0.7, 0.4
# 80 ms, aim 50, where bare Python takes 10: as a ratio, so that a busy or slow machine says the same.
PROCESS_CPU_BUDGET, PROCESS_CPU_AIM = 8.0, 5.0
PROCESS_PEAK_BUDGET = 40 << 20
SCENE_BUDGET = 0.001

REGION_COUNTS = (10, 100, 1_000, 10_000)
# n log n leaves no room for a second factor of n; this much is for caches and noise.
GROWTH_SLACK = 1.5


def milliseconds(seconds: float) -> str:
    """Return a duration for a table."""
    return f"{seconds * 1e3:.3f} ms"


def mebibytes(size: int) -> str:
    """Return an amount of memory for a table."""
    return f"{size / (1 << 20):.1f} MiB"


def dtc_command(path: Path) -> list[str]:
    """Return how dtc reads one blob whole and writes it as text to nowhere."""
    return ["dtc", "-q", "-I", "dtb", "-O", "dts", "-o", os.devnull, str(path)]


@dataclass
class Folder:
    """The trees that are measured, and what cannot be done with some of them."""

    paths: list[Path]
    blobs: list[bytes]
    skipped: int = 0

    @classmethod
    def read(cls, top: Path) -> Folder:
        """Take all .dtb files below a folder."""
        paths = sorted(path for path in top.rglob("*.dtb") if path.is_file())
        return cls(paths, [path.read_bytes() for path in paths])

    def without_unbootable(self) -> None:
        """Leave out trees that are not for an architecture carveout boots: all figures are then of the same trees."""
        kept = [index for index, blob in enumerate(self.blobs) if can_boot(blob)]
        self.skipped = len(self.paths) - len(kept)
        self.paths = [self.paths[index] for index in kept]
        self.blobs = [self.blobs[index] for index in kept]


def can_boot(blob: bytes) -> bool:
    """Say whether this tree says enough to simulate its boot."""
    try:
        boot(read_board(parse(blob)), Scene(kernel=KERNEL))
    except CarveoutError:
        return False
    return True


def read_all(blobs: Sequence[bytes]) -> None:
    """Read trees: every token is checked, nodes are indexed."""
    for blob in blobs:
        parse(blob)


def board_all(blobs: Sequence[bytes]) -> None:
    """Read trees and boards."""
    for blob in blobs:
        read_board(parse(blob))


def boot_all(blobs: Sequence[bytes]) -> None:
    """Read trees and boards and boot them."""
    scene = Scene(kernel=KERNEL)
    for blob in blobs:
        boot(read_board(parse(blob)), scene)


def check_all(blobs: Sequence[bytes]) -> None:
    """Read trees and boards and run every rule over them in one scene, as `carveout check FOLDER` does."""
    scenes = [NamedScene(KERNEL, Scene(kernel=KERNEL))]
    for blob in blobs:
        check_board(read_board(parse(blob)), scenes, all_rules(), file="board.dtb")


def dtc_all(paths: Sequence[Path]) -> None:
    """Let dtc print each tree, one process each, as builds do."""
    for path in paths:
        subprocess.run(dtc_command(path), check=False, stderr=subprocess.DEVNULL)


def bench_folder(report: Report, folder: Folder, count: int) -> None:
    """(a) CPU for one DTB, over a folder."""
    amount = len(folder.paths)
    size = sum(map(len, folder.blobs)) / amount / 1000
    report.title(f"(a) CPU per DTB, {amount} trees of {size:.0f} KB on average, one process, kernel {KERNEL}")
    if folder.skipped:
        print(f"  {folder.skipped} trees are not of an architecture that is simulated and were left out")
    contenders: dict[str, Callable[[], float]] = {
        "read": partial(own_cpu, partial(read_all, folder.blobs)),
        "board": partial(own_cpu, partial(board_all, folder.blobs)),
        "boot": partial(own_cpu, partial(boot_all, folder.blobs)),
        "check": partial(own_cpu, partial(check_all, folder.blobs)),
    }
    all_rules()  # imported once, outside of what is measured here
    with_dtc = shutil.which("dtc") is not None
    if with_dtc:
        contenders["dtc"] = partial(children_cpu, partial(dtc_all, folder.paths))
    taken = {name: seconds / amount for name, seconds in rounds(contenders, count=count).items()}
    if with_dtc:
        report.row("dtc -I dtb -O dts, one process each", milliseconds(taken["dtc"]), "1.00")
    else:
        report.row("dtc", "not on this machine", "", "no ratios")
    for name, what in (
        ("read", "carveout: read"),
        ("board", "carveout: read, board"),
        ("boot", "carveout: read, board, boot"),
    ):
        report.row(what, milliseconds(taken[name]), f"{taken[name] / taken['dtc']:.2f}" if with_dtc else "")
    checked = f"carveout check: all {len(all_rules())} rules, one scene"
    if with_dtc:
        ratio = taken["check"] / taken["dtc"]
        budget = f"{FOLDER_BUDGET} (aim {FOLDER_AIM})"
        report.judged(checked, milliseconds(taken["check"]), f"{ratio:.2f}",
                      kept=ratio <= FOLDER_BUDGET, budget=budget)  # fmt: skip
    else:
        report.row(checked, milliseconds(taken["check"]))


def carveout_command() -> list[str]:
    """Return how a person starts carveout in this environment."""
    script = Path(sys.executable).with_name("carveout")
    return [str(script)] if script.exists() else [sys.executable, "-m", "carveout"]


def bench_process(report: Report, path: Path, count: int) -> None:
    """(b) One tree, the whole process with start-up."""
    size = path.stat().st_size / 1000
    report.title(f"(b) whole process, {path.name} ({size:.0f} KB)")
    verbs = ("map", "map --format json", "check", "check --format json")
    commands = {"python -c pass": [sys.executable, "-c", "pass"]}
    for verb in verbs:
        name, *options = verb.split()
        commands[verb] = [*carveout_command(), name, str(path), "--kernel", KERNEL, *options]
    if shutil.which("dtc"):
        commands["dtc -I dtb -O dts"] = dtc_command(path)
    else:
        report.row("dtc", "not on this machine")
    taken = process_rounds(commands, count=max(count, 15))
    bare = taken["python -c pass"]
    for name in ("python -c pass", "dtc -I dtb -O dts"):
        if name in taken:
            one = taken[name]
            peak = (
                f"at most {mebibytes(one.peak)}" if one.peak <= one.floor + (1 << 20) else mebibytes(one.peak)
            )
            report.row(name, milliseconds(one.cpu), f"{one.cpu / bare.cpu:.2f}", f"peak {peak}")
    for verb in verbs:
        one, what = taken[verb], f"carveout {verb}"
        ratio = one.cpu / bare.cpu
        report.judged(what, milliseconds(one.cpu), f"{ratio:.2f}", kept=ratio <= PROCESS_CPU_BUDGET,
                      budget=f"{PROCESS_CPU_BUDGET:.0f} x bare Python (aim {PROCESS_CPU_AIM:.0f})")  # fmt: skip
        report.judged(f"{what}: peak memory", mebibytes(one.peak), "", kept=one.peak <= PROCESS_PEAK_BUDGET,
                      budget=mebibytes(PROCESS_PEAK_BUDGET))  # fmt: skip
        # 1: check found something.
        if one.status not in ((0, 1) if verb.startswith("check") else (0,)):
            report.judged(f"{what}: exit status", str(one.status), "", kept=False, budget="0")


def bench_scene(report: Report, path: Path, count: int) -> None:
    """(c) One more scene for a tree that has been read."""
    report.title(f"(c) one more scene for a tree already read, {path.name}")
    board = read_board(parse(path.read_bytes()))
    for kernel in ("5.10", "6.1", "6.12", "7.2"):
        work = partial(boot, board, Scene(kernel=kernel))
        taken = rounds({kernel: partial(own_cpu, work)}, count=max(count, 9))[kernel]
        report.judged(f"kernel {kernel}", milliseconds(taken), "", kept=taken <= SCENE_BUDGET,
                      budget=milliseconds(SCENE_BUDGET))  # fmt: skip


def bench_growth(report: Report, count: int) -> None:
    """(d) How the cost grows with the number of regions."""
    report.title("(d) growth with the number of static regions in a tree: read, board and boot")
    before: tuple[int, float] | None = None
    for amount in REGION_COUNTS:
        blob = trees.with_regions(amount)
        refused = sum(
            region.base is None for region in boot(read_board(parse(blob)), Scene(kernel=KERNEL)).regions
        )
        if refused:
            report.judged(f"{amount:,} regions: not placed", str(refused), "", kept=False, budget="0")
        work = partial(boot_all, [blob])
        taken = rounds({"all": partial(own_cpu, work)}, count=3 if amount > 1000 else count)["all"]
        name = f"{amount:,} regions"
        if before is None:
            report.row(name, milliseconds(taken))
        else:
            fewer, earlier = before
            expected = amount * math.log(amount) / (fewer * math.log(fewer))
            growth = taken / earlier
            report.judged(name, milliseconds(taken), f"x {growth:.1f}", kept=growth <= expected * GROWTH_SLACK,
                          budget=f"n log n: x {expected:.1f}")  # fmt: skip
        before = (amount, taken)


def nearest_to_100_kb(folder: Folder) -> Path:
    """Return the tree whose size is nearest to that of the budget."""
    return min(folder.paths, key=lambda path: abs(path.stat().st_size - 100_000))


def run(top: Path, *, count: int) -> Report:
    """Measure everything over the trees below a folder."""
    folder = Folder.read(top)
    if not folder.paths:
        raise UsageError(f"no .dtb file below {top}")
    folder.without_unbootable()
    if not folder.paths:
        raise UsageError(f"no tree below {top} can be simulated")
    report = Report()
    bench_folder(report, folder, count)
    whole = nearest_to_100_kb(folder)
    bench_process(report, whole, count)
    bench_scene(report, whole, count)
    bench_growth(report, count)
    with tempfile.TemporaryDirectory() as made:
        bench_pools(report, Path(made), count)
    bench_sweep(report, folder.paths, count)
    return report


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dtbs", type=Path, metavar="DIR", help="measure the .dtb files below this folder")
    parser.add_argument(
        "--rounds", type=int, default=5, metavar="N", help="rounds to take the median of (default: 5)"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a budget is missed")
    args = parser.parse_args()
    print(f"carveout bench: CPU time, medians of {args.rounds} rounds, contenders in turn")
    with tempfile.TemporaryDirectory() as folder:
        if args.dtbs is None:
            trees.write_folder(Path(folder))
            print("trees: made up by bench/trees.py; --dtbs DIR (make bench DTBS=DIR) measures real ones")
        try:
            report = run(args.dtbs or Path(folder), count=max(1, args.rounds))
        except UsageError as error:
            sys.stderr.write(f"bench: {error}\n")
            return 2
    print(f"\nbudgets missed: {', '.join(report.missed) or 'none'}")
    return 1 if args.strict and report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
