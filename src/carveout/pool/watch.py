# SPDX-License-Identifier: Apache-2.0
"""A replay that is looked at while it runs: what failed and how the pool was then, where a recording differs.

Results are not kept: a trace of a million requests needs no room for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.pool.differences import difference
from carveout.pool.policy import FIRST_FIT
from carveout.pool.replay import run, uses_of
from carveout.pool.result import Reason
from carveout.pool.system import PoolSystem
from carveout.pool.trace import Op
from carveout.pool.view import view_in
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from carveout.pool.differences import Difference
    from carveout.pool.lending import SystemMemory
    from carveout.pool.replay import PoolUse
    from carveout.pool.system import RequestResult
    from carveout.pool.trace import Request, Trace
    from carveout.pool.view import PoolView

COUNTED = (Op.CMA_ALLOC, Op.DMA_ALLOC, Op.HEAP_ALLOC, Op.FREE)
"""Requests of a trace's users. The others are what the system does with its pages."""
_KEPT = 1000
"""Failures and differences that are kept; all are counted."""
_VIEWS = 5
"""Failures of which the pool's state is kept."""


class Failed(NamedTuple):
    """A request that its pool could not serve. number: among those that ask for memory or free it, from 1 on."""

    number: int
    result: RequestResult
    view: PoolView | None
    """The pool at that moment; kept for the first ones."""


class Watched(NamedTuple):
    """What came of a trace, or of its first requests."""

    trace: Trace
    policy: str
    requests: int
    """How many were done that ask for memory or free it."""
    uses: Mapping[str, PoolUse]
    system: PoolSystem
    failed: tuple[Failed, ...]
    """The first ones."""
    failed_count: int
    outside: int
    """Failed ones that found memory outside of the pool."""
    differences: tuple[Difference, ...]
    """The first ones."""
    difference_count: int
    compared: int
    """Results that the recording has too."""

    def view(self, pool_id: str) -> PoolView:
        """Return the state of a pool as it is now."""
        return view_in(self.system, pool_id)


def watch(
    trace: Trace,
    *,
    policy: str = FIRST_FIT,
    memory: SystemMemory | None = None,
    with_log: bool = False,
    after: int | None = None,
    each: Callable[[RequestResult], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Watched:
    """Replay a trace.

    memory, with_log: as for a PoolSystem. after: stop when so many requests are done. each: is given every result.
    Raises: TraceError, UsageError as a PoolSystem does.
    """
    system = PoolSystem.of_trace(trace.header, policy=policy, memory=memory, with_log=with_log)
    uses = uses_of(system)
    counter = _Counter(trace.requests, after)
    failed: list[Failed] = []
    found: list[Difference] = []
    failed_count = outside = difference_count = compared = 0
    for result in run(system, uses, iter(counter), progress):
        if each is not None:
            each(result)
        if result.allocation.reason is not Reason.NONE:
            failed_count += 1
            outside += result.place == "buddy"
            if len(failed) < _KEPT:
                view = view_in(system, result.request.pool) if len(failed) < _VIEWS else None
                failed.append(Failed(counter.number, result, view))
        compared += result.request.id in trace.recorded
        unequal = difference(trace, result)
        if unequal is not None:
            difference_count += 1
            if len(found) < _KEPT:
                found.append(unequal)
    return Watched(
        trace=trace,
        policy=policy,
        requests=counter.number,
        uses=uses,
        system=system,
        failed=tuple(failed),
        failed_count=failed_count,
        outside=outside,
        differences=tuple(found),
        difference_count=difference_count,
        compared=compared,
    )


class _Counter:
    # Knows which request was taken last; what the system does on its own is not counted.
    def __init__(self, requests: Sequence[Request], most: int | None) -> None:
        self.number = 0
        self._requests = requests
        self._most = most

    def __iter__(self) -> Iterator[Request]:
        for request in self._requests:
            if request.op in COUNTED:
                if self.number == self._most:
                    return
                self.number += 1
            yield request
