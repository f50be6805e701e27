# SPDX-License-Identifier: Apache-2.0
"""`carveout check`: what is wrong with the memory of trees, before they boot."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from carveout.check.model import Severity
from carveout.check.registry import pick_rules
from carveout.check.result import Totals
from carveout.cli.check_session import PROJECT_FILE, Session, Target, expand_boards, find_project
from carveout.cli.output import Sink, complain
from carveout.cli.parser import Parser
from carveout.cli.scene_options import add_scene_options, is_scene_given
from carveout.cli.several_scenes import add_memory_variant, read_scenes
from carveout.errors import InputError, UsageError
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Sequence

    from carveout.check.model import Finding
    from carveout.check.result import BoardResult
    from carveout.check.run import NamedScene
    from carveout.cli.project import Project
    from carveout.report.findings_json import JsonReport, SarifReport
    from carveout.report.findings_text import TextReport

_SUMMARY = (
    "Find what is wrong with the reserved memory of boards, and say what the kernel does and how to fix it."
)

_NOTES = """\
A BOARD is a .dtb, a .dts (through cpp and dtc), a folder (all .dtb and .dts below), or - for standard input.
Without one, carveout.toml here or above names the boards. Its rules and what it allows count in every run below it;
its scenes count unless options give one. Kernels, page sizes and memory variants are combined; a finding lists the
scenes in which it bites. `/* carveout: allow RULE -- reason */` in a .dts allows a finding there.

examples:
  carveout check board.dtb
  carveout check board.dts --kernel 6.1 --kernel 7.2 --page-size 4K --page-size 16K
  carveout check *.dtb --memory-variant 1G@0x40000000 --memory-variant 4G@0x40000000
  carveout check board.dtb --format sarif -o board.sarif
  carveout check boards/ --format html -o report
  carveout check board.dtb --fix -o fixed.dtb
  carveout check board.dts --fix > board.patch

