# SPDX-License-Identifier: Apache-2.0
"""How far two names are apart: for names that are meant to be another one."""

from __future__ import annotations

_LONGEST = 64


def distance(one: str, other: str) -> int:
    """Return how many letters must be put in, taken out, replaced or swapped with the next to get one from the other.

    Names longer than 64 letters are as far apart as can be: trees are untrusted, and the work grows with both lengths.
    """
    if one == other:
        return 0
    if max(len(one), len(other)) > _LONGEST:
        return max(len(one), len(other))
    before: list[int] = []
    row = list(range(len(other) + 1))
    for y, letter in enumerate(one, 1):
        earlier, before, row = before, row, [y]
        for x, wanted in enumerate(other, 1):
            best = min(before[x] + 1, row[x - 1] + 1, before[x - 1] + (letter != wanted))
            if x > 1 and y > 1 and letter == other[x - 2] and one[y - 2] == wanted:
                best = min(best, earlier[x - 2] + 1)
            row.append(best)
    return row[-1]
