# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: PTH119
# pathlib costs a tenth of the start-up budget; this file needs nothing it does better.
"""What the pool verbs work on: a trace of any form, or a ready workload, with what is known about the pools."""

from __future__ import annotations

import os
from itertools import chain, islice
from typing import TYPE_CHECKING

from carveout.cli.files import STDIN, read_lines
from carveout.cli.pool_areas import named_range, specs
from carveout.cli.pool_state import LONGEST, PEEKED, read_state
from carveout.cli.progress import Progress
from carveout.cli.scene_options import add_scene_options, read_scene
from carveout.errors import InputError, TraceError, UsageError
from carveout.pool.trace import Extent, PoolKind, PoolSpec, Trace, TraceHeader
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from carveout.board import Board
    from carveout.boot.result import Boot
    from carveout.boot.scene import Scene
    from carveout.cli.boards import LoadedBoard
    from carveout.cli.parser import Parser
    from carveout.pool.of_boot import BootedPool

_NOMINAL_BASE = 1 << 30
"""Where a pool is assumed that nobody describes, for questions to which its place makes no difference."""


class PoolInput(NamedTuple):
    """A trace to work on."""

    trace: Trace
    title: str
    inputs: tuple[str, ...]
    """Every file that was read, so that none is written over."""
    board: LoadedBoard | None = None
    boot: Boot | None = None
    scene: Scene | None = None
    regions: tuple[BootedPool, ...] = ()
    is_nominal: bool = False
    """Nobody described the pool: it has no size yet."""


class _Booted(NamedTuple):
    loaded: LoadedBoard
    board: Board
    boot: Boot
    pools: tuple[BootedPool, ...]


def add_trace_options(parser: Parser) -> None:
    """Add what names a trace and describes its pools, and the scene options."""
    parser.add_argument(
        "trace",
        nargs="?",
        metavar="TRACE",
        help="trace text, JSON lines, heap requests or bufinfo; - for stdin",
    )
    parser.add_argument(
        "--workload",
        action="append",
        default=[],
        metavar="NAME",
        help="a ready workload in place of TRACE; repeatable",
    )
    parser.add_argument(
        "--references", type=int, metavar="N", help="pictures that a workload's decoders keep"
    )
    parser.add_argument("--times", type=int, default=1, metavar="N", help="run each workload N times")
    parser.add_argument(
        "--keep-going", action="store_true", help="leave out lines that cannot be read, and name them"
    )
    group = parser.add_argument_group("pools: what a trace does not say about them")
    group.add_argument(
        "--board", metavar="FILE", help="the pools are those of this board, booted in the scene below"
    )
    group.add_argument("--pool", metavar="NAME", help="only this pool; for a workload: the one it uses")
    group.add_argument(
        "--area", action="append", default=[], metavar="NAME=SIZE@BASE", help="a pool by hand; repeatable"
    )
    group.add_argument(
        "--taken",
        action="append",
        default=[],
        metavar="NAME=SIZE@BASE",
        help="in use before the first request; repeatable",
    )
    group.add_argument(
        "--state",
        metavar="PATH",
        help="in use before the first request: debugfs of cma, as a folder or as text",
    )
    group.add_argument("--cma-alignment", type=int, metavar="ORDER", help="CONFIG_CMA_ALIGNMENT (default: 8)")
    add_scene_options(parser)


def read_trace(args: Namespace, *, needs_size: bool = True) -> PoolInput:
    """Return the trace that parsed options name. needs_size: the present size of a pool matters to the question.

    Raises: UsageError, SceneError for options that make no sense; InputError, TraceError for what cannot be read.
    """
    if (args.trace is None) == (not args.workload):
        raise UsageError("expected a TRACE, or --workload NAME ('carveout pool workloads' lists them)")
    if not 1 <= args.times <= 10_000:
        raise UsageError(f"--times {args.times}: expected 1 to 10000")
    given = read_scene(args)
    inputs = [*given.inputs, *([args.trace] if args.trace else []), *([args.board] if args.board else [])]
    booted = _boot(args.board, given.overlays, given.scene) if args.board else None
    if booted is not None and args.pool is not None:
        args.pool = pool_name(booted.boot, args.pool)
    pools = _pools(args, booted)
    if args.trace is not None:
        trace = _read(args, pools, given.scene, booted.boot if booted else None)
        title = "standard input" if args.trace == STDIN else os.path.basename(args.trace)
    else:
        trace = _workload(args, pools, given.scene, booted, needs_size=needs_size)
        title = " + ".join(args.workload)
    trace = _with_options(trace, args)
    if booted is not None:
        trace = replace(
            trace, header=replace(trace.header, notes=(*trace.header.notes, *doubts_of(booted.pools)))
        )
    return PoolInput(
        trace=trace,
        title=title,
        inputs=tuple(inputs),
        board=booted.loaded if booted else None,
        boot=booted.boot if booted else None,
        scene=given.scene,
        regions=booted.pools if booted else (),
        is_nominal=args.trace is None and booted is None and not args.area,
    )