exit codes: 0 nothing found at or above --fail-on; 1 findings; 2 usage, or a board that could not be booted in every
scene; 3 a board could not be read (the others are checked all the same); 70 a bug in carveout
"""

EXIT_CLEAN, EXIT_FINDINGS, EXIT_USAGE, EXIT_INPUT = 0, 1, 2, 3

_PAGES = "html"
_LEVELS = [str(severity) for severity in Severity]


class Request(NamedTuple):
    """What to check, and how."""

    targets: tuple[Target, ...]
    session: Session
    errors: tuple[str, ...]
    """Boards that were asked for and are not there."""
    severity: Severity
    threshold: Severity
    """Exit 1 from this on."""
    project: Project | None
    is_whole_project: bool
    """All boards of the project are checked, none else."""
    inputs: tuple[str, ...]
    """Every file that was named, so that none is written over."""


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    return run_parsed(_parser().parse_args(argv))


def run_parsed(args: Namespace) -> int:
    """Run the verb with parsed options and return the exit code."""
    if args.in_place and not args.fix:
        raise UsageError("--in-place goes with --fix")
    request = _request(args)
    if args.fix:
        from carveout.cli.check_fix import run_fix

        return run_fix(request, output=args.output, in_place=args.in_place)
    totals = Totals()
    totals.unreadable += request.errors
    if args.format == _PAGES:
        from carveout.cli.check_pages import write_pages

        write_pages(
            _counted(request, totals),
            totals,
            args.output,
            inputs=request.inputs,
            of_none=lambda: _of_none(request, totals),
        )
        return exit_code(totals, request.threshold)
    with Sink(args.output, inputs=request.inputs) as sink:
        report = _report(args.format, request.severity)
        sink.write(report.begin())
        for result in _counted(request, totals):
            sink.write(report.board(result))
        sink.write(report.findings(_of_none(request, totals)))
        sink.write(report.end(totals))
    return exit_code(totals, request.threshold)


def _counted(request: Request, totals: Totals) -> Iterable[BoardResult]:
    # The results, counted, with what could not be checked said.
    refusals: dict[str, int] = {}
    for result in _results(request, totals):
        totals.add(result)
        for name, why in result.refused:
            _say_refused(result.file, name, why, refusals)
        yield result
    for why, more in refusals.items():
        if more:
            complain(f"{more} more not checked in a scene: {why}")


def _of_none(request: Request, totals: Totals) -> tuple[Finding, ...]:
    # What is found when all boards are checked, counted.
    if not request.is_whole_project or request.project is None:
        return ()
    unused = request.session.unused_tables(request.project.path)
    totals.count(unused)
    return unused


def exit_code(totals: Totals, threshold: Severity) -> int:
    """Return the exit code of a run."""
    if totals.unreadable:
        return EXIT_INPUT
    if totals.has(threshold):
        return EXIT_FINDINGS
    return EXIT_USAGE if totals.unsimulated else EXIT_CLEAN


def _results(request: Request, totals: Totals) -> Iterable[BoardResult]:
    for text in request.errors:
        complain(f"error: {text}")
    for target in request.targets:
        try:
            yield request.session.check(target)
        except InputError as error:
            totals.unreadable.append(str(error))
            complain(f"error: {error}")


def _say_refused(file: str, scene: str, why: str, seen: dict[str, int]) -> None:
    # The same reason is told once; with a thousand boards it would be all one sees.
    if why in seen:
        seen[why] += 1
        return
    seen[why] = 0
    complain(f"{file}: not checked in scene '{scene}': {why}")


def _report(form: str, severity: Severity) -> TextReport | JsonReport | SarifReport:
    if form == "json":
        from carveout.report.findings_json import JsonReport

        return JsonReport()
    if form == "sarif":
        from carveout import __version__
        from carveout.report.findings_json import SarifReport

        return SarifReport(version=__version__)
    from carveout.report.findings_text import GithubReport, TextReport

    return GithubReport(severity=severity) if form == "github" else TextReport(severity=severity)


def _parser() -> Parser:
    parser = Parser("check", summary=_SUMMARY, notes=_NOTES)
    parser.add_argument("boards", metavar="BOARD", nargs="*", help=".dtb, .dts, a folder, or -")
    add_check_options(parser)
    add_scene_options(parser, several=("scene", "kernel", "page-size"))
    return parser


def add_check_options(parser: Parser) -> None:
    """Add the options of the verb that do not describe a scene."""
    add = parser.add_argument
    add("--format", choices=("text", "json", "sarif", "github", _PAGES), default="text", help="default: text")
    add(
        "-o",
        "--output",
        metavar="FILE",
        help="write to FILE, whole or not at all; with --fix the new board; html: a folder",
    )
    add(
        "--severity",
        choices=_LEVELS,
        help="show this and worse (default: warning; JSON, SARIF and HTML hold all)",
    )
    add("--fail-on", choices=_LEVELS, help="exit 1 from this severity on (default: error)")
    add("--werror", action="store_true", help="warnings fail the run like errors")
    add("--select", metavar="RULE", action="append", default=[], help="only these: code, CV1, slug")
    add("--ignore", metavar="RULE", action="append", default=[], help="not these rules; wins over --select")
    add("--fix", action="store_true", help="make the changes that are certain; .dts: print them as a patch")
    add("--in-place", action="store_true", help="with --fix: write over the board itself")
    add("--project", metavar="FILE", help="the carveout.toml to use (default: the one here or above)")
    add("--no-project", action="store_true", help="use no carveout.toml")
    add("-I", "--include", metavar="DIR", action="append", default=[], help="folder of files a .dts includes")
    add_memory_variant(parser)


def _request(args: Namespace) -> Request:
    project = _project(args)
    pick = _words(args.select) or (project.select if project else ())
    drop = _words(args.ignore) + (project.ignore if project else ())
    werror = args.werror or (project is not None and project.werror)
    fail_on = args.fail_on or (project.fail_on if project else None) or "error"
    threshold = Severity(fail_on)
    if werror and threshold is Severity.ERROR:
        threshold = Severity.WARNING
    is_given = is_scene_given(args) or bool(args.memory_variant)
    given = read_scenes(args)
    targets, errors = _targets(args.boards, given.scenes, given.overlays, project, is_given=is_given)
    return Request(
        targets=tuple(targets),
        session=Session(pick_rules(pick, drop), project.allows if project else (), args.include),
        errors=tuple(errors),
        severity=Severity(args.severity or (project.severity if project else None) or "warning"),
        threshold=threshold,
        project=project,
        is_whole_project=not args.boards,
        inputs=(*(target.path for target in targets), *given.inputs, *([project.path] if project else ())),
    )


def _project(args: Namespace) -> Project | None:
    if args.no_project:
        if not args.boards:
            raise UsageError("no board given")
        return None
    path = args.project or find_project(os.getcwd())  # noqa: PTH109 start-up time
    if path is None:
        if not args.boards:
            raise UsageError(f"no board given, and there is no {PROJECT_FILE} here or above")
        return None
    from carveout.cli.project import read_project  # only where there is one: tomllib takes its time

    project = read_project(path)
    if not args.boards and not project.boards:
        raise UsageError(f"{path}: has no [[board]], and no board was named")
    return project


def _targets(
    boards: Sequence[str],
    scenes: tuple[NamedScene, ...],
    overlays: tuple[str, ...],
    project: Project | None,
    *,
    is_given: bool,
) -> tuple[list[Target], list[str]]:
    """Return the trees to check, and boards that are not there. is_given: options describe a scene."""
    paths, errors = expand_boards(boards)
    if project is None or not (project.boards or project.scenes):
        return [Target(path, scenes, overlays) for path in paths], errors
    from carveout.cli.project_boards import project_targets

    override = (scenes, overlays) if is_given else None
    found, missing = project_targets(project, paths if boards else None, scenes, override)
    return found, errors + missing


def _words(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for value in values for word in value.split(",") if word)
