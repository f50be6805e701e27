# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH113
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""`carveout explain`: why memory of a board is as it is; or the page of a rule, or of a message of the kernel."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from carveout.cli.files import STDIN
from carveout.cli.live_option import add_live_option
from carveout.cli.output import STDOUT, terminal, write
from carveout.cli.parser import Parser
from carveout.cli.scene_options import add_scene_options, is_scene_given, read_scene
from carveout.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from carveout.board import Board
    from carveout.boot.scene import Scene
    from carveout.explain.model import Explanation

_SUMMARY = (
    "Explain what becomes of a region, a device, an address; or a rule, or a message that the kernel prints."
)

_NOTES = """\
With a BOARD (.dtb, .dts, - for standard input), WHAT is one of
  a region           linux,cma  /reserved-memory/linux,cma  &cma_pool
  a device           /soc/video-codec@5000000  &vpu
  an address         0x7f600000
  a span             0x7f000000-0x80000000 (without the end)  0x7f000000+16M  0x7f000000..0x7fffffff
  the default pool   default cma

Without a board, WHAT is the code or slug of a rule, `rules`, `messages`, or a message: the whole line of a log
with its time stamp, or the part that one remembers.

examples:
  carveout explain board.dtb linux,cma --kernel 6.12 --memory 1G@0x40000000
  carveout explain board.dtb 0x5a000000 --steps
  carveout explain --live default cma
  carveout explain CV101
  carveout explain "failed to allocate memory for node"

exit codes: 0 an answer was given; 2 usage, also when the board has nothing called WHAT; 3 input that cannot be
read; 70 a bug in carveout
"""

_BOARD_ENDS = (".dtb", ".dts", ".dtbo", ".dtso")
_MAX_MODEL = 80


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    args = _parser().parse_args(argv)
    words: list[str] = args.what
    if args.live is not None:
        _explain_board(args, None, " ".join(words))
    elif words and _is_board(words[0]):
        _explain_board(args, words[0], " ".join(words[1:]))
    else:
        _explain_text(args, " ".join(words))
    return 0


def _parser() -> Parser:
    parser = Parser("explain", summary=_SUMMARY, notes=_NOTES)
    parser.add_argument(
        "what",
        metavar="[BOARD] WHAT",
        nargs="*",
        help="a board and what to explain of it; or a rule or a message",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE, whole or not at all")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    parser.add_argument("--steps", action="store_true", help="everything: all ranges, steps and log lines")
    parser.add_argument(
        "--width", type=int, metavar="N", help="columns of text (default: the terminal's, else 100)"
    )
    parser.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    add_live_option(parser)
    add_scene_options(parser)
    return parser


def _is_board(word: str) -> bool:
    return word == STDIN or word.endswith(_BOARD_ENDS) or os.path.isfile(word)


# ---- a board --------------------------------------------------------------------------------------------------
def _explain_board(args: Namespace, board: str | None, what: str) -> None:
    if args.width is not None and args.width < 1:
        raise UsageError(f"--width: {args.width} is no width, expected a number of columns, for example 100")
    if not what.strip():
        from carveout.explain.target import WHAT_HELP

        raise UsageError(f"{board or '--live'}: it is not said what to explain; {WHAT_HELP}")
    from carveout.explain.answer import explain

    given = read_scene(args)
    name, read, scene = _read_board(args, board, given.overlays, given.scene)
    answer = explain(read, scene, what)
    inputs = (*([board] if board else []), *given.inputs)
    write(
        _render(answer, args, f"{name} ({read.model[:_MAX_MODEL]})" if read.model else name),
        args.output,
        inputs=inputs,
    )


def _read_board(
    args: Namespace, path: str | None, overlays: tuple[str, ...], scene: Scene
) -> tuple[str, Board, Scene]:
    from carveout.board import read_board
    from carveout.cli.boards import load_board

    if path is not None:
        loaded = load_board(path, overlays)
        return loaded.name, read_board(loaded.tree, is_made_here=loaded.is_made_here), scene
    from carveout.cli.live import read_live
    from carveout.observe.machine import observe

    live = read_live(args.live)
    board = read_board(load_board(live.board, overlays).tree)
    return live.name, board, observe(board, live.capture, scene).scene


def _render(answer: Explanation, args: Namespace, title: str) -> str:
    if args.format == "json":
        from carveout.report.explain_board_json import render_explanation_json

        return render_explanation_json(answer)
    from carveout.report.explain_board_text import render_explanation

    to_file = args.output not in (None, STDOUT)
    place = terminal(colour=args.color, width=args.width, to_file=to_file)
    return render_explanation(answer, title=title, terminal=place, with_steps=args.steps)


# ---- a rule or a message --------------------------------------------------------------------------------------
def _explain_text(args: Namespace, text: str) -> None:
    if not text.strip():
        raise UsageError("it is not said what to explain; see 'carveout explain --help'")
    if is_scene_given(args) or args.steps or args.format != "text":
        raise UsageError(
            f"'{text}' is no board file: a scene, --steps and --format need one, "
            "for example carveout explain board.dtb linux,cma"
        )
    write(_page(text), args.output)


def _page(text: str) -> str:
    from carveout.check.explain import all_pages, find
    from carveout.check.registry import all_rules
    from carveout.report.explain_text import message_list, render_topic, rule_list
    from carveout.report.words import safe

    if text.strip().lower() == "rules":
        return rule_list(all_rules())
    if text.strip().lower() == "messages":
        return message_list(all_pages())
    of_firmware = _amp_code(text.strip())
    if of_firmware is not None:
        return of_firmware
    answer = find(text)
    if answer.topic is None:
        near = f"; nearest: {', '.join(answer.near)}" if answer.near else ""
        raise UsageError(
            f"no rule or message is known as '{safe(text)}'{near}; "
            "see 'carveout explain rules' and 'carveout explain messages'"
        )
    return render_topic(answer.topic)


def _amp_code(text: str) -> str | None:
    # The codes of `carveout amp` have a line each, not a page.
    from carveout.amp.codes import CODES

    for code, (slug, summary) in CODES.items():
        if text.upper() == code or text.lower() == slug:
            return f"{code} {slug}: {summary}\n\nFound by `carveout amp`; docs/amp.md says what is compared with what.\n"
    return None