def pool_name(boot: Boot, name: str) -> str:
    """Return the name of a pool that is given by label, path or `default`; others may be pools of the trace."""
    from carveout.pool.of_boot import find_pool

    try:
        return find_pool(boot, name).spec.name
    except UsageError:
        return name


def boot_pools(path: str, overlays: Sequence[str], scene: Scene) -> tuple[str, Boot, tuple[BootedPool, ...]]:
    """Return the title, the boot and the pools of a board. Raises: as `load_board` and `boot`."""
    booted = _boot(path, overlays, scene)
    model = booted.board.model
    name = booted.loaded.name
    return (f"{name} ({model[:80]})" if model else name), booted.boot, booted.pools


def _boot(path: str, overlays: Sequence[str], scene: Scene) -> _Booted:
    from carveout.board import read_board
    from carveout.boot import boot
    from carveout.cli.boards import load_board
    from carveout.pool.of_boot import pools_of

    loaded = load_board(path, overlays)
    board = read_board(loaded.tree, is_made_here=loaded.is_made_here)
    result = boot(board, scene)
    return _Booted(loaded, board, result, pools_of(result))


def _pools(args: Namespace, booted: _Booted | None) -> list[tuple[str, int, int] | PoolSpec]:
    # Pools of the board as they are; those given by hand as (name, base, size), since the page size may come later.
    pools: list[tuple[str, int, int] | PoolSpec] = [pool.spec for pool in booted.pools] if booted else []
    for text in args.area:
        pools.append(named_range(text, "--area"))
    return pools


def doubts_of(pools: Sequence[BootedPool]) -> list[str]:
    """Return why pools of a boot are not exactly where and what they are said to be, one sentence each."""
    from carveout.boot.result import Exactness

    return [
        f"{pool.spec.name}: {pool.exactness}: {pool.why}"
        for pool in pools
        if pool.exactness is not Exactness.EXACT
    ]


def read_trace_in(path: str, boot: Boot, pools: Sequence[BootedPool]) -> Trace:
    """Return the trace in a file, read as one of a boot with these pools. Raises: InputError."""
    from argparse import Namespace

    from carveout.boot import Scene

    args = Namespace(trace=path, area=[], state=None, cma_alignment=None, keep_going=False)
    return _read(args, [pool.spec for pool in pools], Scene(), boot)


def _read(
    args: Namespace, pools: Sequence[tuple[str, int, int] | PoolSpec], scene: Scene, boot: Boot | None
) -> Trace:
    lines = read_lines(args.trace, what="a trace", longest=LONGEST)
    first = list(islice(lines, PEEKED))
    whole = chain(first, lines)
    try:
        form = _form(first)
        if form == "jsonl":
            return _read_jsonl(whole, args, scene)
        if form == "ftrace":
            return _read_ftrace(whole, args, pools, scene, boot)
        from carveout.pool.dmabuf import bufinfo_trace, read_bufinfo, read_heap_requests

        header = _header(pools, scene, boot, args)
        if form == "bufinfo":
            return bufinfo_trace(read_bufinfo(whole), header)
        return read_heap_requests(whole, header, keep_going=args.keep_going)
    except TraceError as error:
        shown = "standard input" if args.trace == STDIN else args.trace
        raise InputError(f"{shown}: {error}") from error


def _form(first: Sequence[str]) -> str:
    from carveout.pool.dmabuf import is_bufinfo

    for line in first:
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if words[0].startswith("{"):
            return "jsonl"
        if is_bufinfo(line):
            return "bufinfo"
        if line.startswith("Dma-buf Objects"):
            continue
        return "heap" if words[0] in ("heap", "H", "F") else "ftrace"
    return "ftrace"


def _read_jsonl(lines: Iterator[str], args: Namespace, scene: Scene) -> Trace:
    from carveout.pool.jsonl import read_jsonl
    from carveout.pool.variants import as_on

    trace = read_jsonl(lines, keep_going=args.keep_going)
    kernel, page_size = scene.kernel or trace.header.kernel, scene.page_size or trace.header.page_size
    if (kernel, page_size) == (trace.header.kernel, trace.header.page_size):
        return trace
    changed, notes = as_on(trace, kernel, page_size)
    return replace(changed, header=replace(changed.header, notes=(*changed.header.notes, *notes)))


