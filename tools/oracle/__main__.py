# SPDX-License-Identifier: Apache-2.0
"""The command line of the live check: `python -m tools.oracle VERB`."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fetch_dtbs import FetchError

from .compare import compare, report, table
from .fetch import ARCHITECTURES, CACHE, SUITES, fetch, wanted
from .found import FOUND
from .kernels import KernelError, find_kernels
from .machines import MACHINES
from .pinned import PINNED, boot_pinned
from .placed import PLACED, boot_placed
from .qemu import Patience, QemuError
from .random_boards import random_scenarios
from .real_boards import BOARDS, real_scenarios
from .record import read_recorded, record, write_scenario
from .scenarios import QUICK, SCENARIOS
from .trees import TreeError
from .unusual_boards import TWISTS, unusual_scenarios

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .compare import Compared
    from .kernels import Kernel
    from .pinned import Checked
    from .record import Recorded
    from .scenario import Scenario

_FOUND, _USAGE, _INPUT = 1, 2, 3
_NOTES = """\
Kernels are kept in --cache, by default .cache/oracle of the checkout; so only the first run downloads.

exit codes: 0 all boots agree, 1 some do not, 2 usage, 3 kernels or QEMU are missing
"""


def main() -> int:
    """Read the command line and run the verb."""
    args = _parser().parse_args()
    try:
        if args.verb == "fetch":
            return _fetch(args)
        if args.verb == "compare":
            return _again(args)
        if args.verb == "real":
            return _real(args)
        if args.verb in ("pinned", "placed"):
            return _changed(args)
        return _list(args) if args.verb == "list" else _boots(args)
    except (FetchError, KernelError, QemuError, TreeError) as error:
        sys.stderr.write(f"oracle: {error}\n")
        return _INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.oracle",
        description="Boot real kernels in QEMU and compare them with carveout.",
        epilog=_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of kernels (default: %(default)s)")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    get = verbs.add_parser("fetch", help="download Debian's kernels with apt")
    _add_kernel_options(get)
    get.add_argument("--suite", nargs="+", default=list(SUITES), help="Debian suites (default: %(default)s)")
    get.add_argument("--mirror", help="URL of a Debian mirror (default: the one of this machine's apt)")
    get.add_argument("--update", action="store_true", help="look for newer ones than those that are there")
    judge = verbs.add_parser("compare", help="compare recordings again, without booting")
    judge.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="what --out was")
    judge.add_argument("-q", "--quiet", action="store_true", help="print only boots that do not agree")
    _add_kernel_options(verbs.add_parser("list", help="list the kernels and scenarios that are there"))
    for verb, words in (
        ("pinned", "pin scenarios for all kernels at once, boot the trees and compare"),
        ("placed", "boot an answer of `carveout place` for all kernels at once, and compare"),
    ):
        changed = verbs.add_parser(verb, help=words)
        _add_kernel_options(changed)
        changed.add_argument("--kernel", default="", help="regular expression on the release")
        changed.add_argument("-q", "--quiet", action="store_true", help="print only boots that do not agree")
    real = verbs.add_parser("real", help="boot real boards' trees on virt's hardware, and compare")
    real.add_argument(
        "trees", type=Path, metavar="DIR", help="trees of a kernel package (tools/fetch_dtbs.py)"
    )
    _add_kernel_options(real)
    real.add_argument("--kernel", default="", help="regular expression on the release")
    real.add_argument("--board", default="", help="regular expression on the scenario's name")
    real.add_argument("--lean", action="store_true", help="only what is about memory, as in tests/data")
    real.add_argument("--out", type=Path, help="folder for the recordings, agreeing or not")
    real.add_argument("-q", "--quiet", action="store_true", help="print only boots that do not agree")
    for verb, words in (
        ("run", "boot scenarios and compare"),
        ("record", "boot scenarios and write recordings for tools/import_boots.py"),
    ):
        boots = verbs.add_parser(verb, help=words)
        _add_kernel_options(boots)
        boots.add_argument("--kernel", default="", help="regular expression on the release")
        boots.add_argument("--scenarios", default="", help="regular expression on the scenario's name")
        boots.add_argument("--quick", action="store_true", help="three scenarios only")
        boots.add_argument("--random", type=int, default=0, metavar="N", help="N random boards instead")
        boots.add_argument(
            "--unusual", nargs="*", choices=sorted(TWISTS), metavar="TWIST",
            help="the random boards get twists, of these or of all",
        )  # fmt: skip
        boots.add_argument("--plain", action="store_true", help="with --unusual: one twist, on a plain board")
        boots.add_argument("--seed", type=int, default=1, help="of the random boards (default: %(default)s)")
        boots.add_argument("--silence", type=float, metavar="SECONDS", help="without output a boot hangs")
        boots.add_argument("--minutes", type=float, help="start no boot after this time")
        boots.add_argument(
            "--out",
            type=Path,
            required=verb == "record",
            help="folder for the recordings; with run only of boots that do not agree",
        )
        boots.add_argument("-q", "--quiet", action="store_true", help="print only boots that do not agree")
    return parser


def _add_kernel_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--arch", nargs="+", default=["arm64"], choices=ARCHITECTURES, help="default: %(default)s"
    )


def _fetch(args: argparse.Namespace) -> int:
    failed = False
    for package in wanted(tuple(args.arch), tuple(args.suite)):
        try:
            release = fetch(args.cache, package, mirror=args.mirror, update=args.update)
            sys.stdout.write(f"{package.name}: {release}\n")
        except FetchError as error:
            # One suite that cannot be had, for example while a mirror is being updated, leaves the others.
            sys.stderr.write(f"oracle: {package.name}: {error}\n")
            failed = True
        sys.stdout.flush()
    return _INPUT if failed else 0


def _kernels(args: argparse.Namespace, pattern: str = "") -> list[Kernel]:
    found = find_kernels(args.cache / "kernels")
    return [
        kernel
        for kernel in found
        if kernel.arch in args.arch and (not pattern or re.search(pattern, kernel.release))
    ]


def _list(args: argparse.Namespace) -> int:
    for kernel in _kernels(args):
        size = kernel.image_size or 0
        sys.stdout.write(
            f"{kernel.release:32}{kernel.arch:9}{kernel.page_size // 1024:>3} KiB pages  image 0x{size:x}\n"
        )
    for scenario in (*SCENARIOS, *FOUND):
        sys.stdout.write(f"{scenario.id:32}{scenario.title}\n")
    return 0


def _scenarios(args: argparse.Namespace) -> list[Scenario]:
    if args.random and args.unusual is not None:
        return unusual_scenarios(args.random, seed=args.seed, twists=tuple(args.unusual), plain=args.plain)
    if args.random:
        return random_scenarios(args.random, seed=args.seed)
    return [
        scenario
        for scenario in (*SCENARIOS, *FOUND)
        if re.search(args.scenarios, scenario.id) and (not args.quick or scenario.id in QUICK)
    ]


def _boots(args: argparse.Namespace) -> int:
    kernels, scenarios = _kernels(args, args.kernel), _scenarios(args)
    if not kernels or not scenarios:
        what = "kernel: run `python -m tools.oracle fetch` first" if not kernels else "scenario"
        sys.stderr.write(f"oracle: there is no such {what}\n")
        return _INPUT if not kernels else _USAGE
    missing = {
        MACHINES[kernel.arch].qemu for kernel in kernels if not shutil.which(MACHINES[kernel.arch].qemu)
    }
    if missing:
        sys.stderr.write(f"oracle: not on this machine: {', '.join(sorted(missing))}; see the README\n")
        return _INPUT
    results = _boot_all(args, scenarios, kernels)
    sys.stdout.write("\n" + table(results) + "\n")
    return _FOUND if any(result.problems for result in results) else 0


def _real(args: argparse.Namespace) -> int:
    args.minutes, args.verb = None, "record"
    boards = [board for board in BOARDS if re.search(args.board, board.id)]
    kernels = _kernels(args, args.kernel)
    if not kernels or not boards:
        what = "board" if kernels else "kernel: run `python -m tools.oracle fetch` first"
        sys.stderr.write(f"oracle: there is no such {what}\n")
        return _USAGE if kernels else _INPUT
    results = _boot_all(args, real_scenarios(args.trees, boards, lean=args.lean), kernels)
    sys.stdout.write("\n" + table(results) + "\n")
    return _FOUND if any(result.problems for result in results) else 0


def _changed(args: argparse.Namespace) -> int:
    # Trees that carveout has changed: one for all kernels of an architecture.
    kernels = _kernels(args, args.kernel)
    if not kernels:
        sys.stderr.write("oracle: there is no such kernel: run `python -m tools.oracle fetch` first\n")
        return _INPUT
    failed = False
    for arch in dict.fromkeys(kernel.arch for kernel in kernels):
        some = [kernel for kernel in kernels if kernel.arch == arch]
        for checked in _changed_boots(args.verb, arch, some, args.cache):
            failed |= bool(checked.problems)
            if checked.problems or not args.quiet:
                lines = [checked.title, *(f"        {text}" for text in checked.problems)]
                sys.stdout.write("\n".join(lines) + "\n")
                sys.stdout.flush()
    return _FOUND if failed else 0


def _changed_boots(verb: str, arch: str, kernels: list[Kernel], cache: Path) -> Iterator[Checked]:
    if MACHINES[arch].raw is None:
        return
    if verb == "placed":
        if arch in PLACED.architectures:
            yield from boot_placed(kernels, cache=cache)
        return
    for scenario in SCENARIOS:
        if scenario.id in PINNED:
            yield from boot_pinned(scenario, kernels, cache=cache)


def _boot_all(args: argparse.Namespace, scenarios: list[Scenario], kernels: list[Kernel]) -> list[Compared]:
    results: list[Compared] = []
    ends = None if args.minutes is None else time.monotonic() + 60 * args.minutes
    for scenario in scenarios:
        for arch in dict.fromkeys(kernel.arch for kernel in kernels):
            boots: list[Recorded] = []
            for kernel in kernels:
                fits = _fits(scenario, arch)
                if kernel.arch == arch and fits and (ends is None or time.monotonic() < ends):
                    patience = Patience(silence=getattr(args, "silence", None) or Patience().silence)
                    boots.append(record(scenario, kernel, cache=args.cache, patience=patience))
            compared = compare(boots)
            results += compared
            _show(compared, quiet=args.quiet)
            if args.out is not None and boots:
                keep = boots if args.verb == "record" else [c.recorded for c in compared if c.problems]
                if keep:
                    folder = (
                        scenario.id
                        if len({kernel.arch for kernel in kernels}) == 1
                        else f"{scenario.id}-{arch}"
                    )
                    write_scenario(args.out / folder, scenario, arch, keep)
    return results


def _fits(scenario: Scenario, arch: str) -> bool:
    machine = MACHINES[arch]
    return scenario.applies(arch, has_raw=machine.raw is not None, keeps_memory=machine.keeps_memory)


def _again(args: argparse.Namespace) -> int:
    results: list[Compared] = []
    for top in args.folders:
        for expected in sorted(top.rglob("expected.json.gz")):
            results += compare(read_recorded(expected.parent))
    if not results:
        sys.stderr.write("oracle: there are no recordings\n")
        return _USAGE
    return _summary(results, quiet=args.quiet)


def _summary(results: list[Compared], *, quiet: bool) -> int:
    _show(results, quiet=quiet)
    sys.stdout.write("\n" + table(results) + "\n")
    return _FOUND if any(result.problems for result in results) else 0


def _show(compared: list[Compared], *, quiet: bool) -> None:
    for result in compared:
        if result.problems or not quiet:
            sys.stdout.write(report(result) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
