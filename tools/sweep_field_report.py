#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write docs/sweep-field-report.md: what a sweep of Debian's trees found, going to 7.2 and to pages of 16 KiB.

    tools/fetch_dtbs.py DIR --suite SUITE... --arch arm64 armhf riscv64
    (cd DIR; carveout sweep *-arm64 --arch arm64 --page-size 4K --page-size 16K ... -o arm64.jsonl.gz; ...)
    tools/sweep_field_report.py [--trees DIR --results FILE... [--boots DIR]]

With --results the facts are gathered anew from the results of sweeps and written to docs/sweep-field-facts.jsonl;
the report is made from these, from docs/sweep-field-notes.toml, where our judgement is, and from the recorded boots.
--boots: recordings of `python -m tools.oracle real`, of which the report tells how many agree.
tests/unit/tools/test_sweep_field_report.py holds the report to its facts.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tools"), str(ROOT / "tests")]

from carveout import __version__  # noqa: E402
from carveout.cli.sweep_files import Source  # noqa: E402
from sweep_field import SHIPPED, STEPS, Swept, Tally, cell_facts, fit_facts, swept  # noqa: E402
from sweep_field_boots import Trees, example, second_look  # noqa: E402
from sweep_field_text import Finding, read_findings, render  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sweep_field import Fact

REPORT = ROOT / "docs" / "sweep-field-report.md"
FACTS = ROOT / "docs" / "sweep-field-facts.jsonl"
NOTES = ROOT / "docs" / "sweep-field-notes.toml"
_ARCH = {"arm64": "arm64", "armhf": "arm", "riscv64": "riscv64"}


def gather(results: Sequence[Path], trees: Path, findings: Sequence[Finding]) -> Iterator[Fact]:
    """Yield the facts."""
    sources = [Source(str(path)) for path in results]
    tallies = [Tally(step) for step in STEPS]
    shipped = Tally(SHIPPED)
    newest: dict[str, list[Swept]] = {}
    older: dict[tuple[str, str], Swept] = {}
    architectures: dict[str, str] = {}
    again = Trees(trees, architectures)
    for source in sources:
        packages: dict[str, list[Swept]] = {}
        gives: dict[str, int] = {}
        for rows in source.boards():
            board = swept(rows)
            if board is None:
                raise SystemExit(f"{rows[0]['board']}: not read: {rows[0]['error']}")
            arch = _ARCH[board.package.rpartition("-")[2]]
            architectures[board.package] = arch
            packages.setdefault(board.package, []).append(board)
            gives[board.package] = gives.get(board.package, 0) + board.gives_ram
            for tally in tallies:
                if arch in tally.step.architectures:
                    tally.add(board, board)
            if board.package.startswith("6.12"):
                older[arch, board.name] = board
            elif board.package.startswith("7.2"):
                newest.setdefault(board.package, []).append(board)
                if (arch, board.name) in older:
                    shipped.add(older[arch, board.name], board)
        for package, boards in packages.items():
            yield {
                "kind": "package",
                "package": package,
                "arch": architectures[package],
                "trees": len(boards),
                "gives_ram": gives[package],
                "base_unknown": sum(not b.gives_ram and not again.says_base(package, b.name) for b in boards),
                "with_regions": sum(bool(board.regions) for board in boards),
            }
            yield from cell_facts(boards, package)
    yield {"kind": "made", "version": __version__}
    for tally in [*tallies, shipped]:
        for fact in tally.facts(newest):
            if fact["kind"] == "change":
                second_look(fact, again)
            yield fact
            yield from _examples(fact, findings, again)
    for package, boards in newest.items():
        scenes = ["7.2 4K", "7.2 16K"] if architectures[package] == "arm64" else ["7.2 4K"]
        placed = [board for board in boards if board.gives_ram or again.says_base(package, board.name)]
        for fact in fit_facts(placed, scenes):
            yield {**fact, "package": package}


def _examples(fact: Fact, findings: Sequence[Finding], trees: Trees) -> Iterator[Fact]:
    for finding in findings:
        if finding.example and finding.covers(fact) and finding.package == fact["package"]:
            made = example(fact, finding.example, trees)
            if made is not None:
                yield made


def whole_boots(folder: Path) -> Iterator[Fact]:
    """Yield what came of boots that are not in the data: of whole trees."""
    from oracle.compare import compare
    from oracle.record import read_recorded

    for expected in sorted(folder.rglob("expected.json.gz")):
        for compared in compare(read_recorded(expected.parent)):
            yield {
                "kind": "whole-boot",
                "board": compared.recorded.row["scenario"],
                "release": compared.verdict.release,
                "agrees": not compared.problems,
                "exactness": str(compared.verdict.exactness),
            }


def read_facts(path: Path) -> list[Fact]:
    """Return the facts of a file."""
    return [cast("Fact", json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--results", nargs="+", type=Path, help="results of sweeps, to gather the facts anew")
    parser.add_argument("--trees", type=Path, help="the trees that were swept")
    parser.add_argument("--boots", type=Path, help="recordings of boots of whole trees")
    args = parser.parse_args()
    findings = read_findings(NOTES.read_text(encoding="utf-8"))
    if args.results:
        if args.trees is None:
            parser.error("--results needs --trees")
        facts = list(gather(args.results, args.trees, findings))
        facts += whole_boots(args.boots) if args.boots else []
        FACTS.write_text(
            "".join(json.dumps(fact, separators=(",", ":"), sort_keys=True) + "\n" for fact in facts),
            encoding="utf-8",
        )
    REPORT.write_text(render(read_facts(FACTS), findings), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