def _read_ftrace(
    lines: Iterator[str],
    args: Namespace,
    pools: Sequence[tuple[str, int, int] | PoolSpec],
    scene: Scene,
    boot: Boot | None,
) -> Trace:
    from carveout.pool.area_state import pools_with_state
    from carveout.pool.ftrace import read_ftrace

    page_size = scene.page_size or (boot.scene.page_size if boot else None)
    known = specs(pools, page_size or 4096)
    if args.state:
        known = pools_with_state(known, read_state(args.state))
    notes = []
    if page_size is None and args.area:
        page_size = 4096
        notes = ["page size: 4 KiB assumed; --page-size says it"]
    with Progress("lines read") as progress:
        trace = read_ftrace(
            lines,
            pools=known,
            kernel=scene.kernel or (boot.scene.kernel if boot else None),
            page_size=page_size,
            cma_alignment=args.cma_alignment,
            arch=_arch(scene, boot),
            keep_going=args.keep_going,
            progress=progress,
        )
    return replace(trace, header=replace(trace.header, notes=(*notes, *trace.header.notes)))


def _arch(scene: Scene, boot: Boot | None) -> str:
    return boot.scene.arch if boot else scene.arch or "arm64"


def _header(
    pools: Sequence[tuple[str, int, int] | PoolSpec], scene: Scene, boot: Boot | None, args: Namespace
) -> TraceHeader:
    from carveout.kernel.profile import resolve

    arch = _arch(scene, boot)
    profile = (
        boot.profile
        if boot
        else resolve(
            scene.kernel, arch=arch, preset=scene.preset, page_size=scene.page_size, config=scene.config
        )
    )
    page = boot.scene.page_size if boot else profile.config.page_size
    found = specs(pools, page)
    if args.state:
        from carveout.pool.area_state import pools_with_state

        found = pools_with_state(found, read_state(args.state))
    alignment = profile.config.cma_alignment if args.cma_alignment is None else args.cma_alignment
    return TraceHeader(kernel=profile.kernel, page_size=page, cma_alignment=alignment, pools=found, arch=arch)


def _workload(
    args: Namespace,
    pools: Sequence[tuple[str, int, int] | PoolSpec],
    scene: Scene,
    booted: _Booted | None,
    *,
    needs_size: bool,
) -> Trace:
    from carveout.pool.workloads import find_workload, workload_trace

    chosen = [find_workload(name, args.references) for name in args.workload]
    header = _header(pools, scene, booted.boot if booted else None, args)
    if not header.pools:
        if needs_size:
            raise UsageError("--workload needs a pool here: --board FILE, or --area NAME=SIZE@BASE")
        header = _with_nominal_pool(header)
    name = args.pool
    if name is None and booted is not None:
        default = next((pool for pool in booted.pools if pool.is_default), None)
        if default is None and len(header.pools) > 1:
            raise UsageError(
                f"{args.board}: has no default area: --pool NAME says which pool the workload uses"
            )
        name = default.spec.name if default else None
    return workload_trace(chosen, header, pool=name or header.pools[0].name, times=args.times)


def _with_nominal_pool(header: TraceHeader) -> TraceHeader:
    from carveout.pool.sizing import area_step

    pages = area_step(header.kernel, header.arch, header.page_size) // header.page_size
    pool = PoolSpec(
        id="linux,cma",
        name="linux,cma",
        base_pfn=_NOMINAL_BASE // header.page_size,
        pages=pages,
        kind=PoolKind.CMA_DEFAULT,
    )
    note = "no board is given: nothing of the kernel's own is in the pool (Debian's arm64 kernels keep up to 384 KiB)"
    return replace(header, pools=(pool,), notes=(*header.notes, note))


def _with_options(trace: Trace, args: Namespace) -> Trace:
    header = trace.header
    page = header.page_size
    pools = {pool.id: pool for pool in header.pools}
    for text in args.taken:
        name, base, size = named_range(text, "--taken")
        pool = header.pool(name)
        if base % page or size % page:
            raise UsageError(
                f"--taken {name}: base and size must be multiples of the page size, {page >> 10}K"
            )
        taken = Extent(base // page, size // page)
        if taken.pfn < pool.base_pfn or taken.end > pool.base_pfn + pool.pages:
            raise UsageError(f"--taken {text}: is not inside of the pool")
        pools[pool.id] = _taking(pools[pool.id], taken)
    if header.kernel and args.cma_alignment is not None:
        header = replace(header, cma_alignment=args.cma_alignment)
    return replace(trace, header=replace(header, pools=tuple(pools.values())))


def _taking(pool: PoolSpec, extent: Extent) -> PoolSpec:
    from carveout.pool.runs import extents_of, page_set

    return replace(pool, initially=extents_of(page_set((*pool.initially, extent))))
