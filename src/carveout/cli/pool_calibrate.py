# SPDX-License-Identifier: Apache-2.0
"""`carveout pool calibrate`: what allocations cost on a machine, by a recording of it."""

from __future__ import annotations

from carveout.cli.output import write
from carveout.cli.parser import Parser
from carveout.cli.pool_input import add_trace_options, read_trace
from carveout.cli.pool_options import add_output_options
from carveout.errors import InputError, TraceError

_SUMMARY = (
    "Find what an attempt, a free page and a moved page cost on the machine that a trace was recorded on."
)

_NOTES = """\
The trace needs the events mm_migrate_pages and cma (6.1 or later), recorded while movable memory fills the area. Times are in
microseconds by the recording's clock. `pool replay --calibration A,F,M --unit us` takes the answer.

examples:
  carveout pool calibrate trace.txt

exit codes: 0 answered; 2 usage; 3 input that cannot be read, or does not tell the cost; 70 a bug in carveout
"""


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    parser = Parser("pool calibrate", summary=_SUMMARY, notes=_NOTES)
    add_output_options(parser, formats=("text", "json"))
    add_trace_options(parser)
    args = parser.parse_args(argv)
    found = read_trace(args, needs_size=False)
    from carveout.pool.calibrate import fit, observed
    from carveout.report.pool_calibrate import render_json, render_text

    try:
        result = fit(observed(found.trace))
    except TraceError as error:
        raise InputError(f"{found.title}: {error}") from error
    render = render_json if args.format == "json" else render_text
    write(render(result, title=found.title), args.output, inputs=found.inputs)
    return 0
