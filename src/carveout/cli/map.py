# SPDX-License-Identifier: Apache-2.0
"""`carveout map`: where every piece of reserved memory of a board lands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board import read_board
from carveout.boot import boot
from carveout.cli.boards import load_board
from carveout.cli.live_option import add_live_option
from carveout.cli.output import STDOUT, terminal, write
from carveout.cli.parser import Parser
from carveout.cli.scene_options import add_scene_options, read_scene
from carveout.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from carveout.boot.result import Boot
    from carveout.cli.scene_options import SceneInput

_SUMMARY = "Show where Linux puts every piece of reserved memory of a board, who uses it, and what fails."

_NOTES = """\
Sizes take K, M, G or T; addresses are hexadecimal with 0x, or decimal.

examples:
  carveout map board.dtb
  carveout map board.dtb --kernel 6.12 --memory 1G@0x40000000 --dtb-at 0x48000000
  carveout map --live                        this running machine, as root; --live DIR for captured files
  carveout map board.dts --overlay camera.dtbo --format svg -o memory.svg

exit codes: 0 a map was made, also when a request in it fails or the boot panics ('carveout check' is
for that); 2 usage; 3 input that cannot be read; 70 a bug in carveout
"""

_MAX_MODEL = 80


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    args = _parser().parse_args(argv)
    if args.width is not None and args.width < 1:
        raise UsageError(
            f"--width: {args.width} is no width, expected a number of columns or pixels, for example 100"
        )
    given = read_scene(args)
    name, result = _live(args, given) if args.live is not None else _given(args, given)
    text = _render(result, args, name)
    board = [args.board] if args.board else []
    write(text, args.output, inputs=(*board, *given.inputs))
    return 0


def _given(args: Namespace, given: SceneInput) -> tuple[str, Boot]:
    if args.board is None:
        raise UsageError("the following arguments are required: BOARD; see 'carveout map --help'")
    loaded = load_board(args.board, given.overlays)
    board = read_board(loaded.tree, is_made_here=loaded.is_made_here)
    return _title(loaded.name, board.model), boot(board, given.scene)


def _live(args: Namespace, given: SceneInput) -> tuple[str, Boot]:
    if args.board is not None:
        raise UsageError(f"BOARD '{args.board}' and --live say the same thing: give one of them")
    from carveout.cli.live import read_live
    from carveout.observe.machine import observe, told

    live = read_live(args.live)
    board = read_board(load_board(live.board, given.overlays).tree)
    observed = observe(board, live.capture, given.scene)
    return _title(live.name, board.model), told(boot(board, observed.scene), observed)


def _title(name: str, model: str | None) -> str:
    return f"{name} ({model[:_MAX_MODEL]})" if model else name


def _parser() -> Parser:
    parser = Parser("map", summary=_SUMMARY, notes=_NOTES)
    parser.add_argument(
        "board", nargs="?", metavar="BOARD", help=".dtb, .dts, - for standard input, or /sys/firmware/fdt"
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
        "--width",
        type=int,
        metavar="N",
        help="columns of text (default: the terminal's, else 100), or pixels of a picture (default: 960)",
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    add_live_option(parser)
    add_scene_options(parser)
    return parser


def _render(result: Boot, args: Namespace, title: str) -> str:
    if args.format == "json":
        from carveout.report.map_json import render_json

        return render_json(result, with_trace=args.trace)
    if args.format == "svg":
        from carveout.report.map_svg import render_svg
        from carveout.report.svg_frame import WIDE, frame_for

        return render_svg(result, title=title, frame=frame_for(args.width) if args.width else WIDE)
    from carveout.report.map_text import render_text

    to_file = args.output not in (None, STDOUT)
    place = terminal(colour=args.color, width=args.width, to_file=to_file)
    return render_text(result, title=title, terminal=place, show_all=args.all)
