# SPDX-License-Identifier: Apache-2.0
"""`carveout sweep`: many boards in many scenes, on one machine or a cluster; `merge` and `report` of its results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.cli.output import complain
from carveout.cli.parser import Parser
from carveout.cli.scene_options import add_scene_options
from carveout.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from carveout.cli.sweep_request import Request
    from carveout.sweep.course import Engine

_SUMMARY = "Boot and check many boards in many scenes, and write what comes of it as rows of a table."

_NOTES = """\
A BOARD is a .dtb, a .dts, a folder (all .dtb and .dts below), a pattern in quotes ('dtbs/**/*.dtb'), or - for a list of
these on standard input, one a line. Without one, carveout.toml here or above names boards and scenes.
Kernels, page sizes, RAM, command lines and presets are combined. Results are JSON lines, or Parquet files in a folder;
docs/sweep.md says what is in a column. `carveout sweep report` answers questions about them.

examples:
  carveout sweep dtbs/ --kernel 6.12 --kernel 7.2 -o results.jsonl
  carveout sweep dtbs/ --page-size 4K --page-size 16K --memory-size 1G --memory-size 4G --if-ram-missing -o results.jsonl
  find . -name '*.dtb' | carveout sweep - --format parquet -o results
  carveout sweep dtbs/ --shard 2/8 -o part2.jsonl; carveout sweep merge part*.jsonl -o results.jsonl
  carveout sweep dtbs/ --engine dask --scheduler tcp://cluster:8786 -o results.jsonl
  carveout sweep report results.jsonl --from 6.12 --to 7.2

