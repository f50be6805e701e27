# SPDX-License-Identifier: Apache-2.0
"""`carveout amp`: whether the firmware of remote processors fits the memory that the tree gives them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from carveout.amp.codes import CODES
from carveout.amp.elf import read_firmware
from carveout.amp.match import Candidate, named_for, processors
from carveout.amp.run import clashes, fit
from carveout.board import read_board
from carveout.boot import boot
from carveout.check.model import Finding, Severity
from carveout.cli.boards import load_board
from carveout.cli.files import read_file
from carveout.cli.output import terminal, write
from carveout.cli.parser import Parser
from carveout.cli.scene_options import add_scene_options, read_scene
from carveout.errors import FirmwareError, UsageError
from carveout.report.words import safe, scene_line, verdict

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from carveout.amp.model import Firmware, Fit, Problem
    from carveout.board import Board
    from carveout.boot import Boot

_SUMMARY = "Check the firmware of remote processors (ELF) against the memory that their nodes name."

_NOTES = """\
Which processor a firmware is for: --for PATH; FIRMWARE=PATH; else the node whose firmware-name is the file's name.

examples:
  carveout amp board.dtb rproc-m4-fw.elf --for /mlahb/m4@10000000
  carveout amp board.dtb am64-main-r5f0_0-fw am64-main-r5f1_0-fw
  carveout amp board.dtb dsp.elf=/soc/dsp@1000 m4.elf=/soc/m4@2000 --format json

