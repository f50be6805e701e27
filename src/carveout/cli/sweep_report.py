# SPDX-License-Identifier: Apache-2.0
"""`carveout sweep report`: the usual questions about the results of a sweep, as text or as a page."""

from __future__ import annotations

from carveout.cli.output import write
from carveout.cli.parser import Parser
from carveout.cli.sweep_files import Source
from carveout.errors import UsageError
from carveout.sweep.answers import answer, pairs_of

_SUMMARY = (
    "Say what the results of a sweep show: what breaks, what does not fit, who keeps most, rules by count."
)

_NOTES = """\
A scene is named by its words, in any order: --from 6.12 --to 7.2 compares each scene of kernel 6.12 with the one of 7.2
that has the same page size, RAM and command line.

examples:
  carveout sweep report results.jsonl
  carveout sweep report results.jsonl --from 6.12 --to 7.2
  carveout sweep report results/ --from '6.12 4K' --to '6.12 16K' --format html -o report.html
  carveout sweep report results.jsonl --fit 1G
"""


def run(argv: list[str]) -> int:
    """Run `report` and return the exit code."""
    parser = Parser("sweep report", summary=_SUMMARY, notes=_NOTES)
    add = parser.add_argument
    add("results", metavar="RESULTS", help="JSON lines, or a folder of Parquet files")
    add("--from", dest="before", metavar="SCENE", help="what breaks between this ...")
    add("--to", dest="after", metavar="SCENE", help="... and this")
    add("--fit", metavar="SCENE", default="", help="what does not fit in these scenes only, such as 1G")
    add("--most", metavar="N", type=int, default=40, help="entries of one question; 0: all (default: 40)")
    add("--format", choices=("text", "html"), default="text", help="default: text")
    add("-o", "--output", metavar="FILE", help="write to FILE, whole or not at all")
    args = parser.parse_args(argv)
    if (args.before is None) != (args.after is None):
        raise UsageError("--from and --to go together")
    source = Source(args.results)
    known = ", ".join(source.scenes)
    pairs = pairs_of(source.scenes, args.before, args.after) if args.before is not None else ()
    if args.before is not None and not pairs:
        raise UsageError(
            f"--from {args.before} --to {args.after}: no two scenes differ in that alone; there are: {known}"
        )
    fit = args.fit.split()
    if fit and not any(set(fit) <= set(scene.split()) for scene in source.scenes):
        raise UsageError(f"--fit {args.fit}: no scene has this name; there are: {known}")
    answers = answer(source.scenes, source.boards(), pairs=pairs, fit=fit)
    if args.format == "html":
        from carveout.report.html.sweep_page import render_sweep_page

        text = render_sweep_page(answers, title=args.results)
    else:
        from carveout.report.sweep_text import render_sweep

        text = render_sweep(answers, most=args.most)
    write(text, args.output, inputs=(args.results,))
    return 0
