# SPDX-License-Identifier: Apache-2.0
"""`carveout pin`: dynamic regions get the `reg` that the kernel would give them."""

from __future__ import annotations

from carveout.change.pin import pin
from carveout.cli.boards import load_board
from carveout.cli.change_output import add_change_options, read_change_files, say, write_change, written
from carveout.cli.parser import Parser
from carveout.cli.several_scenes import add_several_scenes, read_scenes
from carveout.errors import UsageError
from carveout.report.pin_text import notes_of, render_json, render_text, title_of

_SUMMARY = "Give dynamic regions the place that the kernel would choose, and prove it by booting the result."

_NOTES = """\
A REGION is a path, a node's name or a label; without one all dynamic regions are pinned. Only `reg` is added: names
and all other properties stay, and so does every other byte. With several kernels, page sizes or memory variants
(--kernel, --page-size, --memory-variant, each repeatable) every region gets one place that is good in all scenes, or
it is said why there is none, and nothing is written.

examples:
  carveout pin board.dtb -o pinned.dtb --kernel 6.12 --dtb-at 0x48000000 --kernel-image 0x40200000+0x24f0000
  carveout pin board.dtb -o pinned.dtb --memory-variant 1G@0x40000000 --memory-variant 4G@0x40000000
  carveout pin board.dts vpu_pool --write-dts vpu.dtsi --write-overlay vpu.dtso

exit codes: 0 done; 1 it cannot be done, and why; 2 usage; 3 input that cannot be read; 70 a bug in carveout
"""


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    args = _parser().parse_args(argv)
    given = read_scenes(args)
    if given.overlays:
        raise UsageError("pin changes one tree: leave --overlay out, or write the merged tree first")
    files = read_change_files(args, inputs=given.inputs)
    loaded = load_board(args.board, include_dirs=args.include)
    result = pin(loaded.tree, given.scenes, args.regions, is_made_here=loaded.is_made_here)
    names: tuple[str, ...] | None = None
    if result.proposal is not None:
        names = write_change(
            files,
            result.proposal,
            loaded,
            notes=notes_of(result),
            title=title_of(result),
            include_dirs=args.include,
        )
    if args.format == "json":
        say(files, render_json(result))
    else:
        say(files, render_text(result, name=loaded.name) + written(files, names))
    return 0 if result.proposal is not None else 1


def _parser() -> Parser:
    parser = Parser("pin", summary=_SUMMARY, notes=_NOTES)
    add = parser.add_argument
    add("board", metavar="BOARD", help=".dtb, .dts, or - for standard input")
    add("regions", metavar="REGION", nargs="*", help="what to pin (default: every dynamic region)")
    add("--format", choices=("text", "json"), default="text", help="of what is said; default: text")
    add("-I", "--include", metavar="DIR", action="append", default=[], help="folder of files a .dts includes")
    add_change_options(parser)
    add_several_scenes(parser)
    return parser
