# SPDX-License-Identifier: Apache-2.0
"""The two heap sorts leave equal keys in the order the kernel's do."""

from __future__ import annotations

import random
from itertools import product

import pytest

from carveout.boot.sort import SortVariant, heapsort

A, B = SortVariant.A, SortVariant.B


def by_key(one: tuple[int, object], other: tuple[int, object]) -> int:
    """Compare the first fields only."""
    return one[0] - other[0]


def order(keys: list[int], variant: SortVariant) -> list[int]:
    """Return the indices of the keys as sorted."""
    items = [(key, index) for index, key in enumerate(keys)]
    heapsort(items, by_key, variant)
    return [index for _, index in items]


# The first of each come with the specification (kernel-semantics 3.8); the others were computed by stepping
# through its index form, written independently of the code under test.
@pytest.mark.parametrize(
    ("variant", "keys", "expected"),
    [
        pytest.param(A, [0, 0, 0, 0, 0], [1, 2, 3, 4, 0], id="A-five-equal"),
        pytest.param(A, [0, 0, 5], [1, 0, 2], id="A-static-last"),
        pytest.param(A, [0, 5, 0], [0, 2, 1], id="A-static-between"),
        pytest.param(B, [0, 0, 0, 0, 0], [3, 1, 4, 2, 0], id="B-five-equal"),
        pytest.param(A, [0, 0], [1, 0], id="A-two-equal"),
        pytest.param(A, [0, 0, 0], [1, 2, 0], id="A-three-equal"),
        pytest.param(A, [1, 0, 1, 0, 1, 0, 1], [5, 1, 3, 2, 4, 6, 0], id="A-alternating"),
        pytest.param(A, [2, 1, 2, 1, 0, 0, 2, 1, 0, 2, 1], [5, 8, 4, 1, 3, 10, 7, 6, 2, 9, 0], id="A-mixed"),
        pytest.param(B, [0, 0], [1, 0], id="B-two-equal"),
        pytest.param(B, [0, 0, 0], [2, 1, 0], id="B-three-equal"),
        pytest.param(B, [0, 0, 0, 0], [1, 3, 2, 0], id="B-four-equal"),
        pytest.param(B, [1, 0, 1, 0, 1, 0, 1], [5, 3, 1, 4, 6, 2, 0], id="B-alternating"),
        pytest.param(B, [2, 1, 2, 1, 0, 0, 2, 1, 0, 2, 1], [8, 4, 5, 3, 1, 7, 10, 9, 6, 2, 0], id="B-mixed"),
    ],
)
def test_equal_keys_land_where_the_heap_leaves_them(
    variant: SortVariant, keys: list[int], expected: list[int]
) -> None:
    assert order(keys, variant) == expected


@pytest.mark.parametrize("variant", [A, B])
@pytest.mark.parametrize("count", [*range(12), 63, 64, 65, 500])
def test_sorts_and_loses_nothing(variant: SortVariant, count: int) -> None:
    draw = random.Random(count)
    items = [(draw.randrange(max(count // 2, 1)), index) for index in range(count)]
    result = items.copy()
    heapsort(result, by_key, variant)
    assert [key for key, _ in result] == sorted(key for key, _ in items)
    assert sorted(result) == sorted(items)


@pytest.mark.parametrize("variant", [A, B])
def test_distinct_keys_have_one_order(variant: SortVariant) -> None:
    keys = [7, 3, 9, 1, 8, 0, 2, 6, 5, 4]
    assert [keys[index] for index in order(keys, variant)] == list(range(10))


@pytest.mark.parametrize("variant", [A, B])
@pytest.mark.parametrize("count", range(6))
def test_all_short_lists(variant: SortVariant, count: int) -> None:
    for keys in product(range(count), repeat=count):
        assert [keys[index] for index in order(list(keys), variant)] == sorted(keys)
