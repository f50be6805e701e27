# SPDX-License-Identifier: Apache-2.0
"""`carveout map`: where every piece of reserved memory of a board lands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board import read_board
from carveout.boot import boot
from carveout.cli.boards import load_board
from carveout.cli.output import STDOUT, terminal, write
from carveout.cli.parser import Parser
from carveout.cli.scene_options import add_scene_options, read_scene
from carveout.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from carveout.boot.result import Boot

_SUMMARY = "Show where Linux puts every piece of reserved memory of a board, who uses it, and what fails."

_NOTES = """\
Sizes take K, M, G or T; addresses are hexadecimal with 0x, or decimal.

examples:
  carveout map board.dtb
  carveout map board.dtb --kernel 6.12 --memory 1G@0x40000000 --dtb-at 0x48000000
  carveout map board.dts --overlay camera.dtbo --format svg -o memory.svg

exit codes: 0 a map was made, also when a request in it fails or the boot panics ('carveout check' is
for that); 2 usage; 3 input that cannot be read; 70 a bug in carveout
"""

_MAX_MODEL = 80


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    args = _parser().parse_args(argv)
    if args.width is not None and args.width < 1:
        raise UsageError(f"--width: {args.width} is no width, expected a number of columns, for example 100")
    given = read_scene(args)
    loaded = load_board(args.board, given.overlays)
    board = read_board(loaded.tree, is_made_here=loaded.is_made_here)
    title = f"{loaded.name} ({board.model[:_MAX_MODEL]})" if board.model else loaded.name
    text = _render(boot(board, given.scene), args, title)
    write(text, args.output, inputs=(args.board, *given.inputs))
    return 0


def _parser() -> Parser:
    parser = Parser("map", summary=_SUMMARY, notes=_NOTES)
    parser.add_argument(
        "board", metavar="BOARD", help=".dtb, .dts, - for standard input, or /sys/firmware/fdt"
    )
    parser.add_argument("--format", choices=("text", "json", "svg"), default="text", help="default: text")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write to FILE, whole or not at all; - for stdout"
    )
    parser.add_argument(
        "--all", action="store_true", help="every early allocation, user and disabled consumer"
    )
    parser.add_argument("--trace", action="store_true", help="with --format json: every step of the boot")
    parser.add_argument(
        "--width", type=int, metavar="N", help="columns of text (default: the terminal's, else 100)"
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    add_scene_options(parser)
    return parser


def _render(result: Boot, args: Namespace, title: str) -> str:
    if args.format == "json":
        from carveout.report.map_json import render_json

        return render_json(result, with_trace=args.trace)
    if args.format == "svg":
        from carveout.report.map_svg import render_svg

        return render_svg(result, title=title)
    from carveout.report.map_text import render_text

    to_file = args.output not in (None, STDOUT)
    place = terminal(colour=args.color, width=args.width, to_file=to_file)
    return render_text(result, title=title, terminal=place, show_all=args.all)