exit codes: 0 every board was swept; 1 findings, with --fail-on; 2 usage; 3 a board could not be read, or was set aside
since workers died of it; 70 a board met a bug in carveout (with 3 and 70 the other boards are there all the same); 130 interrupted
"""

EXIT_CLEAN, EXIT_FINDINGS, EXIT_INPUT, EXIT_BUG, EXIT_INTERRUPTED = 0, 1, 3, 70, 130


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    if argv[:1] == ["merge"]:
        from carveout.cli.sweep_merge import run as run_merge

        return run_merge(argv[1:])
    if argv[:1] == ["report"]:
        from carveout.cli.sweep_report import run as run_report

        return run_report(argv[1:])
    args = _parser().parse_args(argv)
    _agree(args)
    from carveout.cli.sweep_request import read_request

    return _sweep(args, read_request(args))


def _sweep(args: Namespace, request: Request) -> int:
    from carveout.cli.sweep_files import open_results
    from carveout.cli.sweep_progress import Progress
    from carveout.cli.sweep_store import open_store
    from carveout.sweep.course import Course

    worst = EXIT_CLEAN
    for text in request.errors:
        complain(f"error: {text}")
        worst = EXIT_INPUT
    store = open_store(args.cache, args.output, resume=args.resume)
    course = Course(request.plan, _engine(args), store, stamp=store.stamp)
    progress = Progress(len(request.boards), quiet=args.quiet)
    failing = _failing(args.fail_on)
    try:
        with open_results(args.format, args.output, inputs=request.inputs) as results:
            results.begin(request.header())
            for result in course.run(request.jobs()):
                results.board(result)
                progress.add(result)
                if result.done.error is not None:
                    progress.say(f"error: {result.name}: {result.done.error}")
                    worst = max(worst, EXIT_BUG if result.done.is_bug else EXIT_INPUT)
                elif worst == EXIT_CLEAN and any(word in row for row in result.done.rows for word in failing):
                    worst = EXIT_FINDINGS
            results.end()
    except KeyboardInterrupt:
        progress.end()
        complain(f"interrupted{store.hint()}")
        return EXIT_INTERRUPTED
    progress.end()
    store.finished()
    return worst


def _engine(args: Namespace) -> Engine:
    if args.engine == "dask":
        from carveout.sweep.dask_engine import DaskCluster

        return DaskCluster(args.scheduler)
    from carveout.sweep.engines import InProcess, Processes

    return InProcess() if args.engine == "inline" else Processes(args.jobs)


def _agree(args: Namespace) -> None:
    # What goes together, said before anything is read.
    if (args.engine == "dask") != (args.scheduler is not None):
        raise UsageError("--engine dask and --scheduler ADDRESS go together")
    if args.jobs is not None and args.engine != "processes":
        raise UsageError(f"--jobs is for the processes of this machine, not for --engine {args.engine}")
    if args.jobs is not None and args.jobs < 1:
        raise UsageError(f"--jobs {args.jobs}: expected 1 or more")
    if args.format == "parquet" and args.output is None:
        raise UsageError("--format parquet makes a folder of files: name it with -o FOLDER")
    if args.resume and args.output is None:
        raise UsageError("--resume goes on with a file: name it with -o FILE")


def _failing(level: str | None) -> tuple[bytes, ...]:
    levels = ("error", "warning", "note")
    if level is None:
        return ()
    return tuple(f'"severity":"{severity}"'.encode("ascii") for severity in levels[: levels.index(level) + 1])


def _parser() -> Parser:
    parser = Parser("sweep", summary=_SUMMARY, notes=_NOTES)
    add = parser.add_argument
    add("boards", metavar="BOARD", nargs="*", help=".dtb, .dts, a folder, a pattern, or -")
    add("-o", "--output", metavar="FILE", help="write to FILE, whole or not at all (parquet: a folder)")
    add("--format", choices=("jsonl", "parquet"), default="jsonl", help="default: jsonl")
    add("--rows", metavar="KINDS", default="cell,region,finding", help="kinds of rows (default: %(default)s)")
    add("-q", "--quiet", action="store_true", help="no progress")
    add("--fail-on", choices=("error", "warning", "note"), help="exit 1 when something as bad is found")
    add("--project", metavar="FILE", help="the carveout.toml to use (default: the one here or above)")
    add("-I", "--include", metavar="DIR", action="append", default=[], help="folder of files a .dts includes")
    rules = parser.add_argument_group("rules")
    rules.add_argument(
        "--select", metavar="RULE", action="append", default=[], help="only these, as for check"
    )
    rules.add_argument("--ignore", metavar="RULE", action="append", default=[], help="not these")
    rules.add_argument("--no-check", action="store_true", help="boot the boards, run no rule")
    matrix = parser.add_argument_group("matrix: each repeatable, all combined")
    option = matrix.add_argument
    option(
        "--memory-variant", metavar="SIZE@BASE[,...]", action="append", default=[], help="RAM of one variant"
    )
    option("--memory-size", metavar="SIZE", action="append", default=[],
           help="RAM of this size, from where the tree says that RAM begins")  # fmt: skip
    option("--memory-base", metavar="BASE", help="where that begins on boards whose tree does not say")
    option("--if-ram-missing", action="store_true",
           help="these amounts of RAM only where the tree gives none; the others with their own")  # fmt: skip
    option("--from-ram-start", action="store_true",
           help="--kernel-image, --image-at, --dtb-at, --initrd count from the start of each board's RAM")  # fmt: skip
    option("--overlay-variant", metavar="FILE[,...]", action="append", default=[],
           help="the boards with these overlays too; each is a board of its own")  # fmt: skip
    work = parser.add_argument_group("work")
    option = work.add_argument
    option("--engine", choices=("processes", "inline", "dask"), default="processes",
           help="where: all cores (default), this process, or a Dask cluster")  # fmt: skip
    option("-j", "--jobs", metavar="N", type=int, help="processes (default: one for each core)")
    option("--scheduler", metavar="ADDRESS", help="of Dask, such as tcp://cluster:8786")
    option("--shard", metavar="I/N", help="only the I-th of N parts of the boards; see merge")
    option("--cache", metavar="DIR", help="keep results here, by content; safe to share and to delete")
    option(
        "--resume", action="store_true", help="go on with what an interrupted run to the same FILE has done"
    )
    option("--no-recognition", action="store_true", help="simulate every cell, equal or not (for measuring)")
    add_scene_options(parser, several=("kernel", "page-size", "cmdline", "preset"))
    return parser