exit codes: 0 nothing found at or above --fail-on (default: error); 1 found; 2 usage; 3 input that cannot be read;
70 a bug in carveout. What the codes mean: docs/amp.md
"""

_LARGEST = 256 << 20
_MOST_NAMED = 12
_MODELLED = "AMP002"
"""The code that says what the places depend on."""


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    args = _parser().parse_args(argv)
    given = read_scene(args)
    loaded = load_board(args.board, given.overlays)
    board = read_board(loaded.tree, is_made_here=loaded.is_made_here)
    files = [_named(text) for text in args.firmware]
    wanted = [_candidate(board, name, path or args.node) for name, path in files]
    result = boot(board, given.scene)
    fits = [
        fit(board, result, _read(name), path=candidate.path, entry=candidate.entry)
        for (name, _), candidate in zip(files, wanted, strict=True)
    ]
    clashing = list(clashes(fits))
    found = [[*one.problems, *(problem for other, problem in clashing if other is one)] for one in fits]
    findings = [
        [_finding(problem, one, name) for problem in problems]
        for one, problems, (name, _) in zip(fits, found, files, strict=True)
    ]
    text = _json(findings) if args.format == "json" else _text(fits, findings, args, result)
    write(text, args.output, inputs=(args.board, *(name for name, _ in files), *given.inputs))
    worst = min((finding.severity.rank for group in findings for finding in group), default=99)
    return 1 if worst <= Severity(args.fail_on).rank else 0


def _parser() -> Parser:
    parser = Parser("amp", summary=_SUMMARY, notes=_NOTES)
    parser.add_argument(
        "board", metavar="BOARD", help=".dtb, .dts, - for standard input, or /sys/firmware/fdt"
    )
    parser.add_argument(
        "firmware",
        nargs="+",
        metavar="FIRMWARE[=PATH]",
        help="an ELF file, with the node it is for if need be",
    )
    parser.add_argument("--for", dest="node", metavar="PATH", help="the node that the firmware is for")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write to FILE, whole or not at all; - for stdout"
    )
    parser.add_argument(
        "--severity",
        choices=[str(severity) for severity in Severity],
        default="warning",
        help="text: show this and worse (default: warning)",
    )
    parser.add_argument(
        "--fail-on",
        choices=[str(severity) for severity in Severity],
        default="error",
        help="exit with 1 for this and worse (default: error)",
    )
    add_scene_options(parser)
    return parser


def _named(text: str) -> tuple[str, str | None]:
    # FIRMWARE=/PATH, unless there is a file of that whole name.
    if os.path.exists(text):  # noqa: PTH110 pathlib costs start-up
        return text, None
    name, equals, path = text.rpartition("=/")
    return (name, "/" + path) if equals and name else (text, None)


def _candidate(board: Board, file: str, path: str | None) -> Candidate:
    name = os.path.basename(file)  # noqa: PTH119
    candidates = named_for(board, name)
    if path is not None:
        node = board.tree.node(path)
        if node is None:
            raise UsageError(f"{safe(file)}: the tree has no node {safe(path)}; {_known(board)}")
        same = [candidate for candidate in candidates if candidate.path == node.path]
        return same[0] if same else Candidate(node.path, 0)
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise UsageError(
            f"{safe(file)}: no firmware-name of the tree is '{safe(name)}'; say which processor it is for with --for PATH; "
            f"{_known(board)}"
        )
    listed = ", ".join(safe(candidate.path) for candidate in candidates[:_MOST_NAMED])
    raise UsageError(
        f"{safe(file)}: several nodes have the firmware-name '{safe(name)}'; give one with --for: {listed}"
    )


def _known(board: Board) -> str:
    found = processors(board)
    if not found:
        return "no node of the tree looks like a remote processor"
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return "remote processors: " + ", ".join(safe(path) for path in found[:_MOST_NAMED]) + more


def _read(file: str) -> Firmware:
    data = read_file(file, what="a firmware (ELF)", limit=_LARGEST)
    try:
        return read_firmware(data, name=os.path.basename(file))  # noqa: PTH119
    except FirmwareError as error:
        raise FirmwareError(f"{file}: {error}") from error


def _finding(problem: Problem, one: Fit, file: str) -> Finding:
    return Finding(
        code=problem.code,
        slug=CODES[problem.code][0],
        severity=Severity(problem.gravity.value),
        path=one.remote.path,
        message=problem.message,
        file=file,
        fix=problem.fix,
        related=problem.related,
    )


def _json(findings: Sequence[Sequence[Finding]]) -> str:
    from carveout.check.result import Totals
    from carveout.report.findings_json import JsonReport

    report = JsonReport()
    return report.begin() + "".join(report.findings(group) for group in findings) + report.end(Totals())


def _text(fits: Sequence[Fit], findings: Sequence[Sequence[Finding]], args: Namespace, result: Boot) -> str:
    from carveout.report.amp_text import render_fit
    from carveout.report.findings_text import render_text

    plain = not terminal(colour="never", width=None, to_file=args.output is not None).unicode
    shown = Severity(args.severity).rank
    text = scene_line(result)
    if any(finding.code == _MODELLED for group in findings for finding in group):
        text += f": modelled, {_MODELLED} says why" + (
            "" if shown == Severity.NOTE.rank else " (--severity note)"
        )
    text += "\n"
    if (dies := verdict(result)) is not None:
        text += dies + "\n"
    for one, group in zip(fits, findings, strict=True):
        text += "\n" + render_fit(one, ascii_only=plain)
        listed = render_text((f for f in group if f.severity.rank <= shown), ascii_only=plain)
        text += "\n" + listed if listed else ""
    return text + "\n" + _summary(findings, shown)


def _summary(findings: Sequence[Sequence[Finding]], shown: int) -> str:
    every = [finding for group in findings for finding in group]
    counts = {severity: sum(f.severity is severity for f in every) for severity in Severity}
    parts = [f"{n} {severity}{'' if n == 1 else 's'}" for severity, n in counts.items() if n]
    hidden = [f"{severity}s" for severity, n in counts.items() if n and severity.rank > shown]
    files = f"{len(findings)} firmware file{'' if len(findings) == 1 else 's'} checked"
    more = f" (--severity note shows the {' and '.join(hidden)})" if hidden else ""
    return f"{files}: {', '.join(parts) or 'nothing found'}{more}\n"
