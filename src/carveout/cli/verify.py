# SPDX-License-Identifier: Apache-2.0
"""`carveout verify`: does what a machine showed agree with its tree, and if not, why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board import read_board
from carveout.cli.boards import load_board
from carveout.cli.live_option import THIS_MACHINE, add_live_option
from carveout.cli.output import STDOUT, terminal, write
from carveout.cli.parser import Parser
from carveout.cli.scene_options import add_scene_options, read_scene
from carveout.errors import ObservationError, UsageError
from carveout.observe.verify import verify
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from argparse import Namespace

    from carveout.board import Board
    from carveout.boot.scene import Scene
    from carveout.cli.scene_options import SceneInput
    from carveout.observe.log import Log
    from carveout.observe.verification import Evidence, Verification

_SUMMARY = (
    "Compare a board's tree with what was seen of it: a log, /proc/iomem, memblock's lists, contiguous areas."
)

_NOTES = """\
The scene (kernel, command line, page size, RAM, where things lie) is taken from what was seen, as far as it shows
it; options win. A log may be dmesg with or without time stamps, the journal, syslog, or a serial capture.

examples:
  carveout verify board.dtb --log dmesg.txt
  carveout verify board.dtb --log serial.log --iomem iomem.txt --cma cma.txt
  carveout verify --log dmesg.txt            without a tree: the map that the log itself shows
  carveout verify --live                     this running machine, as root; --live DIR for captured files

