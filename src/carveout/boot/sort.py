# SPDX-License-Identifier: Apache-2.0
"""The kernel's sort, to the last swap: it is not stable, so equal keys end up where its heap leaves them.

Source: kernel-semantics 3.8.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class SortVariant(StrEnum):
    """Which of the kernel's two heap sorts."""

    A = "A"
    """Takes the largest element off the heap, one at a time."""
    B = "B"
    """Takes the two largest off the heap in one round."""


def heapsort(items: list[T], compare: Callable[[T, T], int], variant: SortVariant) -> None:
    """Sort `items` in place, ascending. compare(x, y) is negative, zero or positive, as in C.

    Source: kernel-semantics 3.8.
    """
    if len(items) < 2:
        return
    if variant is SortVariant.A:
        _sort_by_one(items, compare)
    else:
        _sort_by_two(items, compare)


def _sort_by_one(items: list[T], compare: Callable[[T, T], int]) -> None:
    count = len(items)
    for root in range(count // 2 - 1, -1, -1):
        _sift(items, compare, root, count, tie_goes_left=True)
    for last in range(count - 1, 0, -1):
        _swap(items, 0, last)
        _sift(items, compare, 0, last, tie_goes_left=True)


def _sort_by_two(items: list[T], compare: Callable[[T, T], int]) -> None:
    count = len(items)
    for root in range(count // 2 - 1, -1, -1):
        _sift(items, compare, root, count, tie_goes_left=False)
    while count > 3:
        # The largest is the root, the second largest one of its children.
        _swap(items, 0, count - 1)
        second = 2 if compare(items[1], items[2]) <= 0 else 1
        _swap(items, second, count - 2)
        count -= 2
        _sift(items, compare, second, count, tie_goes_left=False)
        _sift(items, compare, 0, count, tie_goes_left=False)
    _swap(items, 0, count - 1)
    if count == 3 and compare(items[0], items[1]) > 0:
        _swap(items, 0, 1)


def _sift(
    items: list[T], compare: Callable[[T, T], int], root: int, count: int, *, tie_goes_left: bool
) -> None:
    # Follow the larger children down to a leaf, go back up past what is not larger than the root, and put the
    # root there; all above moves up by one. Only the first `count` items are the heap.
    path = [root]
    while (left := 2 * path[-1] + 1) < count:
        right = left + 1
        if right < count:
            order = compare(items[left], items[right])
            path.append(left if order > 0 or (order == 0 and tie_goes_left) else right)
        else:
            path.append(left)
    while len(path) > 1 and compare(items[root], items[path[-1]]) >= 0:
        path.pop()
    moved = items[root]
    for parent, child in pairwise(path):
        items[parent] = items[child]
    items[path[-1]] = moved


def _swap(items: list[T], one: int, other: int) -> None:
    items[one], items[other] = items[other], items[one]
