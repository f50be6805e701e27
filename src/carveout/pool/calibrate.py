# SPDX-License-Identifier: Apache-2.0
"""What an attempt, a free page and a moved page cost on one machine, by a recording of it.

The time of a request is linear in them (cma 2): seconds = A x attempts + F x free pages + M x moved pages. The three
are fitted to the requests whose time and moved pages were recorded, by the least sum of distances and not of squares:
a request that waited for other work must not outweigh all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import TraceError
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.pool.trace import Trace

_LEAST = 8
"""Requests that are needed for three numbers."""
_ROUNDS = 60
_NEAR = 1e-7
"""Seconds; nearer is as good as equal."""


class Observed(NamedTuple):
    """One recorded request."""

    attempts: int
    free: int
    moved: int
    seconds: float


class Fit(NamedTuple):
    """Seconds for each, how many requests they are from, and how far off half of them are at most."""

    per_attempt: float
    per_free_page: float
    per_migrated_page: float
    requests: int
    median_error: float


def observed(trace: Trace) -> tuple[Observed, ...]:
    """Return the requests that were served and whose time and moved pages were recorded."""
    found = []
    for request in trace.requests:
        recorded = trace.recorded.get(request.id) if request.id is not None and request.pages else None
        if recorded is None or recorded.pfn is None or recorded.migrated is None or recorded.seconds is None:
            continue
        attempts = 1 + len(recorded.busy_pfns or ())
        free = max(attempts * request.pages - recorded.migrated, 0)
        found.append(Observed(attempts, free, recorded.migrated, recorded.seconds))
    return tuple(found)


def fit(requests: Sequence[Observed]) -> Fit:
    """Return the costs with the least distance from the requests' times. Raises: TraceError when they tell none."""
    if len(requests) < _LEAST:
        raise TraceError(
            f"{len(requests)} requests with their time and moved pages, expected at least {_LEAST}: record "
            "mm_migrate_pages beside the cma events"
        )
    weights = [1.0] * len(requests)
    costs = (0.0, 0.0, 0.0)
    for _ in range(_ROUNDS):
        costs = _least_squares(requests, weights)
        # What is far off counts less in the next round: the sum of distances is what becomes least.
        weights = [1.0 / max(abs(each.seconds - _cost(each, costs)), _NEAR) for each in requests]
    distances = [abs(each.seconds - _cost(each, costs)) for each in requests]
    return Fit(*costs, requests=len(requests), median_error=sorted(distances)[len(distances) // 2])


def _cost(each: Observed, costs: tuple[float, float, float]) -> float:
    return costs[0] * each.attempts + costs[1] * each.free + costs[2] * each.moved


def _least_squares(requests: Sequence[Observed], weights: Sequence[float]) -> tuple[float, float, float]:
    # A cost below zero means that the data do not tell it: the fit is made without it.
    active = [0, 1, 2]
    while active:
        solution = _solve(requests, weights, active)
        if solution is None:
            raise TraceError(
                "the requests are too much alike to tell what an attempt, a free and a moved page cost"
            )
        negative = [index for index, value in zip(active, solution, strict=True) if value < 0]
        if not negative:
            costs = [0.0, 0.0, 0.0]
            for index, value in zip(active, solution, strict=True):
                costs[index] = value
            return costs[0], costs[1], costs[2]
        active = [index for index in active if index not in negative]
    raise TraceError("the recorded times do not grow with attempts and pages")


def _solve(
    requests: Sequence[Observed], weights: Sequence[float], active: Sequence[int]
) -> list[float] | None:
    size = len(active)
    rows = [[0.0] * (size + 1) for _ in range(size)]
    for each, weight in zip(requests, weights, strict=True):
        values = [float(each[index]) for index in active]
        for row, left in enumerate(values):
            for column, right in enumerate(values):
                rows[row][column] += weight * left * right
            rows[row][size] += weight * left * each.seconds
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(rows[row][column]))
        if abs(rows[pivot][column]) < 1e-9:
            return None
        rows[column], rows[pivot] = rows[pivot], rows[column]
        for row in range(size):
            if row != column:
                factor = rows[row][column] / rows[column][column]
                rows[row] = [value - factor * top for value, top in zip(rows[row], rows[column], strict=True)]
    return [rows[row][size] / rows[row][row] for row in range(size)]
