# SPDX-License-Identifier: Apache-2.0
"""The last value that works, found by halving, and looked at again for values that break the rule.

Halving takes for granted that what works for a value works for all values before it. Placement does not promise that:
a larger region can meet a hole that a smaller one does not. So values around the answer, and some between it and the
end, are tried afterwards, and those that work although they should not are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    Objections = tuple[str, ...]
    """Why a value does not work; empty: it works."""

_AROUND = (1, 2, 3, 4, 8)
_BETWEEN = 4
"""Values tried between the answer and the end."""


class Found(NamedTuple):
    """The answer of a search over steps 0, 1, ..., last."""

    step: int
    """The last step of the run of those that work; -1: not even the first does."""
    stopped_by: tuple[str, ...]
    """Why the next step does not work; empty: there is none."""
    beyond: tuple[int, ...]
    """Steps further on that work nevertheless, of those tried."""
    before: tuple[int, ...]
    """Steps before the answer that do not work, of those tried."""


def last_that_works(objections: Callable[[int], Objections], last: int, *, first_works: bool = True) -> Found:
    """Return the last step from 0 to `last` that works.

    objections: what speaks against a step; asked once for each. first_works: step 0 is known to.
    """
    known: dict[int, Objections] = {0: ()} if first_works else {}

    def ask(step: int) -> Objections:
        if step not in known:
            known[step] = objections(step)
        return known[step]

    if last < 0 or ask(0):
        return Found(-1, known.get(0, ()), (), ())
    low, high = 0, last + 1
    while high - low > 1:
        middle = (low + high) // 2
        if ask(middle):
            high = middle
        else:
            low = middle
    further = {low + distance for distance in _AROUND} | _spread(low, last)
    nearer = {low - distance for distance in _AROUND} | _spread(0, low)
    beyond = tuple(step for step in sorted(further) if low < step <= last and not ask(step))
    before = tuple(step for step in sorted(nearer) if 0 < step < low and ask(step))
    return Found(low, known[low + 1] if low < last else (), beyond, before)


def _spread(low: int, high: int) -> set[int]:
    return {low + (high - low) * number // (_BETWEEN + 1) for number in range(1, _BETWEEN + 1)}
