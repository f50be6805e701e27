# SPDX-License-Identifier: Apache-2.0
"""A trace, request by request: what each gets, what fails and why, and how full the pools were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.pool.policy import FIRST_FIT
from carveout.pool.result import Reason
from carveout.pool.system import PoolSystem
from carveout.values import NamedTuple, dataclass, field, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from carveout.pool.lending import SystemMemory
    from carveout.pool.policy import Policy
    from carveout.pool.system import Pool, RequestResult
    from carveout.pool.trace import PoolSpec, Request, Trace, TraceHeader

_PROGRESS_STEP = 10_000


@dataclass(slots=True, kw_only=True)
class PoolUse:
    """How one pool was used so far."""

    spec: PoolSpec
    pool: Pool
    peak_pages: int = 0
    """The most pages allocated at one time."""
    high_water_pages: int = 0
    """Pages from the start of the pool to the end of the highest allocation there ever was."""
    requests: int = 0
    failures: dict[Reason, int] = field(default_factory=dict)
    """How many requests failed for each reason; those that found memory outside of the pool count too."""
    migrated: int = 0
    scanned: int = 0
    attempts: int = 0


class Replay(NamedTuple):
    """What came of a trace."""

    results: tuple[RequestResult, ...]
    """One for each request that asked for memory, in order."""
    uses: Mapping[str, PoolUse]
    """By the pool's id."""
    system: PoolSystem
    """The pools as they are at the end."""


def replay(
    trace: Trace,
    *,
    policy: str | Callable[[], Policy] = FIRST_FIT,
    pages: Mapping[str, int] | None = None,
    memory: SystemMemory | None = None,
    with_log: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Replay:
    """Do every request of a trace.

    pages: other sizes for some pools, by id, in pages. memory: what is outside the pools; without it there is always
    room. with_log: keep the lines that the kernel prints of failures. progress: is told how many requests are done.
    Raises: TraceError for a request that makes no sense; UnsupportedProfile for an unknown kernel.
    """
    system = PoolSystem.of_trace(
        resized(trace.header, pages or {}), policy=policy, memory=memory, with_log=with_log
    )
    uses = uses_of(system)
    results = tuple(run(system, uses, trace.requests, progress))
    return Replay(results=results, uses=uses, system=system)


def run(
    system: PoolSystem,
    uses: Mapping[str, PoolUse],
    requests: Iterable[Request],
    progress: Callable[[int], None] | None = None,
) -> Iterator[RequestResult]:
    """Yield what each request for memory gets, as it is done: a long trace needs no room for its results."""
    for number, request in enumerate(requests, 1):
        result = system.submit(request)
        if result is not None:
            _note(uses[request.pool], result)
            yield result
        if progress is not None and number % _PROGRESS_STEP == 0:
            progress(number)


def uses_of(system: PoolSystem) -> dict[str, PoolUse]:
    """Return a record of use for each pool of a system, with what is allocated at first."""
    uses = {}
    for name, pool in system.pools.items():
        ends = (extent.end - pool.spec.base_pfn for extent in pool.spec.initially)
        uses[name] = PoolUse(
            spec=pool.spec, pool=pool, peak_pages=pool.used_pages, high_water_pages=max(ends, default=0)
        )
    return uses


def resized(header: TraceHeader, pages: Mapping[str, int]) -> TraceHeader:
    """Return the header with other sizes for some pools. Raises: UsageError for a pool that is not there."""
    for name in pages:
        header.pool(name)
    changed = (
        replace(pool, pages=pages[pool.id], ranges=()) if pool.id in pages else pool for pool in header.pools
    )
    return replace(header, pools=tuple(changed))


def _note(use: PoolUse, result: RequestResult) -> None:
    got = result.allocation
    use.requests += 1
    use.attempts += got.attempts
    use.scanned += got.scanned
    use.migrated += got.migrated
    if got.pfn is None:
        if got.reason is not Reason.NONE:
            use.failures[got.reason] = use.failures.get(got.reason, 0) + 1
        return
    end = got.pfn - use.spec.base_pfn + got.pages
    use.high_water_pages = max(use.high_water_pages, end)
    use.peak_pages = max(use.peak_pages, use.pool.used_pages)
