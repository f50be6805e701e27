# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH112, PTH119
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""`carveout pool show`: what is in use in a pool, and what is free."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from carveout.cli.files import STDIN, read_start
from carveout.cli.output import write
from carveout.cli.parser import Parser
from carveout.cli.pool_areas import specs_by_hand
from carveout.cli.pool_input import add_trace_options, boot_pools, doubts_of, read_trace
from carveout.cli.pool_options import add_output_options, add_policy_option, chosen_pools, terminal_of
from carveout.cli.pool_state import is_state, read_state
from carveout.cli.progress import Progress
from carveout.cli.scene_options import read_scene
from carveout.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from carveout.pool.view import PoolView

_SUMMARY = (
    "Show the state of pools: a strip, free extents, and the largest request that would fit, by alignment."
)

_NOTES = """\
TRACE is a trace, or a board (.dtb, .dts): its pools as they are when the kernel has booted; or the state of a running
system: the folder /sys/kernel/debug/cma, a text of it (grep -r . DIR), a bitmap alone (with --area or --board).

examples:
  carveout pool show board.dtb --memory 1G@0x40000000
  carveout pool show trace.txt --after 500 --format svg -o pool.svg
  carveout pool show /sys/kernel/debug/cma

exit codes: 0 shown; 2 usage; 3 input that cannot be read; 70 a bug in carveout
"""

_MAGIC = b"\xd0\x0d\xfe\xed"


class _Shown:
    # What is shown: pools, what they are of, what was assumed.
    def __init__(self, views: list[PoolView], title: str, notes: list[str], inputs: tuple[str, ...]) -> None:
        self.views = views
        self.title = title
        self.notes = notes
        self.inputs = inputs


def run(argv: list[str]) -> int:
    """Run the verb and return the exit code."""
    parser = Parser("pool show", summary=_SUMMARY, notes=_NOTES)
    add_output_options(parser, formats=("text", "json", "svg"))
    parser.add_argument("--all", action="store_true", help="every free extent")
    parser.add_argument(
        "--after", type=int, metavar="N", help="of a trace: when its first N requests are done"
    )
    add_policy_option(parser)
    add_trace_options(parser)
    args = parser.parse_args(argv)
    place = terminal_of(args)
    shown = _shown(args)
    if args.format == "svg":
        from carveout.report.pool_svg import render_views

        text = render_views(shown.views, title=shown.title)
    elif args.format == "json":
        from carveout.report import pool_json

        text = pool_json.render_views(shown.views, title=shown.title, notes=shown.notes)
    else:
        from carveout.report import pool_text

        text = pool_text.render_views(
            shown.views, title=shown.title, notes=shown.notes, terminal=place, show_all=args.all
        )
    write(text, args.output, inputs=shown.inputs)
    return 0


def _shown(args: Namespace) -> _Shown:
    if args.after is not None and args.after < 0:
        raise UsageError(f"--after {args.after}: expected a number of requests, 0 or more")
    if args.trace is not None and _is_board(args.trace):
        return _of_board(args)
    if args.trace is not None and is_state(args.trace):
        return _of_state(args)
    return _of_trace(args)


def _is_board(path: str) -> bool:
    if path.endswith((".dts", ".dtb")):
        return True
    return (
        path != STDIN
        and not os.path.isdir(path)
        and read_start(path, what="a trace or a board", size=4) == _MAGIC
    )


def _of_board(args: Namespace) -> _Shown:
    from carveout.pool.of_boot import find_pool
    from carveout.pool.system import make_pool
    from carveout.pool.view import view_pool

    given = read_scene(args)
    title, boot, pools = boot_pools(args.trace, given.overlays, given.scene)
    page = boot.scene.page_size
    if not pools:
        raise UsageError(f"{args.trace}: this boot has no pool")
    chosen = pools if args.pool is None else (find_pool(boot, args.pool),)
    views = [
        view_pool(make_pool(pool.spec, boot.profile.behaviour, page_size=page), page_size=page)
        for pool in chosen
    ]
    notes = doubts_of(chosen)
    about = f"{title}, booted: Linux {boot.scene.kernel}, {page >> 10} KiB pages"
    return _Shown(views, about, notes, (args.trace, *given.inputs))


def _of_state(args: Namespace) -> _Shown:
    from carveout.kernel.profile import resolve
    from carveout.pool.area_state import pools_with_state
    from carveout.pool.system import make_pool
    from carveout.pool.view import view_pool

    given = read_scene(args)
    board = boot_pools(args.board, given.overlays, given.scene) if args.board else None
    scene = given.scene
    profile = (
        board[1].profile
        if board
        else resolve(scene.kernel, arch=scene.arch or "arm64", preset=scene.preset, page_size=scene.page_size)
    )
    page = profile.config.page_size
    known = (
        (*(pool.spec for pool in board[2]), *specs_by_hand(args.area, page))
        if board
        else specs_by_hand(args.area, page)
    )
    states = read_state(args.trace)
    specs = pools_with_state(known, states)
    named = {state.name for state in states} | {spec.name for spec in specs if len(specs) == 1}
    specs = tuple(
        spec
        for spec in specs
        if args.pool in (spec.name, spec.id) or (args.pool is None and _is_of(spec.name, named))
    )
    if not specs:
        raise UsageError(
            f"no pool '{args.pool}' in {args.trace}" if args.pool else f"{args.trace}: no pool is shown"
        )
    views = [view_pool(make_pool(spec, profile.behaviour, page_size=page), page_size=page) for spec in specs]
    notes = [
        f"{state.name}: {state.used_pages} pages are in use; where they are is not shown"
        for state in states
        if state.used is None and state.used_pages
    ]
    if scene.page_size is None and not board:
        notes.append(f"page size: {page >> 10} KiB assumed; --page-size says it")
    inputs = () if os.path.isdir(args.trace) else (args.trace,)
    return _Shown(views, os.path.basename(args.trace.rstrip("/")), notes, (*inputs, *given.inputs))


def _is_of(name: str, shown: set[str]) -> bool:
    return name in shown or "" in shown or any(name.startswith(each) for each in shown if each)


def _of_trace(args: Namespace) -> _Shown:
    from carveout.pool.differences import with_recorded_busy
    from carveout.pool.watch import COUNTED, watch

    found = read_trace(args)
    trace = with_recorded_busy(found.trace)
    with Progress("requests done", total=len(trace.requests)) as progress:
        watched = watch(trace, policy=args.policy, after=args.after, progress=progress)
    views = [watched.view(pool.id) for pool in chosen_pools(trace.header, args.pool)]
    count = sum(request.op in COUNTED for request in trace.requests)
    return _Shown(
        views,
        f"{found.title}: after {watched.requests} of {count} requests",
        list(trace.header.notes),
        found.inputs,
    )
