# SPDX-License-Identifier: Apache-2.0
"""`carveout pool compare`: the same requests on several kernels, page sizes, policies and sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.cli.output import write
from carveout.cli.parser import Parser
from carveout.cli.pool_input import add_trace_options, read_trace
from carveout.cli.pool_options import add_output_options, terminal_of
from carveout.cli.progress import Progress
from carveout.errors import SceneError, UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from carveout.cli.pool_input import PoolInput
    from carveout.pool.trace import PoolSpec
    from carveout.pool.variants import Outcome

_SUMMARY = (
    "Set kernels, page sizes, policies and sizes side by side: failures, peak, and the smallest size of each."
)

_NOTES = """\
Lists are separated by commas; every combination is one row. What is not given is as in the trace.

examples:
  carveout pool compare trace.txt --kernels 5.10,6.12,7.2
  carveout pool compare --workload pipeline-4k --page-sizes 4K,16K,64K --policies first-fit,best-fit
  carveout pool compare trace.txt --sizes 128M,192M,256M --format svg -o sizes.svg

exit codes: 0 compared; 2 usage; 3 input that cannot be read; 70 a bug in carveout
"""


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    parser = Parser("pool compare", summary=_SUMMARY, notes=_NOTES)
    add_output_options(parser, formats=("text", "json", "svg"))
    parser.add_argument("--kernels", metavar="LIST", help="for example 5.10,6.12,7.2")
    parser.add_argument("--page-sizes", metavar="LIST", help="for example 4K,16K,64K")
    parser.add_argument(
        "--policies", metavar="LIST", help="of first-fit, best-fit, top-down, next-fit; or all"
    )
    parser.add_argument("--sizes", metavar="LIST", help="of the pool, for example 128M,256M")
    parser.add_argument("--no-smallest", action="store_true", help="do not work out the smallest size")
    add_trace_options(parser)
    args = parser.parse_args(argv)
    place = terminal_of(args)
    found = read_trace(args, needs_size=not args.sizes)
    pool = _pool(found, args)
    outcomes = _outcomes(found, pool, args)
    notes = list(found.trace.header.notes)
    if args.format == "json":
        from carveout.report.pool_json import render_compare

        text = render_compare(outcomes, title=found.title, pool=pool.name, notes=notes)
    elif args.format == "svg":
        from carveout.report.pool_compare import render_svg

        text = render_svg(outcomes, title=found.title, pool=pool.name)
    else:
        from carveout.report.pool_compare import render_table

        text = render_table(outcomes, title=found.title, pool=pool.name, notes=notes, terminal=place)
    write(text, args.output, inputs=found.inputs)
    return 0


def _pool(found: PoolInput, args: Namespace) -> PoolSpec:
    header = found.trace.header
    if args.pool is not None:
        return header.pool(args.pool)
    asked = {request.pool for request in found.trace.requests if request.id is not None}
    used = [pool for pool in header.pools if pool.id in asked]
    if len(used) != 1:
        names = ", ".join(pool.name for pool in header.pools)
        raise UsageError(f"compare is about one pool: --pool NAME says which, of {names}")
    return used[0]


def _outcomes(found: PoolInput, pool: PoolSpec, args: Namespace) -> list[Outcome]:
    from carveout.pool.policy import POLICIES
    from carveout.pool.variants import outcome, variants

    policies = tuple(POLICIES) if args.policies == "all" else _list(args.policies)
    unknown = [name for name in policies if name not in POLICIES]
    if unknown:
        raise UsageError(f"--policies: '{unknown[0]}': expected some of {', '.join(POLICIES)}, or all")
    wanted = variants(
        found.trace,
        pool.id,
        kernels=_list(args.kernels),
        page_sizes=_sizes(args.page_sizes, "--page-sizes"),
        policies=policies,
        sizes=_sizes(args.sizes, "--sizes"),
    )
    with Progress("requests done") as progress:
        return [
            outcome(found.trace, pool.id, each, with_need=not args.no_smallest, progress=progress)
            for each in wanted
        ]


def _list(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if text else ()


def _sizes(text: str | None, option: str) -> tuple[int, ...]:
    from carveout.units import parse_size

    try:
        sizes = tuple(parse_size(part) for part in _list(text))
    except SceneError as error:
        raise SceneError(f"{option}: {error}") from error
    if 0 in sizes:
        raise UsageError(f"{option}: a size of 0 makes no sense here")
    return sizes
