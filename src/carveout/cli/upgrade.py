# SPDX-License-Identifier: Apache-2.0
"""`carveout upgrade`: the names and layouts of 2013 become today's binding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.change.upgrade import upgrade
from carveout.cli.boards import load_board
from carveout.cli.change_output import add_change_options, read_change_files, say, write_change, written
from carveout.cli.parser import Parser
from carveout.cli.several_scenes import add_several_scenes, read_scenes
from carveout.errors import UsageError
from carveout.report.upgrade_text import notes_of, render_json, render_text, title_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_SUMMARY = "Rewrite reserved memory in the words of 2013 and of other drafts in those of today's binding."

_NOTES = """\
Regions below the memory node or at the root move into /reserved-memory, names and flags become those of today, devices
that refer to regions too. What has no one equivalent is asked, never guessed: the questions are listed with the
answers they take, and nothing is written until each has one. The result is booted before it is written.

examples:
  carveout upgrade old.dtb -o new.dtb
  carveout upgrade old.dtb -o new.dtb --answer /reserved-memory/qman=fsl,qman-fqd
  carveout upgrade old.dts --write-dts changes.dtsi

exit codes: 0 done; 1 something is left to be done by hand (the rest is written), or today's kernel would not keep a
region (nothing is); 2 usage, or a question is open; 3 input that cannot be read; 70 a bug in carveout
"""

EXIT_CLEAN, EXIT_FINDINGS, EXIT_USAGE = 0, 1, 2


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    args = _parser().parse_args(argv)
    answers = _answers(args.answer)
    given = read_scenes(args)
    if given.overlays:
        raise UsageError("upgrade changes one tree: leave --overlay out, or write the merged tree first")
    files = read_change_files(args, inputs=given.inputs)
    loaded = load_board(args.board, include_dirs=args.include)
    result = upgrade(loaded.tree, given.scenes, answers, is_made_here=loaded.is_made_here)
    names: tuple[str, ...] | None = None
    if result.is_done:
        names = write_change(
            files,
            result.proposal,
            loaded,
            notes=notes_of(result),
            title=title_of(),
            include_dirs=args.include,
        )
    if args.format == "json":
        say(files, render_json(result))
    else:
        say(files, render_text(result, given.scenes, name=loaded.name) + written(files, names))
    if result.questions:
        return EXIT_USAGE
    return EXIT_FINDINGS if result.reasons or result.left else EXIT_CLEAN


def _answers(texts: Sequence[str]) -> list[tuple[str, str]]:
    found = []
    for text in texts:
        path, equals, choice = text.rpartition("=")
        if not equals or not path.startswith("/") or not choice:
            raise UsageError(
                f"--answer: cannot read '{text}': expected NODE=CHOICE, with the path of the node"
            )
        found.append((path, choice))
    return found


def _parser() -> Parser:
    parser = Parser("upgrade", summary=_SUMMARY, notes=_NOTES)
    add = parser.add_argument
    add("board", metavar="BOARD", help=".dtb, .dts, or - for standard input")
    add(
        "--answer",
        metavar="NODE=CHOICE",
        action="append",
        default=[],
        help="what to do with a node about which something is asked; repeatable",
    )
    add("--format", choices=("text", "json"), default="text", help="of what is said; default: text")
    add("-I", "--include", metavar="DIR", action="append", default=[], help="folder of files a .dts includes")
    add_change_options(parser)
    add_several_scenes(parser)
    return parser
