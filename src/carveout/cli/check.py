# SPDX-License-Identifier: Apache-2.0
"""`carveout check`: what is wrong with the memory of trees, before they boot."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

from carveout.board import read_board
from carveout.check.model import Severity
from carveout.check.registry import pick_rules
from carveout.check.run import check_board
from carveout.check.scenes import MAX_SCENES, scene_matrix
from carveout.cli.boards import load_board
from carveout.cli.output import write
from carveout.cli.parser import Parser
from carveout.cli.scene_options import add_scene_options, read_scene
from carveout.errors import CarveoutError, InputError, InternalError, UsageError
from carveout.units import parse_memory, parse_size

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from carveout.boot import Scene
    from carveout.check.model import Finding, Rule
    from carveout.check.run import NamedScene
    from carveout.cli.boards import LoadedBoard
    from carveout.span import Span

_SUMMARY = (
    "Find what is wrong with the reserved memory of boards, and say what the kernel does and how to fix it."
)

_NOTES = """\
Kernels, page sizes and memory variants are combined; a finding lists the scenes in which it bites.

examples:
  carveout check board.dtb
  carveout check board.dts --kernel 6.1 --kernel 7.2 --page-size 4K --page-size 16K
  carveout check *.dtb --memory-variant 1G@0x40000000 --memory-variant 4G@0x40000000
  carveout check board.dtb --format sarif -o board.sarif

exit codes: 0 nothing found at or above --fail-on; 1 findings; 2 usage; 3 a board could not be read (the others
are checked all the same); 70 a bug in carveout
"""

EXIT_CLEAN, EXIT_FINDINGS, EXIT_INPUT = 0, 1, 3


class Request(NamedTuple):
    """What to check, and how."""

    boards: tuple[str, ...]
    rules: tuple[Rule, ...]
    scenes: tuple[NamedScene, ...]
    overlays: tuple[str, ...]
    severity: Severity


class Outcome(NamedTuple):
    """What a run found, and the boards that could not be read."""

    findings: tuple[Finding, ...]
    checked: int
    unreadable: tuple[str, ...]


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    args = _parser().parse_args(argv)
    request = _request(args)
    outcome = _check_all(request)
    for line in outcome.unreadable:
        sys.stderr.write(f"carveout: error: {line}\n")
    write(_render(outcome, request, args), args.output, inputs=request.boards)
    if outcome.unreadable:
        return EXIT_INPUT
    threshold = Severity.WARNING if args.werror else Severity(args.fail_on)
    failing = any(finding.severity.rank <= threshold.rank for finding in outcome.findings)
    return EXIT_FINDINGS if failing else EXIT_CLEAN


def _parser() -> Parser:
    parser = Parser("check", summary=_SUMMARY, notes=_NOTES)
    parser.add_argument("boards", metavar="BOARD", nargs="+", help=".dtb or .dts, or - for standard input")
    parser.add_argument(
        "--format", choices=("text", "json", "sarif", "github"), default="text", help="default: text"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write to FILE, whole or not at all; - for stdout"
    )
    parser.add_argument(
        "--severity",
        choices=[str(severity) for severity in Severity],
        default="warning",
        help="show this and worse (default: warning; JSON and SARIF hold all)",
    )
    parser.add_argument("--werror", action="store_true", help="warnings fail the run like errors")
    parser.add_argument(
        "--fail-on",
        choices=[str(severity) for severity in Severity],
        default="error",
        help="exit 1 from this severity on (default: error)",
    )
    parser.add_argument("--select", metavar="RULE", action="append", default=[], help="only these rules")
    parser.add_argument("--ignore", metavar="RULE", action="append", default=[], help="not these rules")
    parser.add_argument(
        "--memory-variant",
        metavar="SIZE@BASE[,...]",
        action="append",
        default=[],
        help="RAM of one variant of the board; repeatable",
    )
    add_scene_options(parser, several=("kernel", "page-size"))
    return parser


def _request(args: Namespace) -> Request:
    kernels, pages = tuple(args.kernel), tuple(parse_size(text) for text in args.page_size)
    args.kernel, args.page_size = (kernels[-1] if kernels else None), (args.page_size or [None])[-1]
    given = read_scene(args)
    scenes = _scenes(given.scene, kernels, pages, args.memory_variant)
    return Request(
        boards=tuple(args.boards),
        rules=pick_rules(_words(args.select), _words(args.ignore)),
        scenes=scenes,
        overlays=given.overlays,
        severity=Severity(args.severity),
    )


def _scenes(
    base: Scene, kernels: Sequence[str], pages: Sequence[int], variants: Sequence[str]
) -> tuple[NamedScene, ...]:
    memories = [_variant(text) for text in variants]
    scenes = scene_matrix(base, kernels=kernels, page_sizes=pages, memories=memories)
    if len(scenes) > MAX_SCENES:
        raise UsageError(f"{len(scenes)} scenes are asked for, more than {MAX_SCENES}")
    return scenes


def _variant(text: str) -> tuple[Span, ...]:
    return tuple(parse_memory(part) for part in text.split(","))


def _words(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for value in values for word in value.split(",") if word)


def _check_all(request: Request) -> Outcome:
    findings: list[Finding] = []
    unreadable: list[str] = []
    checked = 0
    for path in request.boards:
        try:
            findings += _check_one(request, path)
            checked += 1
        except InternalError:
            raise
        except InputError as error:
            unreadable.append(str(error))
        except CarveoutError as error:
            raise UsageError(f"{path}: {error}") from error
    return Outcome(tuple(findings), checked, tuple(unreadable))


def _check_one(request: Request, path: str) -> list[Finding]:
    loaded = load_board(path, request.overlays)
    board = read_board(loaded.tree, is_made_here=loaded.is_made_here)
    found = check_board(board, request.scenes, request.rules, file=path).findings
    return [_with_source(finding, loaded) for finding in found]


def _with_source(finding: Finding, loaded: LoadedBoard) -> Finding:
    if loaded.source is None:
        return finding
    place = loaded.source.of_property(finding.path, finding.prop) if finding.prop else None
    place = place or loaded.source.of_node(finding.path)
    if place is None:
        return finding
    return finding._replace(
        source=(place.file, place.first_line, place.first_column, place.last_line, place.last_column)
    )


def _render(outcome: Outcome, request: Request, args: Namespace) -> str:
    if args.format == "json":
        from carveout.report.findings_json import render_json

        return render_json(outcome.findings)
    if args.format == "sarif":
        from carveout import __version__
        from carveout.report.findings_json import render_sarif

        return render_sarif(outcome.findings, request.rules, version=__version__)
    from carveout.report.findings_text import render_github, render_text, summary_line

    shown = [f for f in outcome.findings if f.severity.rank <= request.severity.rank]
    if args.format == "github":
        return render_github(shown)
    return render_text(shown) + summary_line(outcome.findings, outcome.checked, len(outcome.unreadable))
