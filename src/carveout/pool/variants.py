# SPDX-License-Identifier: Apache-2.0
"""The same requests on another kernel, with other pages, another policy, another size: side by side.

Requests in bytes stay what they are. A request in pages is one for the same bytes; its alignment is worked out anew
where it is the one that the DMA API gives to a request of this size, and keeps its bytes where it is not. Places stay
at their addresses, and are moved down to where the kernel would accept an area, which is said.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from carveout.errors import UsageError
from carveout.kernel.profile import resolve
from carveout.pool.order import get_order, page_count
from carveout.pool.policy import FIRST_FIT
from carveout.pool.replay import replay
from carveout.pool.runs import extents_of, page_set
from carveout.pool.sizing import ALLOCATES, area_step, only_pool, size_pool
from carveout.pool.trace import Extent, Op, PoolSpec, Request, Trace
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from carveout.pool.result import Reason

_MOST_VARIANTS = 200
"""Each takes some replays of the whole trace."""


class Variant(NamedTuple):
    """One combination. size: of the pool, in bytes."""

    kernel: str
    page_size: int
    policy: str
    size: int


class Outcome(NamedTuple):
    """What came of the trace in one combination. Sizes in bytes."""

    variant: Variant
    requests: int
    failures: Mapping[Reason, int]
    peak: int
    high_water: int
    need: int | None
    """The smallest size without a failure; None: not asked for."""
    is_smallest: bool
    migrated: int
    notes: tuple[str, ...]

    @property
    def failed(self) -> int:
        """How many requests the pool could not serve."""
        return sum(self.failures.values())


def variants(
    trace: Trace,
    pool_id: str,
    *,
    kernels: Sequence[str] = (),
    page_sizes: Sequence[int] = (),
    policies: Sequence[str] = (),
    sizes: Sequence[int] = (),
) -> tuple[Variant, ...]:
    """Return every combination; what is not given is as in the trace. Raises: UsageError for too many."""
    pool = trace.header.pool(pool_id)
    found = tuple(
        Variant(*each)
        for each in product(
            tuple(kernels) or (trace.header.kernel,),
            tuple(page_sizes) or (trace.header.page_size,),
            tuple(policies) or (FIRST_FIT,),
            tuple(sizes) or (pool.pages * trace.header.page_size,),
        )
    )
    if len(found) > _MOST_VARIANTS:
        raise UsageError(f"{len(found)} combinations to compare: expected at most {_MOST_VARIANTS}")
    return found


def outcome(
    trace: Trace,
    pool_id: str,
    variant: Variant,
    *,
    with_need: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Return what comes of the requests to one pool in one combination. Raises: UsageError, TraceError."""
    changed, notes = as_on(only_pool(trace, pool_id), variant.kernel, variant.page_size, size=variant.size)
    spec = changed.header.pools[0]
    result = replay(changed, policy=variant.policy, progress=progress)
    use = result.uses[spec.id]
    need = size_pool(changed, spec.id, policy=variant.policy, progress=progress) if with_need else None
    page = variant.page_size
    return Outcome(
        variant=variant,
        requests=use.requests,
        failures=use.failures,
        peak=use.peak_pages * page,
        high_water=use.high_water_pages * page,
        need=need.pages * page if need else None,
        is_smallest=need.is_smallest if need else False,
        migrated=use.migrated,
        notes=notes,
    )


def as_on(
    trace: Trace, kernel: str, page_size: int, *, size: int | None = None
) -> tuple[Trace, tuple[str, ...]]:
    """Return the trace as requests on another kernel, and what had to be changed about its pools.

    size: bytes of every pool; None: as they are. Raises: UnsupportedProfile.
    """
    old = trace.header.page_size
    notes = list(resolve(kernel, arch=trace.header.arch, page_size=page_size).doubts)
    pools = []
    for pool in trace.header.pools:
        changed, said = _pool(pool, trace, kernel, page_size, size)
        pools.append(changed)
        notes += said
    requests = trace.requests
    if old != page_size:
        cap = trace.header.cma_alignment
        requests = tuple(_request(request, old, page_size, cap) for request in requests)
    ends = {pool.id: pool.base_pfn + pool.pages for pool in pools}
    requests = tuple(request for request in requests if _is_inside(request, ends))
    header = replace(trace.header, kernel=kernel, page_size=page_size, pools=tuple(pools))
    return Trace(header=header, requests=requests, problems=trace.problems), tuple(dict.fromkeys(notes))


def _pool(
    pool: PoolSpec, trace: Trace, kernel: str, page_size: int, size: int | None
) -> tuple[PoolSpec, list[str]]:
    old = trace.header.page_size
    base, given = pool.base_pfn * old, pool.pages * old if size is None else size
    step = area_step(kernel, trace.header.arch, page_size) if pool.kind.is_contiguous else page_size
    moved, rounded = base // step * step, -(-given // step) * step
    notes = []
    if moved != base:
        notes.append(
            f"base 0x{base:x} is no multiple of 0x{step:x}: such an area is refused; simulated at 0x{moved:x}"
        )
    if rounded != given:
        notes.append(
            f"size 0x{given:x} is no multiple of 0x{step:x}: such an area is refused; simulated with 0x{rounded:x}"
        )
    initially = extents_of(
        page_set(
            Extent(
                (extent.pfn * old + moved - base) // page_size,
                page_count(extent.pages * old, page_size),
            )
            for extent in pool.initially
        )
    )
    same = old == page_size and moved == base and rounded == pool.pages * old
    return (
        replace(
            pool,
            base_pfn=moved // page_size,
            pages=rounded // page_size,
            ranges=pool.ranges if same else (),
            initially=initially,
        ),
        notes,
    )


def _request(request: Request, old: int, new: int, cap: int) -> Request:
    pfn = request.pfn * old // new if request.pfn is not None else None
    if request.op is not Op.CMA_ALLOC:
        return request._replace(pfn=pfn, pages=page_count(request.pages * old, new))
    size = request.pages * old
    if request.align == min(get_order(size, old), cap):
        align = min(get_order(size, new), cap)
    else:
        align = max(request.align + (old.bit_length() - new.bit_length()), 0)
    return request._replace(pages=page_count(size, new), align=align)


def _is_inside(request: Request, ends: Mapping[str, int]) -> bool:
    # Pages that the system holds behind the end of a smaller pool are no longer the pool's.
    if request.pfn is None or request.op in ALLOCATES:
        return True
    return request.pfn + max(request.pages, 1) <= ends.get(request.pool, 0)
