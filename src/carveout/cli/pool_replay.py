# SPDX-License-Identifier: Apache-2.0
"""`carveout pool replay`: what each request of a trace gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.cli.output import Sink, write
from carveout.cli.parser import Parser
from carveout.cli.pool_input import add_trace_options, read_trace
from carveout.cli.pool_options import add_output_options, add_policy_option, chosen_pools, terminal_of
from carveout.cli.progress import Progress
from carveout.errors import UsageError
from carveout.values import replace

if TYPE_CHECKING:
    from argparse import Namespace

    from carveout.cli.pool_input import PoolInput
    from carveout.pool.lending import Calibration, SystemMemory
    from carveout.pool.system import RequestResult
    from carveout.pool.trace import Trace

_SUMMARY = (
    "Replay a trace: what each request gets on this kernel, what fails, when and why; peak and highest page."
)

_NOTES = """\
jsonl prints one line for each request for memory: id, pfn or addr, errno, and what the kernel's events would show.
svg draws who held which pages from the first request to the last.
Busy attempts that trace text records fail again in the replay, for that request only.

examples:
  carveout pool replay trace.txt --board board.dtb --memory 1G@0x40000000
  carveout pool replay trace.jsonl --format jsonl -o results.jsonl
  carveout pool replay --workload pipeline-4k --area linux,cma=256M@0x50000000
  carveout pool replay trace.txt --calibration 200,0.3,9 --unit us

exit codes: 0 every request was served by its pool (jsonl, svg: the replay was made); 1 requests failed, or recorded
results differ; 2 usage; 3 input that cannot be read; 70 a bug in carveout
"""

_PIECE = 256
"""Result lines that are written at once."""


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    parser = Parser("pool replay", summary=_SUMMARY, notes=_NOTES)
    add_output_options(parser, formats=("text", "json", "jsonl", "svg"))
    add_policy_option(parser)
    parser.add_argument(
        "--busy", choices=("recorded", "ignored"), default="recorded", help="default: recorded"
    )
    parser.add_argument("--log", action="store_true", help="with what the kernel prints about each failure")
    parser.add_argument(
        "--free-outside",
        metavar="SIZE",
        help="memory outside the pools that lent pages can be moved to (default: enough)",
    )
    parser.add_argument(
        "--calibration",
        metavar="A,F,M",
        help="cost of an attempt, of a free page in it, of a page that is moved",
    )
    parser.add_argument(
        "--unit", default="", metavar="TEXT", help="what the calibration is in, for example us"
    )
    add_trace_options(parser)
    args = parser.parse_args(argv)
    place = terminal_of(args)
    calibration = _calibration(args.calibration)
    found = read_trace(args)
    trace = _trace(found, args)
    memory = _memory(args.free_outside, trace.header.page_size)
    if args.format == "jsonl":
        return _jsonl(trace, args, memory, found.inputs)
    if args.format == "svg":
        return _svg(trace, args, memory, found)
    from carveout.pool.watch import watch

    with Progress("requests done", total=len(trace.requests)) as progress:
        watched = watch(trace, policy=args.policy, memory=memory, with_log=args.log, progress=progress)
    if args.format == "json":
        from carveout.report import pool_json

        text = pool_json.render_replay(watched, title=found.title, calibration=calibration)
    else:
        from carveout.report import pool_text

        text = pool_text.render_replay(
            watched, title=found.title, terminal=place, calibration=calibration, unit=args.unit
        )
    write(text, args.output, inputs=found.inputs)
    return 1 if watched.failed_count or watched.difference_count else 0


def _trace(found: PoolInput, args: Namespace) -> Trace:
    from carveout.pool.differences import with_recorded_busy
    from carveout.pool.sizing import only_pool

    trace = found.trace
    if args.pool is not None and not args.workload:
        trace = only_pool(trace, args.pool)
    return with_recorded_busy(trace) if args.busy == "recorded" else trace


def _calibration(text: str | None) -> Calibration | None:
    from carveout.pool.lending import Calibration

    if text is None:
        return None
    try:
        attempt, free, moved = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(
            f"--calibration: cannot read '{text[:60]}': expected A,F,M, for example 200,0.3,9"
        ) from None
    if not all(0 <= value < 1e15 for value in (attempt, free, moved)):
        raise UsageError(f"--calibration: '{text[:60]}': expected three numbers, 0 or more")
    return Calibration(attempt, free, moved)


def _memory(text: str | None, page_size: int) -> SystemMemory | None:
    from carveout.errors import SceneError
    from carveout.pool.lending import SystemMemory
    from carveout.units import parse_size

    if text is None:
        return None
    try:
        return SystemMemory(parse_size(text) // page_size)
    except SceneError as error:
        raise SceneError(f"--free-outside: {error}") from error


def _jsonl(trace: Trace, args: Namespace, memory: SystemMemory | None, inputs: tuple[str, ...]) -> int:
    from carveout.cli.output import complain
    from carveout.pool.jsonl import result_line
    from carveout.pool.watch import watch

    # Nothing of a recording decides, nor is it compared.
    bare = replace(trace, recorded={})
    with (
        Sink(args.output, inputs=inputs) as sink,
        Progress("requests done", total=len(trace.requests)) as progress,
    ):
        piece: list[str] = []

        def each(result: RequestResult) -> None:
            piece.append(result_line(result))
            if len(piece) >= _PIECE:
                sink.write("\n".join(piece) + "\n")
                piece.clear()

        watch(bare, policy=args.policy, memory=memory, each=each, progress=progress)
        if piece:
            sink.write("\n".join(piece) + "\n")
    for problem in trace.problems:
        complain(f"{args.trace}: {problem}: left out")
    return 0


def _svg(trace: Trace, args: Namespace, memory: SystemMemory | None, found: PoolInput) -> int:
    from carveout.pool.replay import replay
    from carveout.pool.timeline import timeline
    from carveout.report.pool_timeline_svg import render_timeline

    pools = chosen_pools(trace.header, args.pool)
    used = [
        pool
        for pool in pools
        if any(request.pool == pool.id and request.id is not None for request in trace.requests)
    ]
    if len(used) > 1:
        names = ", ".join(pool.name for pool in used)
        raise UsageError(f"--format svg draws one pool: --pool NAME says which, of {names}")
    pool = used[0] if used else pools[0]
    with Progress("requests done", total=len(trace.requests)) as progress:
        result = replay(trace, policy=args.policy, memory=memory, progress=progress)
    line = timeline(trace.requests, result.results, pool.id, initially=pool.initially)
    high = result.uses[pool.id].high_water_pages
    text = render_timeline(line, pool, trace.header, title=found.title, high_water=high)
    write(text, args.output, inputs=found.inputs)
    return 0
