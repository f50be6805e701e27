# SPDX-License-Identifier: Apache-2.0
"""`carveout fit`: how far each request could grow, how little RAM is enough, what stands in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.change.fit import RAM_STEP, fit
from carveout.change.lab import MOST_BOOTS, Lab
from carveout.cli.boards import load_board
from carveout.cli.numbers import read_boots
from carveout.cli.output import STDOUT, terminal, write
from carveout.cli.parser import Parser
from carveout.cli.several_scenes import add_several_scenes, read_scenes
from carveout.errors import SceneError, UsageError
from carveout.units import format_size, parse_size

if TYPE_CHECKING:
    from argparse import Namespace

    from carveout.change.fit import Fit

_SUMMARY = (
    "Show how well the requests of a board fit: what could grow, the least RAM, what stands in the way."
)

_NOTES = """\
By booting: with other sizes, with less RAM, with static regions elsewhere. What holds in several scenes (more than one
--kernel, --page-size or --memory-variant) is what holds in all of them.

examples:
  carveout fit board.dtb --kernel 6.12 --kernel-image 0x40200000+0x24f0000 --dtb-at 0x48000000
  carveout fit board.dtb --kernel 6.1 --kernel 7.2 --memory 1G@0x40000000 --format json

exit codes: 0 it was searched; 2 usage; 3 input that cannot be read; 70 a bug in carveout
"""

_MAX_MODEL = 80
_LEAST_STEP = 4096


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    args = _parser().parse_args(argv)
    most = read_boots(args.boots)
    step = _step(args.step)
    asked = read_scenes(args)
    loaded = load_board(args.board, asked.overlays)
    lab = Lab(loaded.tree, asked.scenes, most=most, is_made_here=loaded.is_made_here)
    found = fit(lab, ram_step=step)
    model = lab.base.board.model
    title = f"{loaded.name} ({model[:_MAX_MODEL]})" if model else loaded.name
    write(_render(args, found, title), args.output, inputs=(args.board, *asked.inputs))
    return 0


def _parser() -> Parser:
    parser = Parser("fit", summary=_SUMMARY, notes=_NOTES)
    add = parser.add_argument
    add("board", metavar="BOARD", help=".dtb, .dts, - for standard input, or /sys/firmware/fdt")
    add("--step", metavar="SIZE", help=f"RAM is made smaller by this (default: {format_size(RAM_STEP)})")
    add(
        "--boots",
        metavar="N",
        help=f"how many boots the search may cost (default: {MOST_BOOTS}, fewer for large trees)",
    )
    add("--format", choices=("text", "json"), default="text", help="default: text")
    add("-o", "--output", metavar="FILE", help="write to FILE, whole or not at all; - for stdout")
    add("--width", type=int, metavar="N", help="columns of text (default: the terminal's, else 100)")
    add("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    add_several_scenes(parser)
    return parser


def _step(text: str | None) -> int:
    if text is None:
        return RAM_STEP
    try:
        step = parse_size(text)
    except SceneError as error:
        raise UsageError(f"--step: {error}") from error
    if step < _LEAST_STEP or step % _LEAST_STEP:
        raise UsageError(f"--step {text}: expected a multiple of 4 KiB, for example 16M")
    return step


def _render(args: Namespace, found: Fit, title: str) -> str:
    if args.format == "json":
        from carveout.report.fit_json import render_fit_json

        return render_fit_json(found)
    from carveout.report.fit_text import render_fit_text

    to_file = args.output not in (None, STDOUT)
    place = terminal(colour=args.color, width=args.width, to_file=to_file)
    return render_fit_text(found, title=title, terminal=place)
