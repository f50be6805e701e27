# SPDX-License-Identifier: Apache-2.0
"""`carveout place`: where a new region can go, tried in every scene asked for, and what to add to the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.change.lab import MOST_BOOTS, Lab
from carveout.change.place import ANSWERS, place
from carveout.change.source import source_of
from carveout.cli.boards import load_board
from carveout.cli.change_output import add_change_options, read_change_files, say, write_change, written
from carveout.cli.main import EXIT_CLEAN, EXIT_FINDINGS
from carveout.cli.numbers import read_boots, read_count
from carveout.cli.output import terminal
from carveout.cli.parser import Parser
from carveout.cli.place_request import add_request_options, read_requests
from carveout.cli.several_scenes import add_several_scenes, read_scenes
from carveout.errors import EditError, UsageError
from carveout.fdt.labels import SYMBOLS_PATH
from carveout.fdt.tree import decode
from carveout.span import Span
from carveout.units import format_range
from carveout.values import replace

if TYPE_CHECKING:
    from argparse import Namespace

    from carveout.change.place import Placement
    from carveout.change.proposal import Proposal
    from carveout.change.request import Request
    from carveout.cli.boards import LoadedBoard
    from carveout.cli.change_output import ChangeFiles
    from carveout.fdt import Tree

_SUMMARY = "Show where a new region of reserved memory can go, best first, and what to add to the tree."

_NOTES = """\
Every answer was booted with the region in it, in all scenes: the region is there, and all that worked still
works. What moves is said. Several scenes, kernels, page sizes or variants of RAM ask for one place good for all.

examples:
  carveout place board.dtb --size 64M --for /soc/vpu --reusable --kernel 6.12 --dtb-at 0x48000000
  carveout place board.dtb --size 16M --no-map --within 0x80000000-0xa0000000 --in-all-scenes
  carveout place board.dtb --request size=64M,for=/soc/vpu,reusable --request size=1M,no-map,name=scp
  carveout place board.dts --size 32M --name camera --choose 2 -o new.dts

exit codes: 0 there is a place; 1 there is none; 2 usage; 3 input that cannot be read; 70 a bug in carveout
"""

_MAX_MODEL = 80
_MOST_ANSWERS = 20


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    args = _parser().parse_args(argv)
    requests = read_requests(args)
    answers = read_count("--answers", args.answers, ANSWERS, _MOST_ANSWERS)
    chosen = read_count("--choose", args.choose, 1, _MOST_ANSWERS)
    most = read_boots(args.boots)
    kernels, pages = bool(args.kernel), bool(args.page_size)
    asked = read_scenes(args)
    files = read_change_files(args, inputs=asked.inputs)
    _refuse_overlay(asked.overlays, files)
    loaded = load_board(args.board, asked.overlays)
    scenes = asked.scenes
    if args.in_all_scenes:
        from carveout.board import read_board
        from carveout.cli.all_scenes import widened

        scenes = widened(read_board(loaded.tree), scenes, kernels_named=kernels, pages_named=pages)
    lab = Lab(loaded.tree, scenes, most=most, is_made_here=loaded.is_made_here)
    placement = place(
        lab, [_with_path(request, loaded.tree) for request in requests], answers=max(answers, chosen)
    )
    if placement.answers and chosen > len(placement.answers):
        raise UsageError(f"--choose {chosen}: there are {len(placement.answers)} answers")
    proposal = placement.answers[chosen - 1].proposal if placement.answers else None
    names = _write(files, placement, proposal, loaded, chosen) if proposal is not None else None
    text = _render(args, placement, loaded, lab, proposal, chosen)
    say(files, text if args.format == "json" else text + written(files, names))
    return EXIT_CLEAN if placement.answers else EXIT_FINDINGS


def _parser() -> Parser:
    parser = Parser("place", summary=_SUMMARY, notes=_NOTES)
    add = parser.add_argument
    add("board", metavar="BOARD", help=".dtb, .dts, - for standard input, or /sys/firmware/fdt")
    add_request_options(parser)
    add(
        "--in-all-scenes",
        action="store_true",
        help="good for every booted kernel and page size not named here",
    )
    add("--answers", metavar="N", help=f"how many answers (default: {ANSWERS})")
    add("--choose", metavar="N", help="the answer that is written (default: 1, the best)")
    add(
        "--boots",
        metavar="N",
        help=f"how many boots the search may cost (default: {MOST_BOOTS}, fewer for large trees)",
    )
    add("--format", choices=("text", "json"), default="text", help="default: text")
    add("--width", type=int, metavar="N", help="columns of text (default: the terminal's, else 100)")
    add("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    add_change_options(parser)
    add_several_scenes(parser)
    return parser


def _with_path(request: Request, tree: Tree) -> Request:
    # `&label` stands for what /__symbols__ says it is.
    label = (request.device or "").removeprefix("&")
    if label == (request.device or ""):
        return request
    symbols = tree.node(SYMBOLS_PATH)
    found = symbols.prop(label) if symbols is not None else None
    if found is None:
        raise UsageError(f"there is no label '{label}' in the tree; give the path of the device")
    return replace(request, device=decode(found.value.rstrip(b"\0")))


def _refuse_overlay(overlays: tuple[str, ...], files: ChangeFiles) -> None:
    if overlays and (files.output is not None or files.in_place):
        raise UsageError("--overlay with -o would write the overlay into the board too: merge it first")


def _write(
    files: ChangeFiles, placement: Placement, proposal: Proposal, loaded: LoadedBoard, chosen: int
) -> tuple[str, ...]:
    layout = placement.answers[chosen - 1].layout
    places = [
        f"{wanted.name} at {format_range(Span.sized(base, wanted.size))}"
        for wanted, base in zip(placement.wanted, layout, strict=True)
    ]
    title = f"Placed by carveout for {', '.join(placement.scenes)}: {'; '.join(places)}"
    return write_change(files, proposal, loaded, title=title)


def _render(
    args: Namespace,
    placement: Placement,
    loaded: LoadedBoard,
    lab: Lab,
    proposal: Proposal | None,
    chosen: int,
) -> str:
    addition = ""
    if proposal is not None:
        try:
            addition = source_of(proposal, from_source=loaded.source is not None)
        except EditError as error:
            addition = f"/* cannot be given as text: {error} */\n"
    if args.format == "json":
        from carveout.report.place_json import render_place_json

        return render_place_json(placement, chosen=chosen, addition=addition)
    from carveout.report.place_text import render_place_text

    model = lab.base.board.model
    title = f"{loaded.name} ({model[:_MAX_MODEL]})" if model else loaded.name
    place_of = terminal(colour=args.color, width=args.width, to_file=False)
    return render_place_text(placement, title=title, terminal=place_of, chosen=chosen, addition=addition)