exit codes: 0 agrees (or a log alone was shown); 1 differs; 2 usage; 3 input that cannot be read; 70 a bug in
carveout
"""

_MAX_MODEL = 80
_AGREES, _DIFFERS = 0, 1


class _Seen(NamedTuple):
    # What was given beside the tree: its names, for the title, and its content.
    evidence: Evidence
    names: tuple[str, ...]
    inputs: tuple[str, ...]


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    args = _parser().parse_args(argv)
    if args.width is not None and args.width < 1:
        raise UsageError(f"--width: {args.width} is no width, expected a number of columns, for example 100")
    if args.boot is not None and args.boot < 1:
        raise UsageError(f"--boot: {args.boot} is no boot of a log, expected 1 or more")
    given = read_scene(args)
    if args.live is not None:
        return _live(args, given)
    seen = _seen(args)
    if args.board is None:
        if seen.evidence.log is None or len(seen.names) > 1:
            raise UsageError(
                "the following arguments are required: BOARD; only --log FILE is shown without a tree; see "
                "'carveout verify --help'"
            )
        return _log_alone(args, seen.evidence.log, seen)
    if not seen.names:
        raise UsageError(
            "nothing to compare the tree with: expected --log, --iomem, --memblock, --cma, --meminfo or --live; see "
            "'carveout verify --help'"
        )
    loaded = load_board(args.board, given.overlays)
    board = read_board(loaded.tree, is_made_here=loaded.is_made_here)
    return _compare(args, board, loaded.name, given.scene, seen, (args.board, *given.inputs))


def _compare(
    args: Namespace, board: Board, name: str, scene: Scene, seen: _Seen, inputs: tuple[str, ...]
) -> int:
    result = verify(board, scene, seen.evidence)
    log = seen.evidence.log
    if not any(item.seen for item in result.items) and not (log is not None and log.boot.has_start):
        raise ObservationError(
            f"{', '.join(seen.names)}: nothing in it can be compared with the tree: no line about memory was found"
        )
    model = f" ({board.model[:_MAX_MODEL]})" if board.model else ""
    title = f"{name}{model} against {', '.join(seen.names)}"
    write(_render(result, args, title), args.output, inputs=(*inputs, *seen.inputs))
    return _AGREES if result.agrees else _DIFFERS


def _live(args: Namespace, given: SceneInput) -> int:
    if args.board is not None:
        raise UsageError(f"BOARD '{args.board}' and --live say the same thing: give one of them")
    from carveout.cli.live import read_live
    from carveout.cli.verify_input import read_seen_live
    from carveout.observe.machine import observe

    live = read_live(args.live)
    board = read_board(load_board(live.board, given.overlays).tree)
    evidence, names, notes = read_seen_live(args.live, live.capture)
    observed = observe(board, live.capture, given.scene)
    seen = _Seen(evidence, tuple(names), ())
    name = "this machine" if args.live == THIS_MACHINE else args.live
    if not names:
        raise ObservationError(
            f"{name}: nothing that can be compared could be read: {'; '.join(notes) or 'no log'}"
        )
    return _compare(args, board, name, observed.scene, seen, given.inputs)


def _seen(args: Namespace) -> _Seen:
    from carveout.cli.verify_input import read_seen

    named = [("--log", args.log), ("--iomem", args.iomem), ("--meminfo", args.meminfo), ("--cma", args.cma)]
    inputs = [path for _option, path in named if path is not None] + list(args.memblock)
    evidence, names = read_seen(
        log=args.log,
        boot=args.boot,
        iomem=args.iomem,
        memblock=args.memblock,
        cma=args.cma,
        meminfo=args.meminfo,
    )
    return _Seen(evidence, tuple(names), tuple(inputs))


def _log_alone(args: Namespace, log: Log, seen: _Seen) -> int:
    from carveout.observe.log_map import log_map

    shown = log_map(log.boot)
    if not log.boot.said and not shown.rows and not shown.ram and not log.boot.release:
        raise ObservationError(
            f"{seen.names[0]}: no line of a kernel about memory was found in its {log.lines} lines"
        )
    if args.format == "json":
        from carveout.report.verify_json import render_log_json

        text = render_log_json(log, shown)
    else:
        from carveout.report.log_text import render_log_text

        place = terminal(colour=args.color, width=args.width, to_file=args.output not in (None, STDOUT))
        text = render_log_text(log, shown, title=seen.names[0], terminal=place, show_all=args.all)
    write(text, args.output, inputs=seen.inputs)
    return _AGREES


def _render(result: Verification, args: Namespace, title: str) -> str:
    if args.format == "json":
        from carveout.report.verify_json import render_verify_json

        return render_verify_json(result)
    from carveout.report.verify_text import render_verify_text

    place = terminal(colour=args.color, width=args.width, to_file=args.output not in (None, STDOUT))
    return render_verify_text(result, title=title, terminal=place, show_all=args.all)


def _parser() -> Parser:
    parser = Parser("verify", summary=_SUMMARY, notes=_NOTES)
    parser.add_argument(
        "board", nargs="?", metavar="BOARD", help=".dtb, .dts, - for standard input, or /sys/firmware/fdt"
    )
    group = parser.add_argument_group("what was seen")
    group.add_argument("--log", metavar="FILE", help="the kernel's log, plain or gzip; - for standard input")
    group.add_argument(
        "--boot", metavar="N", type=int, help="which boot of the log, from 1 (default: the last)"
    )
    group.add_argument("--iomem", metavar="FILE", help="/proc/iomem, read as root")
    group.add_argument(
        "--memblock", metavar="FILE", action="append", default=[],
        help="memory or reserved of /sys/kernel/debug/memblock, or the folder; repeatable",
    )  # fmt: skip
    group.add_argument(
        "--cma",
        metavar="DIR",
        help="a copy of /sys/kernel/debug/cma or /sys/kernel/mm/cma, or `grep -r .` of it in a file",
    )
    group.add_argument("--meminfo", metavar="FILE", help="/proc/meminfo")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write to FILE, whole or not at all; - for stdout"
    )
    parser.add_argument("--all", action="store_true", help="every line that agrees, too")
    parser.add_argument(
        "--width", type=int, metavar="N", help="columns of text (default: the terminal's, else 100)"
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    add_live_option(parser)
    add_scene_options(parser)
    return parser
