# SPDX-License-Identifier: Apache-2.0
"""Where each policy puts a request. The picture of the pool: 64 pages, # taken.

0       8       16      24      32      40      48      56
........########....########............########........########
"""

from __future__ import annotations

import pytest

from carveout.errors import UsageError
from carveout.pool.free_map import FreeMap
from carveout.pool.policy import POLICIES, FirstFit, NextFit, make_policy

TAKEN = ((8, 16), (20, 28), (40, 48), (56, 64))


def pool() -> FreeMap:
    free = FreeMap(64)
    for start, end in TAKEN:
        free.take(start, end)
    return free


@pytest.mark.parametrize(
    ("name", "need", "order", "places"),
    [
        ("first-fit", 4, 2, [0, 4, 16, 28, 32, 36, 48, 52]),
        ("best-fit", 4, 2, [16, 0, 4, 48, 52, 28, 32, 36]),
        ("top-down", 4, 2, [52, 48, 36, 32, 28, 16, 4, 0]),
        ("next-fit", 4, 2, [0, 4, 16, 28, 32, 36, 48, 52]),
        ("first-fit", 8, 3, [0, 32, 48]),
        ("best-fit", 8, 3, [0, 48, 32]),
        ("top-down", 8, 3, [48, 32, 0]),
        ("best-fit", 12, 2, [28]),
        ("top-down", 13, 0, []),
    ],
)
def test_places_in_the_order_of_trying(name: str, need: int, order: int, places: list[int]) -> None:
    assert list(make_policy(name).places(pool(), need, order)) == places


def test_next_fit_goes_on_where_it_stopped_and_wraps() -> None:
    policy, free = NextFit(), pool()
    free.take(28, 32)
    policy.allocated(28, 32)
    assert list(policy.places(free, 4, 2)) == [32, 36, 48, 52, 0, 4, 16]


def test_policies_by_name_or_of_the_users_own() -> None:
    assert set(POLICIES) == {"first-fit", "best-fit", "top-down", "next-fit"}
    assert isinstance(make_policy(FirstFit), FirstFit)
    with pytest.raises(UsageError, match="expected one of first-fit"):
        make_policy("worst-fit")
