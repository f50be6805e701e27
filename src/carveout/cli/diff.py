# SPDX-License-Identifier: Apache-2.0
"""`carveout diff`: what becomes of memory in two trees, or in one tree under two scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board import read_board
from carveout.boot import boot
from carveout.change.difference import compare
from carveout.cli.boards import load_board
from carveout.cli.files import STDIN
from carveout.cli.output import STDOUT, terminal, write
from carveout.cli.parser import Parser
from carveout.cli.scene_options import (
    add_scene_options,
    add_second_scene,
    read_scene,
    read_second_scene,
)
from carveout.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from carveout.boot import Boot
    from carveout.change.difference import Difference
    from carveout.cli.scene_options import SceneInput

_SUMMARY = "Show what differs between two boots: regions, pools, devices, log lines, RAM left to the system."

_NOTES = """\
Both boards are booted in the scene of the options; what the second one has otherwise is said with --b- in front of an
option. One board and an option with --b- compare two scenes of one tree.

examples:
  carveout diff old.dtb new.dtb
  carveout diff board.dtb --kernel 6.12 --b-kernel 7.2
  carveout diff board.dtb --memory 1G@0x40000000 --b-memory 4G@0x40000000 --format svg -o diff.svg
  carveout diff old.dtb new.dtb --format html -o changes.html
  carveout diff board.dtb --b-overlay camera.dtbo

exit codes: 0 no difference; 1 there are differences; 2 usage; 3 input that cannot be read; 70 a bug in carveout
"""


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    args = _parser().parse_args(argv)
    if args.width is not None and args.width < 1:
        raise UsageError(f"--width: {args.width} is no width, expected a number of columns, for example 100")
    first = read_scene(args)
    second = read_second_scene(args)
    if args.other is None and second is None:
        raise UsageError(
            "one board in one scene has nothing to be compared with: name a second board, or say what differs, for "
            "example --b-kernel 7.2"
        )
    if args.board == args.other == STDIN:
        raise UsageError("standard input can be read only once: give one of the boards as a file")
    other = args.other if args.other is not None else args.board
    if other == STDIN and args.other is None:
        raise UsageError("a board from standard input cannot be compared with itself: give it as a file")
    before = _boot(args.board, first, args)
    after = _boot(other, second or first, args)
    difference = compare(before, after)
    names = _names(args.board, other)
    inputs = (args.board, other, *first.inputs, *(second.inputs if second is not None else ()))
    write(_render(difference, names, args), args.output, inputs=inputs)
    return 1 if difference.differs else 0


def _boot(board: str, given: SceneInput, args: Namespace) -> Boot:
    loaded = load_board(board, given.overlays, include_dirs=args.include)
    return boot(read_board(loaded.tree, is_made_here=loaded.is_made_here), given.scene)


def _names(board: str, other: str) -> tuple[str, str]:
    # As short as tells them apart.
    short = tuple("standard input" if name == STDIN else name.rpartition("/")[2] for name in (board, other))
    return (short[0], short[1]) if short[0] != short[1] or board == other else (board, other)


def _render(difference: Difference, names: tuple[str, str], args: Namespace) -> str:
    if args.format == "json":
        from carveout.report.diff_json import render_json

        return render_json(difference)
    if args.format == "svg":
        from carveout.report.diff_svg import render_svg

        return render_svg(difference, names=names)
    if args.format == "html":
        from carveout.report.html.diff_page import render_diff_page

        return render_diff_page(difference, names=names)
    from carveout.report.diff_text import render_text

    place = terminal(colour=args.color, width=args.width, to_file=args.output not in (None, STDOUT))
    return render_text(difference, names=names, terminal=place)


def _parser() -> Parser:
    parser = Parser("diff", summary=_SUMMARY, notes=_NOTES)
    add = parser.add_argument
    add("board", metavar="A", help=".dtb, .dts, or - for standard input")
    add("other", metavar="B", nargs="?", help="the second board (default: A, in another scene)")
    add(
        "--format",
        choices=("text", "json", "svg", "html"),
        default="text",
        help="default: text; html needs carveout[html]",
    )
    add("-o", "--output", metavar="FILE", help="write to FILE, whole or not at all; - for stdout")
    add("-I", "--include", metavar="DIR", action="append", default=[], help="folder of files a .dts includes")
    add("--width", type=int, metavar="N", help="columns of text (default: the terminal's, else 100)")
    add("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    add_scene_options(parser)
    add_second_scene(parser)
    return parser
