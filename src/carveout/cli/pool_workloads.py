# SPDX-License-Identifier: Apache-2.0
"""`carveout pool workloads`: ready sequences of requests, the sums behind them, and the requests themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.cli.output import write
from carveout.cli.parser import Parser
from carveout.cli.pool_input import add_trace_options, read_trace
from carveout.cli.pool_options import add_output_options, terminal_of
from carveout.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

_SUMMARY = "List ready workloads, show the sums behind one, or write its requests as JSON lines."

_NOTES = """\
examples:
  carveout pool workloads
  carveout pool workloads hevc-4k --references 4
  carveout pool workloads pipeline-4k --format jsonl --board board.dtb -o pipeline.jsonl

exit codes: 0 shown; 2 usage
"""


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    parser = Parser("pool workloads", summary=_SUMMARY, notes=_NOTES)
    add_output_options(parser, formats=("text", "json", "jsonl"))
    add_trace_options(parser)
    args = parser.parse_args(argv)
    write(_text(args), args.output)
    return 0


def _text(args: Namespace) -> str:
    from carveout.pool.workloads import find_workload, workloads
    from carveout.report import pool_workloads
    from carveout.report.pool_json import render_workloads

    place = terminal_of(args)
    names = [*([args.trace] if args.trace else []), *args.workload]
    if args.format == "jsonl":
        if not names:
            raise UsageError("--format jsonl writes the requests of a workload: which one?")
        from carveout.pool.jsonl import trace_lines

        args.trace, args.workload = None, names
        return "".join(f"{line}\n" for line in trace_lines(read_trace(args).trace))
    chosen = [find_workload(name, args.references) for name in names]
    if args.format == "json":
        return render_workloads(chosen or workloads(args.references).values())
    if not chosen:
        return pool_workloads.render_list(list(workloads(args.references).values()), terminal=place)
    return "\n".join(pool_workloads.render_one(workload, terminal=place) for workload in chosen)
