# SPDX-License-Identifier: Apache-2.0
"""The smallest pool that serves a trace without a failure, and how that is known.

First fit takes the lowest place there is, so a pool of N pages does what an endless one does until something ends
above N. The smallest size is therefore where the highest allocation of a pool without end ends, rounded up to what
an area must be a multiple of. For a policy that looks at the pool's end or at its holes that is not true: sizes are
tried one after the other. Every answer is checked: the pool of that size serves all, one step less does not.
Source: cma 3 (minimal pool size).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cma import min_alignment
from carveout.errors import TraceError, UsageError
from carveout.kernel.profile import resolve
from carveout.pool.policy import FIRST_FIT
from carveout.pool.replay import resized, run, uses_of
from carveout.pool.restricted import IO_TLB_SEGSIZE, IO_TLB_SHIFT
from carveout.pool.result import Reason
from carveout.pool.system import PoolSystem
from carveout.pool.trace import MOST_POOL_PAGES, Op, PoolKind, Trace
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from carveout.pool.replay import PoolUse
    from carveout.pool.system import RequestResult
    from carveout.pool.trace import PoolSpec, Request

_MOST_TRIES = 512
"""Sizes tried one after the other before halving begins, whose answer may not be the smallest."""


class PoolNeed(NamedTuple):
    """The smallest pool for a trace."""

    pool: PoolSpec
    """As it is in the trace."""
    policy: str
    pages: int
    """The smallest size, a multiple of `step_pages`."""
    exact_pages: int | None
    """Before rounding, where the policy lets that be known: the high-water mark of a pool without end."""
    peak_pages: int
    """The most pages allocated at one time: no pool can be smaller."""
    step_pages: int
    """What base and size must be multiples of, in pages."""
    is_smallest: bool
    """One step less fails, and so does every smaller size."""
    fails_below: RequestResult | None
    """The first request that fails in a pool one step smaller; None where that is no pool at all."""
    requests: int
    tries: int
    """Replays that were made for the answer."""
    held_to_end: int = 0
    """Requests that failed in the recording and are never freed in it: they are held to the end here."""
    pages_without_held: int | None = None
    """The smallest size when those are left out; None: there are none."""
    never_served: int = 0
    """Requests that a pool of this kind serves in no size: larger than a segment of a restricted pool."""


def size_pool(
    trace: Trace,
    pool_id: str,
    *,
    policy: str = FIRST_FIT,
    progress: Callable[[int], None] | None = None,
) -> PoolNeed:
    """Return the smallest size of one pool for its requests of the trace.

    Raises: UsageError when there is no such pool, or nobody asks it for anything; TraceError for requests that no
    pool can serve.
    """
    alone = only_pool(trace, pool_id)
    spec = alone.header.pools[0]
    step = step_of(trace, spec)
    if not any(request.op in ALLOCATES for request in alone.requests):
        raise UsageError(f"{spec.name}: no request of the trace goes to this pool")
    need = _smallest(alone, policy, step, progress)
    held = _held_to_end(alone)
    if not held:
        return need
    requests = tuple(request for request in alone.requests if request.id is None or request.id not in held)
    pages = None
    if any(request.op in ALLOCATES for request in requests):
        pages = _smallest(replace(alone, requests=requests), policy, step, progress).pages
    return need._replace(held_to_end=len(held), pages_without_held=pages)


def _smallest(trace: Trace, policy: str, step: int, progress: Callable[[int], None] | None) -> PoolNeed:
    spec = trace.header.pools[0]
    search = _Search(trace, spec, policy, step, progress)
    grows_upward = policy == FIRST_FIT and spec.kind is not PoolKind.RESTRICTED
    return search.by_high_water() if grows_upward else search.by_trying()


def _held_to_end(trace: Trace) -> set[int]:
    # Requests that failed in the recording and that nothing in it frees.
    freed = {request.id for request in trace.requests if request.op is Op.FREE}
    return {
        request.id
        for request in trace.requests
        if request.op in ALLOCATES
        and request.id is not None
        and request.id not in freed
        and request.id in trace.recorded
        and trace.recorded[request.id].is_failure
    }


ALLOCATES = (Op.CMA_ALLOC, Op.DMA_ALLOC, Op.HEAP_ALLOC)
"""Operations that ask for memory."""


def only_pool(trace: Trace, pool_id: str) -> Trace:
    """Return the trace with one pool, by id or name, and the requests to it. Raises: UsageError."""
    spec = trace.header.pool(pool_id)
    ids = {request.id for request in trace.requests if request.op in ALLOCATES and request.pool == spec.id}
    requests = tuple(
        request
        for request in trace.requests
        if (
            request.id in ids
            if request.op is Op.FREE and request.id is not None
            else request.pool == spec.id or request.op is Op.UNPIN_ALL
        )
    )
    requests = tuple(
        request._replace(pool=spec.id) if request.pool != spec.id else request for request in requests
    )
    others = tuple(f"{pool.name}: " for pool in trace.header.pools if pool.id != spec.id)
    notes = tuple(note for note in trace.header.notes if not note.startswith(others))
    return Trace(
        header=replace(trace.header, pools=(spec,), notes=notes),
        requests=requests,
        problems=trace.problems,
        recorded=trace.recorded,
    )


def step_of(trace: Trace, spec: PoolSpec) -> int:
    """Return the pages that a pool's base and size must be multiples of.

    Contiguous areas: CMA_MIN_ALIGNMENT_BYTES. Coherent pools: a page. Restricted pools: what one search covers.
    """
    page_size = trace.header.page_size
    if spec.kind is PoolKind.COHERENT:
        return 1
    if spec.kind is PoolKind.RESTRICTED:
        return max((IO_TLB_SEGSIZE << IO_TLB_SHIFT) // page_size, 1)
    return area_step(trace.header.kernel, trace.header.arch, page_size) // page_size


def area_step(kernel: str, arch: str, page_size: int) -> int:
    """Return what base and size of a contiguous area must be multiples of, in bytes. Raises: UnsupportedProfile."""
    return min_alignment(resolve(kernel, arch=arch, page_size=page_size))


class _Search:
    def __init__(
        self,
        trace: Trace,
        spec: PoolSpec,
        policy: str,
        step: int,
        progress: Callable[[int], None] | None,
    ) -> None:
        self.trace = trace
        self.spec = spec
        self.policy = policy
        self.step = step
        self.progress = progress
        self.tries = 0
        ends = (extent.end - spec.base_pfn for extent in spec.initially)
        self.least = max((*ends, 1))

    def by_high_water(self) -> PoolNeed:
        pages = max(self._up(self.spec.pages), self._up(self.least))
        failed, use = self._first_failure(pages)
        while failed is not None:
            if pages >= MOST_POOL_PAGES:
                raise self._impossible(failed)
            pages = min(pages * 2, MOST_POOL_PAGES)
            failed, use = self._first_failure(pages)
        high = use.high_water_pages
        smallest = max(self._up(high), self.step)
        if smallest != pages:
            failed, use = self._first_failure(smallest)
            if failed is not None:
                raise TraceError(f"{self.spec.name}: {smallest} pages should serve this trace and do not")
        below = self._below(smallest)
        return self._need(smallest, high, use.peak_pages, below, is_smallest=True)

    def by_trying(self) -> PoolNeed:
        peak = self._peak()
        low = max(self._up(peak), self._up(self.least), self.step)
        pages, tries = low, 0
        below = None
        while tries < _MOST_TRIES:
            failed, use = self._first_failure(pages)
            if failed is None:
                return self._need(pages, None, use.peak_pages, below or self._below(pages), is_smallest=True)
            below = failed
            tries += 1
            pages += self.step
        return self._by_halving(pages - self.step, peak)

    def _by_halving(self, fails: int, peak: int) -> PoolNeed:
        high = fails
        while True:
            if high >= MOST_POOL_PAGES:
                raise UsageError(f"{self.spec.name}: no pool up to {MOST_POOL_PAGES} pages serves this trace")
            high = min(self._up(high * 2), MOST_POOL_PAGES)
            failed, _ = self._first_failure(high)
            if failed is None:
                break
        below = None
        while high - fails > self.step:
            middle = self._up((high + fails) // 2)
            middle = middle if middle < high else high - self.step
            failed, _ = self._first_failure(middle)
            if failed is None:
                high = middle
            else:
                fails, below = middle, failed
        return self._need(high, None, peak, below, is_smallest=False)

    def _need(
        self, pages: int, high: int | None, peak: int, below: RequestResult | None, *, is_smallest: bool
    ) -> PoolNeed:
        asked = [request for request in self.trace.requests if request.op in ALLOCATES]
        return PoolNeed(
            pool=self.spec,
            policy=self.policy,
            pages=pages,
            exact_pages=high,
            peak_pages=peak,
            step_pages=self.step,
            is_smallest=is_smallest,
            fails_below=below,
            requests=len(asked),
            tries=self.tries,
            never_served=sum(map(self._is_hopeless, asked)),
        )

    def _below(self, pages: int) -> RequestResult | None:
        smaller = pages - self.step
        if smaller < max(self.least, 1):
            return None
        failed, _ = self._first_failure(smaller)
        return failed

    def _peak(self) -> int:
        # What is live at one time does not depend on places, once everything is served.
        pages = max(self._up(self.spec.pages), self._up(self.least))
        while True:
            failed, use = self._first_failure(pages, policy=FIRST_FIT)
            if failed is None:
                return use.peak_pages
            if pages >= MOST_POOL_PAGES:
                raise self._impossible(failed)
            pages = min(pages * 2, MOST_POOL_PAGES)

    def _is_hopeless(self, request: Request) -> bool:
        # A restricted pool never gives more than a segment, however large it is.
        return self.spec.kind is PoolKind.RESTRICTED and request.size > IO_TLB_SEGSIZE << IO_TLB_SHIFT

    def _first_failure(self, pages: int, policy: str | None = None) -> tuple[RequestResult | None, PoolUse]:
        # The first request that a pool of this size cannot serve; None: it serves all.
        self.tries += 1
        header = resized(self.trace.header, {self.spec.id: pages})
        system = PoolSystem.of_trace(header, policy=policy or self.policy)
        uses = uses_of(system)
        requests = _within(self.trace.requests, self.spec.base_pfn + pages)
        for result in run(system, uses, requests, self.progress):
            if result.allocation.reason is not Reason.NONE and not self._is_hopeless(result.request):
                return result, uses[self.spec.id]
        return None, uses[self.spec.id]

    def _impossible(self, failed: RequestResult) -> TraceError:
        return TraceError(
            f"{self.spec.name}: no size serves this request: {failed.allocation.reason}",
            line=failed.request.line,
        )

    def _up(self, pages: int) -> int:
        return -(-pages // self.step) * self.step


def _within(requests: Iterable[Request], end: int) -> Iterator[Request]:
    # Pages that the system holds behind the end of a smaller pool are no longer the pool's.
    for request in requests:
        if request.pfn is None or request.op is Op.FREE or request.pfn + max(request.pages, 1) <= end:
            yield request
