# SPDX-License-Identifier: Apache-2.0
"""Pools, replays, sizes and comparisons as JSON. Addresses and sizes are hexadecimal strings, counts are numbers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from carveout.report.pool_words import asked_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carveout.pool.differences import Difference
    from carveout.pool.lending import Calibration
    from carveout.pool.trace import Extent, PoolSpec, TraceHeader
    from carveout.pool.variants import Outcome
    from carveout.pool.view import PoolView
    from carveout.pool.watch import Failed, Watched
    from carveout.pool.workloads import Workload

SHOW_SCHEMA = "carveout.pool.show/1"
REPLAY_SCHEMA = "carveout.pool.replay/1"
COMPARE_SCHEMA = "carveout.pool.compare/1"
WORKLOADS_SCHEMA = "carveout.pool.workloads/1"


def render_views(views: Sequence[PoolView], *, title: str, notes: Sequence[str]) -> str:
    """Return the state of pools."""
    return dump(
        {"schema": SHOW_SCHEMA, "of": title, "pools": [_view(view) for view in views], "notes": [*notes]}
    )


def render_replay(watched: Watched, *, title: str, calibration: Calibration | None = None) -> str:
    """Return what came of a trace."""
    header = watched.trace.header
    attempts = sum(use.attempts for use in watched.uses.values())
    scanned = sum(use.scanned for use in watched.uses.values())
    migrated = sum(use.migrated for use in watched.uses.values())
    cost: dict[str, Any] = {"attempts": attempts, "scanned": scanned, "migrated": migrated}
    if calibration is not None:
        cost["cost"] = calibration.cost(attempts=attempts, scanned=scanned, migrated=migrated)
    value = {
        "schema": REPLAY_SCHEMA,
        "of": title,
        "kernel": header.kernel,
        "page_size": header.page_size,
        "policy": watched.policy,
        "requests": watched.requests,
        "pools": [_use(watched, pool) for pool in header.pools],
        "failed": [_failed(each, header) for each in watched.failed],
        "failed_count": watched.failed_count,
        "outside": watched.outside,
        "differences": [_difference(each, header.page_size) for each in watched.differences],
        "difference_count": watched.difference_count,
        "compared": watched.compared,
        "cost": cost,
        "problems": [*watched.trace.problems],
        "notes": [*header.notes],
    }
    return dump(value)


def render_compare(outcomes: Iterable[Outcome], *, title: str, pool: str, notes: Sequence[str]) -> str:
    """Return combinations side by side."""
    rows = [
        {
            "kernel": each.variant.kernel,
            "page_size": each.variant.page_size,
            "policy": each.variant.policy,
            "size": hex(each.variant.size),
            "requests": each.requests,
            "failed": each.failed,
            "failures": {str(reason): count for reason, count in each.failures.items()},
            "peak": hex(each.peak),
            "high_water": hex(each.high_water),
            "need": None if each.need is None else hex(each.need),
            "is_smallest": each.is_smallest,
            "notes": [*each.notes],
        }
        for each in outcomes
    ]
    return dump({"schema": COMPARE_SCHEMA, "of": title, "pool": pool, "variants": rows, "notes": [*notes]})


def render_workloads(workloads: Iterable[Workload]) -> str:
    """Return ready workloads with their buffers."""
    value = [
        {
            "name": workload.name,
            "summary": workload.summary,
            "streams": [
                {"name": stream.name, "buffers": [buffer._asdict() for buffer in stream.buffers]}
                for stream in workload.streams
            ],
            "steps": [step._asdict() for step in workload.steps],
        }
        for workload in workloads
    ]
    return dump({"schema": WORKLOADS_SCHEMA, "workloads": value})


def dump(value: dict[str, Any]) -> str:
    """Return a value as JSON text."""
    return json.dumps(value, indent=2) + "\n"


def _pool(spec: PoolSpec, page: int) -> dict[str, Any]:
    value: dict[str, Any] = {
        "name": spec.name,
        "kind": str(spec.kind),
        "base": hex(spec.base_pfn * page),
        "size": hex(spec.pages * page),
    }
    if spec.ranges:
        value["ranges"] = _extents(spec.ranges, page)
    return value


def _view(view: PoolView) -> dict[str, Any]:
    page = view.page_size
    return {
        **_pool(view.spec, page),
        "page_size": page,
        "used": hex(view.used_pages * page),
        "free": hex(view.free_pages * page),
        "used_extents": _extents(view.used, page),
        "free_extents": _extents(view.free, page),
        "holes": [{"align": hex(page << hole.order), "size": hex(hole.pages * page)} for hole in view.holes],
        "lent": hex(view.lent * page),
        "pinned": [hex(pfn * page) for pfn in view.pinned],
    }


def _use(watched: Watched, spec: PoolSpec) -> dict[str, Any]:
    use, page = watched.uses[spec.id], watched.trace.header.page_size
    view = watched.view(spec.id)
    return {
        **_pool(use.spec, page),
        "requests": use.requests,
        "failures": {str(reason): count for reason, count in use.failures.items()},
        "peak": hex(use.peak_pages * page),
        "high_water": hex(use.high_water_pages * page),
        "used_at_end": hex(use.pool.used_pages * page),
        "free_extents": _extents(view.free, page),
        "attempts": use.attempts,
        "scanned": use.scanned,
        "migrated": use.migrated,
    }


def _failed(failed: Failed, header: TraceHeader) -> dict[str, Any]:
    request, got = failed.result.request, failed.result.allocation
    value: dict[str, Any] = {
        "number": failed.number,
        "line": request.line,
        "id": request.id,
        "pool": header.pool(request.pool).name,
        "size": hex(asked_bytes(request, header.page_size)),
        "reason": str(got.reason),
        "errno": got.errno,
        "outside": failed.result.place == "buddy",
        "busy": [hex(pfn * header.page_size) for pfn in got.busy_pfns],
        "log": [*got.lines],
    }
    if failed.view is not None:
        page = header.page_size
        value["free"] = hex(failed.view.free_pages * page)
        value["holes"] = [
            {"align": hex(page << hole.order), "size": hex(hole.pages * page)} for hole in failed.view.holes
        ]
    return value


def _difference(each: Difference, page: int) -> dict[str, Any]:
    got, recorded = each.result.allocation, each.recorded
    return {
        "kind": str(each.kind),
        "line": each.result.request.line,
        "id": each.result.request.id,
        "recorded": {
            "address": _address(recorded.address, recorded.pfn, page),
            "errno": recorded.errno,
            "outside": recorded.is_outside,
            "busy": None if recorded.busy_pfns is None else len(recorded.busy_pfns),
        },
        "replayed": {
            "address": _address(got.address, got.pfn, page),
            "errno": each.result.errno,
            "outside": each.result.place == "buddy",
            "busy": len(got.busy_pfns),
        },
    }


def _address(address: int | None, pfn: int | None, page: int) -> str | None:
    if address is not None:
        return hex(address)
    return None if pfn is None else hex(pfn * page)


def _extents(extents: Iterable[Extent], page: int) -> list[dict[str, str]]:
    return [{"base": hex(extent.pfn * page), "size": hex(extent.pages * page)} for extent in extents]
