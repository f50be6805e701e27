# SPDX-License-Identifier: Apache-2.0
"""Where in a pool a request goes: the kernel's first fit, and others to set beside it.

The mail of 2013 foresees that another allocator may take over a region. A policy says which places it would try, in
order; the pool tries them until one has no page that cannot be moved. Linux 5.10 to 7.2: first fit (cma 1.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from carveout.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from carveout.pool.free_map import FreeMap


class Policy(Protocol):
    """Chooses places. One object serves one range of one pool, so it may remember what it did."""

    def places(self, free: FreeMap, need: int, order: int) -> Iterator[int]:
        """Yield bits that begin `need` free bits and are aligned to 2 ** order, in the order to try them.

        `free` is as it was at the first when the next place is asked for.
        """
        ...

    def allocated(self, start: int, end: int) -> None:
        """Hear that bits [start, end) were given out."""
        ...


class FirstFit:
    """The lowest place; after a busy one the next aligned place above it, as cma_alloc() does."""

    def places(self, free: FreeMap, need: int, order: int) -> Iterator[int]:
        """Yield every place, ascending."""
        start = 0
        while (place := free.find(need, order, start)) is not None:
            yield place
            start = place + (1 << order)

    def allocated(self, start: int, end: int) -> None:
        """Remember nothing."""


class NextFit:
    """The first place behind the last one given out, then from the start of the pool."""

    def __init__(self) -> None:
        """Begin at the start."""
        self._cursor = 0

    def places(self, free: FreeMap, need: int, order: int) -> Iterator[int]:
        """Yield every place, ascending from the cursor, then those below it."""
        cursor = start = self._cursor
        while (place := free.find(need, order, start)) is not None:
            yield place
            start = place + (1 << order)
        start = 0
        while start < cursor and (place := free.find(need, order, start)) is not None:
            if place >= cursor:
                return
            yield place
            start = place + (1 << order)

    def allocated(self, start: int, end: int) -> None:  # noqa: ARG002
        """Move the cursor behind it."""
        self._cursor = end


class BestFit:
    """The smallest free extent that is large enough, the lowest of equals. Looks at every extent."""

    def places(self, free: FreeMap, need: int, order: int) -> Iterator[int]:
        """Yield the places of each extent that fits, from the smallest extent to the largest."""
        fitting = sorted((end - start, start, end) for start, end in free.extents() if end - start >= need)
        for _, start, end in fitting:
            yield from _aligned(free, start, end - need, order)

    def allocated(self, start: int, end: int) -> None:
        """Remember nothing."""


class TopDown:
    """The highest place, as memblock chooses. Looks at extents from the top until one fits."""

    def places(self, free: FreeMap, need: int, order: int) -> Iterator[int]:
        """Yield every place, descending."""
        for start, end in free.extents_down():
            yield from reversed(_aligned(free, start, end - need, order))

    def allocated(self, start: int, end: int) -> None:
        """Remember nothing."""


def _aligned(free: FreeMap, low: int, high: int, order: int) -> range:
    # The aligned bits from `low` to `high`, both included.
    step = 1 << order
    return range(low + (-(low + free.base) & (step - 1)), high + 1, step)


FIRST_FIT = "first-fit"
"""The kernel's policy."""

POLICIES: Mapping[str, Callable[[], Policy]] = {
    FIRST_FIT: FirstFit,
    "best-fit": BestFit,
    "top-down": TopDown,
    "next-fit": NextFit,
}
"""How to make each policy, by its name."""


def make_policy(policy: str | Callable[[], Policy]) -> Policy:
    """Return a new object of a policy, given by name or as what makes one. Raises: UsageError."""
    if not isinstance(policy, str):
        return policy()
    if policy not in POLICIES:
        raise UsageError(f"policy '{policy}': expected one of {', '.join(POLICIES)}")
    return POLICIES[policy]()
