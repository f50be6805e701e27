# SPDX-License-Identifier: Apache-2.0
"""`carveout map`: where every piece of reserved memory of a board lands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board import read_board
from carveout.boot import boot
from carveout.cli.boards import load_board
from carveout.cli.live_option import add_live_option
from carveout.cli.output import STDOUT, terminal, write, write_bytes
from carveout.cli.parser import Parser
from carveout.cli.several_scenes import add_several_scenes, read_scenes
from carveout.errors import UsageError
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from argparse import Namespace

    from carveout.board import Board
    from carveout.boot.result import Boot
    from carveout.check.run import NamedScene
    from carveout.cli.several_scenes import ScenesInput

_SUMMARY = "Show where Linux puts every piece of reserved memory of a board, who uses it, and what fails."

_NOTES = """\
Sizes take K, M, G or T; addresses are hexadecimal with 0x, or decimal.

examples:
  carveout map board.dtb
  carveout map board.dtb --kernel 6.12 --memory 1G@0x40000000 --dtb-at 0x48000000
  carveout map --live                        this running machine, as root; --live DIR for captured files
  carveout map board.dts --overlay camera.dtbo --format svg -o memory.svg
  carveout map board.dtb --kernel 6.12 --kernel 7.2 --format html -o board.html
  carveout map board.dtb --format html --pool-trace trace.txt -o board.html

exit codes: 0 a map was made, also when a request in it fails or the boot panics ('carveout check' is
for that); 2 usage; 3 input that cannot be read; 70 a bug in carveout
"""

_PAGE = "html"
FORMS = ("png", "pdf")
_MAX_MODEL = 80


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    args = _parser().parse_args(argv)
    if args.width is not None and args.width < 1:
        raise UsageError(
            f"--width: {args.width} is no width, expected a number of columns or pixels, for example 100"
        )
    given = read_scenes(args)
    if len(given.scenes) > 1 and (args.format != _PAGE or args.live is not None):
        raise UsageError(
            f"{len(given.scenes)} scenes: a map shows one; --format html shows several of a board"
        )
    if args.format in FORMS and args.output in (None, STDOUT):
        raise UsageError(f"--format {args.format} is not for a terminal: name a file with -o FILE")
    _check_trace(args)
    shown = _live(args, given) if args.live is not None else _given(args, given)
    inputs = (
        *([args.board] if args.board else []),
        *([args.pool_trace] if args.pool_trace else []),
        *given.inputs,
    )
    if args.format in FORMS:
        from carveout.report.picture_files import convert

        write_bytes(convert(_picture(shown, args), args.format), args.output, inputs=inputs)
    else:
        write(_render(shown, args), args.output, inputs=inputs)
    return 0


def _check_trace(args: Namespace) -> None:
    if args.pool_trace is None:
        if args.pool is not None:
            raise UsageError("--pool goes with --pool-trace TRACE")
        return
    if args.format != _PAGE:
        raise UsageError(
            "--pool-trace is drawn with --format html; alone, 'carveout pool replay TRACE --board BOARD' shows it "
            "as text, and as a picture with --format svg"
        )
    if args.pool_trace == STDOUT:
        raise UsageError("--pool-trace: expected the name of a file, since it is read for each scene")


class _Shown(NamedTuple):
    # What is shown: a board, and its boot in each scene.
    title: str
    board: Board
    scenes: tuple[NamedScene, ...]
    boots: tuple[Boot, ...]


def _given(args: Namespace, given: ScenesInput) -> _Shown:
    if args.board is None:
        raise UsageError("the following arguments are required: BOARD; see 'carveout map --help'")
    loaded = load_board(args.board, given.overlays)
    board = read_board(loaded.tree, is_made_here=loaded.is_made_here)
    boots = tuple(boot(board, named.scene) for named in given.scenes)
    return _Shown(_title(loaded.name, board.model), board, given.scenes, boots)


def _live(args: Namespace, given: ScenesInput) -> _Shown:
    if args.board is not None:
        raise UsageError(f"BOARD '{args.board}' and --live say the same thing: give one of them")
    from carveout.cli.live import read_live
    from carveout.observe.machine import observe, told

    live = read_live(args.live)
    board = read_board(load_board(live.board, given.overlays).tree)
    (named,) = given.scenes
    observed = observe(board, live.capture, named.scene)
    result = told(boot(board, observed.scene), observed)
    scenes = (named._replace(scene=observed.scene),)
    return _Shown(_title(live.name, board.model), board, scenes, (result,))


def _title(name: str, model: str | None) -> str:
    return f"{name} ({model[:_MAX_MODEL]})" if model else name


def _parser() -> Parser:
    parser = Parser("map", summary=_SUMMARY, notes=_NOTES)
    parser.add_argument(
        "board", nargs="?", metavar="BOARD", help=".dtb, .dts, - for standard input, or /sys/firmware/fdt"
    )
    parser.add_argument(
        "--format",
        choices=("text", "json", "svg", _PAGE, *FORMS),
        default="text",
        help="default: text; html needs carveout[html], png and pdf carveout[pictures]",
    )
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
    parser.add_argument(
        "--pool-trace",
        metavar="TRACE",
        help="with --format html: the pools while this trace ran, replayed in each scene; forms as of 'pool replay'",
    )
    parser.add_argument("--pool", metavar="NAME", help="with --pool-trace: this pool only")
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    add_live_option(parser)
    add_several_scenes(parser)
    return parser


def _render(shown: _Shown, args: Namespace) -> str:
    if args.format == _PAGE:
        return _page(shown, args)
    title, (result,) = shown.title, shown.boots
    if args.format == "json":
        from carveout.report.map_json import render_json

        return render_json(result, with_trace=args.trace)
    if args.format == "svg":
        return _picture(shown, args)
    from carveout.report.map_text import render_text

    to_file = args.output not in (None, STDOUT)
    place = terminal(colour=args.color, width=args.width, to_file=to_file)
    return render_text(result, title=title, terminal=place, show_all=args.all)


def _picture(shown: _Shown, args: Namespace) -> str:
    from carveout.report.map_svg import render_svg
    from carveout.report.svg_frame import WIDE, frame_for

    frame = frame_for(args.width) if args.width else WIDE
    return render_svg(shown.boots[0], title=shown.title, frame=frame)


def _page(shown: _Shown, args: Namespace) -> str:
    from carveout.check.registry import all_rules
    from carveout.check.run import check_board
    from carveout.report.html.map_page import View, render_map_page

    checked = check_board(shown.board, shown.scenes, all_rules(), file=shown.title)
    views = [View(named.name, result) for named, result in zip(shown.scenes, shown.boots, strict=True)]
    if args.pool_trace is not None:
        from carveout.cli.map_pools import scene_pools

        found = scene_pools(shown.boots, args.pool_trace, args.pool)
        views = [
            view._replace(pools=pools.runs, no_pools=pools.missing)
            for view, pools in zip(views, found, strict=True)
        ]
    return render_map_page(views, title=shown.title, findings=checked.findings)
