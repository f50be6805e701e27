# SPDX-License-Identifier: Apache-2.0
"""Sets of addresses against sets of integers."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from carveout.report.intervals import gaps, intersect, subtract, total, union
from carveout.span import Span

spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda pair: Span.sized(*pair)), max_size=12
)


def addresses(of: list[Span]) -> set[int]:
    return {address for span in of for address in range(span.start, span.end)}


@given(spans)
def test_union_keeps_the_addresses_and_is_sorted_and_apart(some: list[Span]) -> None:
    result = union(some)
    assert addresses(result) == addresses(some)
    assert all(low.end < high.start for low, high in itertools.pairwise(result))
    assert total(result) == len(addresses(some))


@given(spans, spans)
def test_subtract_and_intersect_are_those_of_sets(left: list[Span], right: list[Span]) -> None:
    a, b = union(left), union(right)
    assert addresses(subtract(a, b)) == addresses(a) - addresses(b)
    assert addresses(intersect(a, b)) == addresses(a) & addresses(b)


@given(spans)
def test_gaps_are_what_lies_between(some: list[Span]) -> None:
    apart = union(some)
    between = gaps(apart)
    if apart:
        assert addresses(between) == set(range(apart[0].start, apart[-1].end)) - addresses(apart)
    else:
        assert between == []
