# SPDX-License-Identifier: Apache-2.0
"""A trace set into a boot: which of its pools the boot has, and its requests as requests to those.

Where a pool has another place or size than in the trace, the requests go to the boot's, and what a recording says of
their results no longer counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.kernel.profile import resolve
from carveout.pool.sizing import ALLOCATES, only_pool
from carveout.pool.trace import Extent
from carveout.pool.trace_areas import PAGE_SHIFTS, unit_address
from carveout.pool.variants import as_on
from carveout.span import Span
from carveout.units import format_range
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.pool.of_boot import BootedPool
    from carveout.pool.trace import PoolSpec, Trace, TraceHeader


class InBoot(NamedTuple):
    """A trace in a boot, one for each pool of the boot that it goes to."""

    traces: tuple[Trace, ...]
    refused: tuple[str, ...]
    """Why the requests to a pool have no place in this boot, as sentences."""


def in_boot(
    trace: Trace, pools: Sequence[BootedPool], *, kernel: str, page_size: int, only: str | None = None
) -> InBoot:
    """Return the requests to each pool of a boot.

    kernel, page_size: of the boot. only: name of the one pool that is asked for; None: all.
    Raises: UsageError, UnsupportedProfile.
    """
    booted = {pool.spec.name: pool for pool in pools}
    known = ", ".join(booted) or "none"
    asked = {request.pool for request in trace.requests if request.op in ALLOCATES}
    found: list[Trace] = []
    refused: list[str] = []
    for spec in trace.header.pools:
        if spec.id not in asked or only not in (None, spec.name):
            continue
        pool = booted.get(spec.name)
        one = only_pool(trace, spec.id)
        other = _other_pages(one, spec, page_size)
        if pool is None:
            refused.append(
                f"requests of the trace go to '{spec.name}', which this boot does not have; its pools are {known}"
            )
        elif other is not None:
            refused.append(
                f"{spec.name}: the trace's page frame numbers are those of {other >> 10} KiB pages, and this scene "
                f"has {page_size >> 10} KiB: --page-size {other >> 10}K"
            )
        else:
            found.append(_placed(one, pool, kernel, page_size))
    return InBoot(tuple(found), tuple(refused))


def _other_pages(trace: Trace, spec: PoolSpec, page_size: int) -> int | None:
    # The page size with which the recorded places lie where the pool's name says, when it is another one.
    address = unit_address(spec.name)
    lowest, _ = _recorded(trace)
    if address is None or lowest is None or trace.header.page_size != page_size:
        return None
    length = spec.pages * page_size
    fits = [
        1 << shift
        for shift in PAGE_SHIFTS
        if address >> shift <= lowest < (address + length - 1 >> shift) + 1
    ]
    return fits[0] if fits and page_size not in fits else None


def _recorded(trace: Trace) -> tuple[int | None, int]:
    # The lowest recorded page, and the highest.
    ids = {request.id for request in trace.requests if request.op in ALLOCATES}
    pfns = [each.pfn for id_, each in trace.recorded.items() if id_ in ids and each.pfn is not None]
    return (min(pfns), max(pfns)) if pfns else (None, 0)


def _placed(trace: Trace, pool: BootedPool, kernel: str, page_size: int) -> Trace:
    notes: tuple[str, ...] = ()
    header = trace.header
    if header.page_size != page_size or not _is_like(header, kernel):
        was = f"{header.kernel} with {header.page_size >> 10} KiB pages"
        trace, said = as_on(trace, kernel, page_size)
        notes = (f"the trace is of {was}: its requests are made on this scene's kernel here", *said)
    (spec,) = trace.header.pools
    if _place(spec) != _place(pool.spec):
        there, here = _place_text(spec, page_size), _place_text(pool.spec, page_size)
        note = (
            f"{spec.name}: in the trace at {there}, here at {here}: its requests go to the pool as it is here"
        )
        notes += (note,)
        trace = _moved(trace, spec, pool.spec)
    lowest, highest = _recorded(trace)
    if lowest is not None and not spec.base_pfn <= lowest <= highest < spec.base_pfn + spec.pages:
        notes += (
            f"{spec.name}: was elsewhere when the trace was recorded: its requests go to the pool as it is here",
        )
        trace = replace(trace, recorded={})
    return replace(trace, header=replace(trace.header, notes=(*trace.header.notes, *notes)))


def _is_like(header: TraceHeader, kernel: str) -> bool:
    # Whether two kernels make the same decisions: 6.12.107 and 6.12.
    there, here = (
        resolve(each, arch=header.arch, page_size=header.page_size) for each in (header.kernel, kernel)
    )
    return there.behaviour == here.behaviour


def _moved(trace: Trace, old: PoolSpec, new: PoolSpec) -> Trace:
    # What is said of places stays as far from the pool's start.
    by = new.base_pfn - old.base_pfn
    end = new.base_pfn + new.pages
    spec = replace(new, id=old.id)
    requests = [
        request._replace(pfn=request.pfn + by) if request.pfn is not None else request
        for request in trace.requests
    ]
    inside = tuple(
        request for request in requests if request.pfn is None or request.pfn + max(request.pages, 1) <= end
    )
    if old.initially and not new.initially:
        held = (Extent(extent.pfn + by, extent.pages) for extent in old.initially)
        spec = replace(spec, initially=tuple(extent for extent in held if extent.end <= end))
    return replace(trace, header=replace(trace.header, pools=(spec,)), requests=inside, recorded={})


def _place(spec: PoolSpec) -> tuple[object, ...]:
    return spec.base_pfn, spec.pages, spec.ranges


def _place_text(spec: PoolSpec, page_size: int) -> str:
    return format_range(Span.sized(spec.base_pfn * page_size, spec.pages * page_size))
