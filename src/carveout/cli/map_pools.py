# SPDX-License-Identifier: Apache-2.0
"""`carveout map --pool-trace`: the pools of each scene while a trace ran."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from carveout.cli.pool_input import pool_name, read_trace_in
from carveout.cli.progress import Progress
from carveout.errors import UsageError
from carveout.pool.in_boot import in_boot
from carveout.pool.of_boot import find_pool, pools_of
from carveout.report.html.pool_part import PoolRun
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot.result import Boot
    from carveout.pool.system import RequestResult
    from carveout.pool.trace import Trace


class ScenePools(NamedTuple):
    """What a page shows of one scene's pools."""

    runs: tuple[PoolRun, ...]
    missing: tuple[str, ...]
    """Sentences about pools of the trace that the scene does not have."""


def scene_pools(boots: Sequence[Boot], path: str, name: str | None) -> list[ScenePools]:
    """Return the pools of each boot while the trace ran.

    path: of the trace. name: the one pool that is asked for, by name, label, path or `default`.
    Raises: UsageError when no boot has a pool that the trace goes to; InputError, TraceError for a trace that cannot
    be read or makes no sense.
    """
    title = os.path.basename(path)  # noqa: PTH119 as everywhere in cli/
    found = [_one(boot, path, title, name) for boot in boots]
    if not any(scene.runs for scene in found):
        raise UsageError(
            f"--pool-trace {path}: " + (found[0].missing or ("it has no request for memory",))[0]
        )
    return found


def _one(boot: Boot, path: str, title: str, name: str | None) -> ScenePools:
    pools = pools_of(boot)
    if not pools:
        return ScenePools((), ("this boot has no pool that a trace could go to",))
    trace = read_trace_in(path, boot, pools)
    set_in = in_boot(
        trace,
        pools,
        kernel=boot.scene.kernel,
        page_size=boot.scene.page_size,
        only=pool_name(boot, name) if name is not None else None,
    )
    missing = list(set_in.refused)
    if name is not None and not set_in.traces and not missing:
        missing = [_unasked(boot, name)]
    return ScenePools(tuple(_run(each, title) for each in set_in.traces), tuple(missing))


def _unasked(boot: Boot, name: str) -> str:
    try:
        pool = find_pool(boot, name)
    except UsageError as error:
        return str(error)
    return f"no request of the trace goes to '{pool.spec.name}'"


def _run(trace: Trace, title: str) -> PoolRun:
    from carveout.pool.differences import with_recorded_busy
    from carveout.pool.timeline import timeline
    from carveout.pool.watch import watch

    trace = with_recorded_busy(trace)
    (spec,) = trace.header.pools
    results: list[RequestResult] = []
    with Progress("requests done", total=len(trace.requests)) as progress:
        watched = watch(trace, each=results.append, progress=progress)
    line = timeline(trace.requests, results, spec.id, initially=spec.initially)
    return PoolRun(title, watched, line)
