#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compare recorded boots of real kernels with ours, and show where they differ.

tools/compare_boots.py --arch arm64 --scenario 'cma-*' --kernel '6.12*' -v
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from fnmatch import fnmatchcase
from multiprocessing import Pool
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.agreement import Verdict, judge, read_known
from support.compare import Kind, limits, required
from support.recordings import recording, recordings

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from support.recordings import Recording

_SHOWN_SHORT = 3


def judge_named(boot: tuple[str, str]) -> Verdict:
    """Simulate and compare the boot of this source and id: names travel between processes, not blobs."""
    source, name = boot
    return judge(next(r for r in recordings(source=source, release=name.partition("__")[2]) if r.id == name))


def chosen(args: argparse.Namespace) -> list[Recording]:
    """Return the recordings the options select."""
    return [
        r
        for r in recordings(arch=args.arch, source=args.source)
        if fnmatchcase(r.scenario, args.scenario) and fnmatchcase(r.release, args.kernel)
    ]


def judge_all(boots: Sequence[Recording], jobs: int) -> list[Verdict]:
    """Return the verdicts in the order of the boots."""
    if jobs == 1 or len(boots) < 2 * jobs:
        return [judge(r) for r in boots]
    with Pool(jobs) as pool:
        # Chunks keep the kernels of one scenario together, which share a tree.
        return pool.map(judge_named, [(r.source, r.id) for r in boots], chunksize=16)


def kinds_for(verdict: Verdict, args: argparse.Namespace) -> Collection[Kind]:
    """Return the kinds of difference that count."""
    if args.all_kinds:
        return tuple(Kind)
    return [Kind(kind) for kind in args.kind] if args.kind else required(verdict.arch)


def print_differences(verdict: Verdict, problems: list[str], known: str | None, *, verbose: bool) -> None:
    """Print the differences of one boot; the rest of them and what the recording does not know with -v."""
    about = str(verdict.exactness or "unsupported" if verdict.crash is None else "crash")
    print(f"{verdict.id} ({about}{', in KNOWN.md: ' + known if known else ''})")
    for line in problems if verbose else problems[:_SHOWN_SHORT]:
        print(f"    {line}")
    if not verbose and len(problems) > _SHOWN_SHORT:
        print(f"    ... {len(problems) - _SHOWN_SHORT} more, see -v")
    if verbose:
        for line in limits(recording(verdict.id)):
            print(f"    not known, {line}")
        if verdict.crash is not None:
            print(verdict.crash)


def print_table(verdicts: Sequence[Verdict], args: argparse.Namespace) -> None:
    """Print for each source and release how many boots agree, and which kinds of difference there are."""
    print(
        f"\n{'source':12}{'release':34}{'boots':>6}{'agree':>7}{'differ':>8}{'skip':>6}{'exact':>7}  differences"
    )
    for source, release in dict.fromkeys((v.source, v.release) for v in verdicts):
        rows = [v for v in verdicts if (v.source, v.release) == (source, release)]
        skipped = [v for v in rows if v.unsupported is not None]
        differing = [v for v in rows if v.unsupported is None and v.problems(kinds_for(v, args))]
        exact = sum(v.exactness == "exact" for v in rows)
        kinds: Counter[str] = Counter()
        for verdict in differing:
            kinds.update({line.split(":")[0] for line in verdict.problems(kinds_for(verdict, args))})
        words = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
        agree = len(rows) - len(skipped) - len(differing)
        print(
            f"{source:12}{release:34}{len(rows):6}{agree:7}{len(differing):8}{len(skipped):6}{exact:7}  {words}"
        )


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--arch", choices=["arm64", "arm", "riscv64", "ppc64"])
    parser.add_argument("--source", choices=["public", "public-more"])
    parser.add_argument("--scenario", default="*", metavar="GLOB")
    parser.add_argument("--kernel", default="*", metavar="GLOB", help="kernel release")
    parser.add_argument("--kind", action="append", choices=[str(kind) for kind in Kind], help="only these")
    parser.add_argument("--all-kinds", action="store_true", help="also what is not required (yet)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("-q", "--quiet", action="store_true", help="only the table")
    parser.add_argument("-v", "--verbose", action="store_true", help="every difference, and tracebacks")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, print, and return 1 when a boot differs that is not in KNOWN.md."""
    args = parse(argv)
    known = read_known()
    verdicts = judge_all(chosen(args), args.jobs)
    unlisted = 0
    for verdict in verdicts:
        problems = verdict.problems(kinds_for(verdict, args))
        if problems and verdict.unsupported is None:
            unlisted += verdict.id not in known
            if not args.quiet:
                print_differences(verdict, problems, known.get(verdict.id), verbose=args.verbose)
    print_table(verdicts, args)
    return 1 if unlisted else 0


if __name__ == "__main__":
    sys.exit(main())
