# SPDX-License-Identifier: Apache-2.0
"""The pools of one system and the requests to them: what cma_alloc(), the DMA API and the dma-heaps make of each.

Source: dma_alloc_contiguous(), cma_alloc_aligned(), kernel/dma/contiguous.c; __dma_direct_alloc_pages(),
kernel/dma/direct.c; cma_heap_allocate(), drivers/dma-buf/heaps/cma_heap.c (kernel-semantics 5.3; cma 1.2, 1.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import TraceError, UsageError
from carveout.kernel.profile import resolve
from carveout.pool.cma import CmaPool
from carveout.pool.coherent import CoherentPool
from carveout.pool.lending import SystemMemory
from carveout.pool.order import get_order, page_count
from carveout.pool.policy import FIRST_FIT
from carveout.pool.restricted import RestrictedPool
from carveout.pool.result import Allocation, Errno
from carveout.pool.trace import CMA_ALIGNMENT_DEFAULT, MOST_POOL_PAGES, Op, PoolKind
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from carveout.kernel.behaviour import Behaviour
    from carveout.kernel.profile import Profile
    from carveout.pool.policy import Policy
    from carveout.pool.trace import PoolSpec, Request, TraceHeader

    Pool = CmaPool | CoherentPool | RestrictedPool

_LONG_BITS = {"arm": 32}


class RequestResult(NamedTuple):
    """One request and what it got."""

    request: Request
    allocation: Allocation
    place: str
    """`pool`, `buddy` (outside of it, at an address that cannot be told) or `none`."""
    address: int | None
    """The first byte, for requests in bytes; None: it failed, or is outside of the pool."""
    errno: int
    """0, or negative: what the caller sees. A request that fell back to `buddy` has 0."""


class Held(NamedTuple):
    """What a request holds until it is freed."""

    pool: Pool
    pfn: int
    amount: int
    """Pages for a contiguous area, bytes for others."""


class PoolSystem:
    """Pools that are used together."""

    def __init__(
        self,
        specs: Iterable[PoolSpec],
        profile: Profile,
        *,
        page_size: int,
        cma_alignment: int = CMA_ALIGNMENT_DEFAULT,
        policy: str | Callable[[], Policy] = FIRST_FIT,
        memory: SystemMemory | None = None,
        with_log: bool = False,
    ) -> None:
        """Make the pools as they are when the system has booted.

        page_size: bytes. cma_alignment: CONFIG_CMA_ALIGNMENT. memory: what is outside the pools.
        """
        self.profile = profile
        self.page_size = page_size
        self.memory = memory or SystemMemory()
        self.cma_alignment = cma_alignment
        self.pools: dict[str, Pool] = {}
        self.held: dict[int, Held] = {}
        self._highest_order = profile.highest_order
        for spec in specs:
            if spec.id in self.pools:
                raise UsageError(f"two pools are called '{spec.id}'")
            self.pools[spec.id] = make_pool(
                spec,
                profile.behaviour,
                page_size=page_size,
                policy=policy,
                memory=self.memory,
                long_bits=_LONG_BITS.get(profile.arch, 64),
                with_log=with_log,
            )

    @classmethod
    def of_trace(
        cls,
        header: TraceHeader,
        *,
        policy: str | Callable[[], Policy] = FIRST_FIT,
        memory: SystemMemory | None = None,
        with_log: bool = False,
    ) -> PoolSystem:
        """Return the system a trace was made on. Raises: UsageError for a kernel that carveout does not know."""
        profile = resolve(header.kernel, arch=header.arch, page_size=header.page_size)
        return cls(
            header.pools,
            profile,
            page_size=header.page_size,
            cma_alignment=header.cma_alignment,
            policy=policy,
            memory=memory,
            with_log=with_log,
        )

    # ---- requests ------------------------------------------------------------------------------------
    def submit(self, request: Request) -> RequestResult | None:
        """Do one request. Return what it got; None for one that is no allocation.

        Raises: TraceError when the request makes no sense (an unknown pool, an id that is in use).
        """
        op = request.op
        if op is Op.FREE:
            self._free(request)
            return None
        pool = self._pool(request)
        if op is Op.CMA_ALLOC:
            result = self._cma_alloc(pool, request)
        elif op is Op.DMA_ALLOC:
            result = self._dma_alloc(pool, request)
        elif op is Op.HEAP_ALLOC:
            result = self._heap_alloc(pool, request)
        else:
            self._of_the_system(pool, request)
            return None
        if result.allocation.pfn is not None and request.id is not None:
            if request.id in self.held:
                raise TraceError(f"request {request.id} has not been freed yet", line=request.line)
            amount = request.size
            if isinstance(pool, CmaPool):
                amount = request.pages or page_count(request.size, self.page_size)
            self.held[request.id] = Held(pool, result.allocation.pfn, amount)
        return result

    def _pool(self, request: Request) -> Pool:
        pool = self.pools.get(request.pool)
        if pool is None:
            known = ", ".join(self.pools) or "none"
            raise TraceError(f"no pool '{request.pool}', expected one of {known}", line=request.line)
        return pool

    def _free(self, request: Request) -> None:
        if request.id is None:
            self._free_older(request)
            return
        held = self.held.pop(request.id, None)
        if held is not None:
            held.pool.release(held.pfn, held.amount)

    def _free_older(self, request: Request) -> None:
        # Pages that were allocated before the first request: no request of the trace holds them.
        if request.pfn is None:
            raise TraceError("a release that names neither a request nor pages", line=request.line)
        try:
            self._pool(request).release(request.pfn, request.pages)
        except UsageError as error:
            raise TraceError(str(error), line=request.line) from error

    def _cma_alloc(self, pool: Pool, request: Request) -> RequestResult:
        if not isinstance(pool, CmaPool):
            raise TraceError(f"cma_alloc of {pool.name}, which is no contiguous area", line=request.line)
        got = pool.alloc(request.pages, request.align)
        place = "none" if got.pfn is None else "pool"
        return RequestResult(request, got, place, None, got.errno)

    def _dma_alloc(self, pool: Pool, request: Request) -> RequestResult:
        if request.size < 1:
            raise TraceError(f"a request of {request.size} bytes, expected at least 1", line=request.line)
        if not isinstance(pool, CmaPool):
            # A device with such a pool gets memory from it or none at all.
            got = pool.alloc(request.size)
            return RequestResult(
                request, got, "pool" if got.pfn is not None else "none", self._byte(got), got.errno
            )
        if pool.spec.kind is PoolKind.CMA_DEFAULT and request.size <= self.page_size:
            return self._from_buddy(request, Allocation(pfn=None, pages=0, errno=0, has_finish_event=False))
        got = self._aligned(pool, request.size)
        if got.pfn is None:
            return self._from_buddy(request, got)
        return RequestResult(request, got, "pool", self._byte(got), 0)

    def _heap_alloc(self, pool: Pool, request: Request) -> RequestResult:
        if not isinstance(pool, CmaPool):
            raise TraceError(f"heap_alloc of {pool.name}, which is no contiguous area", line=request.line)
        got = self._aligned(pool, request.size)
        # The heap answers -ENOMEM whatever the area said.
        errno = 0 if got.pfn is not None else -Errno.ENOMEM
        return RequestResult(request, got, "none" if errno else "pool", self._byte(got), errno)

    def _aligned(self, pool: CmaPool, size: int) -> Allocation:
        align = min(get_order(size, self.page_size), self.cma_alignment)
        return pool.alloc(page_count(size, self.page_size), align)

    def _from_buddy(self, request: Request, got: Allocation) -> RequestResult:
        # The page allocator serves what fits its largest block; whether it has one free is not known.
        if get_order(request.size, self.page_size) <= self._highest_order:
            return RequestResult(request, got, "buddy", None, 0)
        return RequestResult(request, got, "none", None, -Errno.ENOMEM)

    def _byte(self, got: Allocation) -> int | None:
        if got.pfn is None:
            return None
        return got.pfn * self.page_size if got.address is None else got.address

    def _of_the_system(self, pool: Pool, request: Request) -> None:
        if not isinstance(pool, CmaPool):
            raise TraceError(
                f"{request.op} in {pool.name}: the system uses pages of contiguous areas only",
                line=request.line,
            )
        if request.op is Op.UNPIN_ALL:
            for each in self.pools.values():
                if isinstance(each, CmaPool):
                    each.pins.clear()
        elif request.op is Op.LEND:
            pool.lend(request.pages, request.pfn)
        elif request.pfn is None:
            raise TraceError(f"{request.op} without a page frame number", line=request.line)
        elif request.op is Op.PIN:
            pool.pin(request.pfn)
        else:
            pool.pins.remove(request.pfn)


def make_pool(
    spec: PoolSpec,
    behaviour: Behaviour,
    *,
    page_size: int,
    policy: str | Callable[[], Policy] = FIRST_FIT,
    memory: SystemMemory | None = None,
    long_bits: int = 64,
    with_log: bool = True,
) -> Pool:
    """Return the allocator of a pool on one kernel. Raises: UsageError for one that is too large to simulate."""
    pages = sum(extent.pages for extent in spec.ranges) or spec.pages
    if not 0 < pages <= MOST_POOL_PAGES:
        raise UsageError(f"{spec.name}: {pages} pages, expected 1 to {MOST_POOL_PAGES}")
    if spec.kind is PoolKind.COHERENT:
        return CoherentPool(spec, page_size, policy=policy)
    if spec.kind is PoolKind.RESTRICTED:
        return RestrictedPool(spec, behaviour, page_size)
    return CmaPool(spec, behaviour, policy=policy, memory=memory, long_bits=long_bits, with_log=with_log)
