# SPDX-License-Identifier: Apache-2.0
"""The cost of attempts and pages, from made-up requests and from recorded ones."""

from __future__ import annotations

import pytest

from carveout.errors import TraceError
from carveout.pool.calibrate import Observed, fit, observed
from carveout.pool.ftrace import read_ftrace
from support.pools import text


def requests(cost: tuple[float, float, float]) -> list[Observed]:
    found = []
    for attempts, free, moved in ((1, 0, 16), (1, 256, 0), (2, 300, 10), (1, 0, 512), (3, 1000, 100), (1, 1, 0),
                                  (1, 64, 64), (1, 512, 20), (2, 0, 2048)):  # fmt: skip
        seconds = cost[0] * attempts + cost[1] * free + cost[2] * moved
        found.append(Observed(attempts, free, moved, seconds))
    return found


@pytest.mark.parametrize("cost", [(2e-4, 3e-7, 9e-6), (0.0, 1e-6, 1e-5), (1e-3, 0.0, 1e-5)])
def test_costs_are_found_again(cost: tuple[float, float, float]) -> None:
    found = fit(requests(cost))
    assert found[:3] == pytest.approx(cost, rel=1e-6, abs=1e-12)
    assert found.median_error < 1e-9


def test_a_request_that_waited_does_not_matter() -> None:
    waited = [*requests((2e-4, 3e-7, 9e-6)), Observed(1, 0, 1, 0.5)]
    assert fit(waited)[:3] == pytest.approx((2e-4, 3e-7, 9e-6), rel=1e-3)


@pytest.mark.parametrize("fill", [700, 860])
def test_a_moved_page_costs_what_was_measured(fill: int) -> None:
    """About 8,700 to 9,100 instructions each, by a clock of one nanosecond for each (measured apart from this code)."""
    trace = read_ftrace(text(f"ftrace-migrate-fill{fill}.k7.2-icount.txt").splitlines())
    found = fit(observed(trace))
    assert 8.4e-6 < found.per_migrated_page < 9.3e-6
    assert found.per_free_page < 1e-6
    assert found.per_attempt < 4e-4


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (requests((1e-4, 1e-7, 1e-6))[:5], "5 requests with their time"),
        ([Observed(0, 0, 0, 1.0)] * 10, "too much alike"),
        ([Observed(1, 1, 1, -1.0)] * 10, "do not grow|too much alike"),
    ],
)
def test_requests_that_do_not_tell(given: list[Observed], message: str) -> None:
    with pytest.raises(TraceError, match=message):
        fit(given)


def test_failed_requests_and_those_without_moved_pages_do_not_count() -> None:
    assert observed(read_ftrace(text("ftrace-dma-1.k6.12.txt").splitlines())) == ()
    full = read_ftrace(text("ftrace-migrate-fill860.k7.2-icount.txt").splitlines())
    assert len(observed(full)) == 8
