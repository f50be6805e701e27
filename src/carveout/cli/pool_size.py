# SPDX-License-Identifier: Apache-2.0
"""`carveout pool size`: the smallest pool for a trace, and what to write into the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.cli.output import STDOUT, write, write_bytes
from carveout.cli.parser import Parser
from carveout.cli.pool_input import add_trace_options, read_trace
from carveout.cli.pool_options import add_output_options, add_policy_option, chosen_pools, terminal_of
from carveout.cli.progress import Progress
from carveout.errors import SceneError, UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from carveout.cli.pool_input import PoolInput
    from carveout.pool.advice import Advice, Headroom

_SUMMARY = (
    "Find the smallest pool that serves a trace without a failure, and the property to write into the tree."
)

_NOTES = """\
Under first-fit, the kernel's policy, the answer is the highest page that a pool without end uses, rounded up to what
an area must be a multiple of; for other policies sizes are tried. It is checked: one step less fails.

examples:
  carveout pool size trace.txt --board board.dtb --headroom 20%
  carveout pool size --workload hevc-4k --workload display-4k-triple
  carveout pool size trace.txt --board board.dtb --write new.dtb

exit codes: 0 answered; 1 the board does not boot with the new size, or the pool finds no room; 2 usage; 3 input that
cannot be read; 70 a bug in carveout
"""


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    parser = Parser("pool size", summary=_SUMMARY, notes=_NOTES)
    add_output_options(parser, formats=("text", "json"))
    add_policy_option(parser)
    parser.add_argument("--headroom", metavar="SHARE", help="added to the smallest size: 20%% or 16M")
    parser.add_argument(
        "--write",
        metavar="FILE",
        help="with --board: write the tree with the new size, if it boots with it; - for stdout",
    )
    add_trace_options(parser)
    args = parser.parse_args(argv)
    place = terminal_of(args)
    headroom = _headroom(args.headroom)
    if args.write is not None and args.board is None:
        raise UsageError("--write needs --board FILE, the tree to write again")
    found = read_trace(args, needs_size=False)
    advices = _advices(found, args, headroom)
    tree, code, blob, cells = _tree(found, advices)
    if args.format == "json":
        from carveout.report.pool_size import render_json

        text = render_json(advices, found.trace, title=found.title, cells=cells)
    else:
        from carveout.report.pool_size import render_text

        text = render_text(
            advices,
            found.trace,
            title=found.title,
            terminal=place,
            cells=cells,
            tree=tree,
            has_present=not found.is_nominal,
        )
    if args.write == STDOUT and args.output in (None, STDOUT):
        raise UsageError("--write - and the answer would both go to standard output: give one of them a file")
    if blob is not None and args.write is not None:
        write_bytes(blob, args.write, inputs=found.inputs)
    write(text, args.output, inputs=found.inputs)
    return code


def _headroom(text: str | None) -> Headroom:
    from carveout.pool.advice import Headroom, parse_headroom

    if text is None:
        return Headroom()
    try:
        return parse_headroom(text)
    except SceneError as error:
        raise SceneError(f"--headroom: {error}") from error


def _advices(found: PoolInput, args: Namespace, headroom: Headroom) -> list[Advice]:
    from carveout.pool.advice import advise
    from carveout.pool.sizing import ALLOCATES, size_pool

    trace = found.trace
    asked = {request.pool for request in trace.requests if request.op in ALLOCATES}
    pools = [
        pool for pool in chosen_pools(trace.header, args.pool) if args.pool is not None or pool.id in asked
    ]
    advices = []
    with Progress("requests done") as progress:
        for pool in pools:
            need = size_pool(trace, pool.id, policy=args.policy, progress=progress)
            advices.append(advise(need, trace.header, headroom))
    return advices


def _tree(found: PoolInput, advices: list[Advice]) -> tuple[list[str], int, bytes | None, int]:
    # What the board's own boot says about the new sizes: lines, exit code, the new tree, #size-cells.
    from carveout.change.resize import resize, size_cells_of

    if found.board is None or found.scene is None:
        return [], 0, None, 2
    cells = size_cells_of(found.board.tree)
    changes = {}
    lines = []
    for advice in advices:
        region = next((pool for pool in found.regions if pool.spec.id == advice.need.pool.id), None)
        if region is None or region.path is None:
            lines.append(
                f"{advice.need.pool.name}: is not made from a region of the tree: cma={advice.size >> 20}M on the "
                "kernel command line, or a linux,cma-default region, sets its size"
            )
        else:
            changes[region.path] = advice.size
    if not changes:
        return lines, 0, None, cells
    tried = resize(found.board.tree, found.scene, changes, cells=cells, is_made_here=found.board.is_made_here)
    return [*lines, *tried.lines], 0 if tried.works else 1, tried.blob if tried.works else None, cells
