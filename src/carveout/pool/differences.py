# SPDX-License-Identifier: Apache-2.0
"""A recording set against its replay: where they differ, and what can be behind that.

The allocators are exact for what a trace holds. A difference therefore means that something was there which the trace
does not hold: a page that could not be moved, a race between two processors, or a user whose events are missing.
After the first one the two have different states, and later ones may follow from it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from carveout.pool.trace import Op, Request, Trace
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.pool.system import RequestResult
    from carveout.pool.trace import RecordedResult


class Kind(StrEnum):
    """How a recorded result differs from the replayed one."""

    HIGHER = "higher"
    """It was placed above where there is room by all that the trace says."""
    LOWER = "lower"
    """It was placed where the trace says that pages are in use."""
    FAILED = "failed"
    """It failed, and there is room by all that the trace says."""
    SUCCEEDED = "succeeded"
    """It succeeded, and there is no room by all that the trace says."""
    ERRNO = "errno"
    """It failed in another way."""
    BUSY = "busy"
    """Other places were tried and found busy."""
    OUTSIDE = "outside"
    """It was served outside of the pool, or was not."""


CAUSES = {
    Kind.HIGHER: "something held the pages below: a page that cannot be moved, or a user whose events are missing",
    Kind.LOWER: "pages were free that the trace says are in use: a release is missing, or two requests raced",
    Kind.FAILED: (
        "something held the pages: a page that cannot be moved, a user whose events are missing, or no room "
        "outside of the pool to move pages to"
    ),
    Kind.SUCCEEDED: "pages were free that the trace says are in use: a release is missing, or two requests raced",
    Kind.ERRNO: "the kernel is another one than assumed, or pages could not be moved",
    Kind.BUSY: "pages could not be moved that the trace does not name",
    Kind.OUTSIDE: "the pool had room, or had none, otherwise than the trace says",
}


class Difference(NamedTuple):
    """One request whose recorded result is not the replayed one."""

    kind: Kind
    recorded: RecordedResult
    result: RequestResult


def differences(trace: Trace, results: Iterable[RequestResult]) -> tuple[Difference, ...]:
    """Return the requests whose recorded result differs from the replayed one, in order."""
    found = (difference(trace, result) for result in results)
    return tuple(each for each in found if each is not None)


def difference(trace: Trace, result: RequestResult) -> Difference | None:
    """Return how a replayed result differs from the recorded one; None when it does not, or nothing was recorded."""
    id_ = result.request.id
    recorded = trace.recorded.get(id_) if id_ is not None else None
    kind = _kind(recorded, result) if recorded is not None else None
    return Difference(kind, recorded, result) if kind is not None and recorded is not None else None


def _kind(recorded: RecordedResult, result: RequestResult) -> Kind | None:
    got = result.allocation
    has_failed = got.pfn is None
    if recorded.is_outside or result.place == "buddy":
        return None if recorded.is_outside == (result.place == "buddy") else Kind.OUTSIDE
    if recorded.is_failure != has_failed:
        return Kind.FAILED if recorded.is_failure else Kind.SUCCEEDED
    if recorded.errno is not None and recorded.errno != result.errno:
        return Kind.ERRNO
    was, now = (recorded.address, result.address) if recorded.address is not None else (recorded.pfn, got.pfn)
    if was is not None and now is not None and was != now:
        return Kind.HIGHER if was > now else Kind.LOWER
    if recorded.busy_pfns is not None and recorded.busy_pfns != got.busy_pfns:
        return Kind.BUSY
    return None


def busy_requests(trace: Trace) -> int:
    """Return how many requests met busy pages in the recording."""
    return sum(bool(recorded.busy_pfns) for recorded in trace.recorded.values())


def with_recorded_busy(trace: Trace) -> Trace:
    """Return the trace with the busy attempts that were recorded: each fails again, for that request only.

    Which page of an attempt could not be moved is not recorded. The first one is taken: no later attempt of the same
    request covers it, so that exactly the recorded attempts fail. A trace that names its pinned pages stays as it is.
    """
    if any(request.op is Op.PIN for request in trace.requests):
        return trace
    requests: list[Request] = []
    for request in trace.requests:
        recorded = trace.recorded.get(request.id) if request.id is not None else None
        busy = recorded.busy_pfns if recorded is not None and request.op is not Op.FREE else None
        if not busy:
            requests.append(request)
            continue
        pins = [Request(op=Op.PIN, pool=request.pool, pfn=pfn, line=request.line) for pfn in busy]
        requests += [*pins, request, *(pin._replace(op=Op.UNPIN) for pin in pins)]
    return replace(trace, requests=tuple(requests))
