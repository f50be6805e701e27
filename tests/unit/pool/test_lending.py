# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carveout.errors import UsageError
from carveout.pool.lending import Calibration, PageSet, Pins, SystemMemory, pages_in_cma


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 60), st.integers(1, 20)), max_size=40))
def test_a_set_of_pages_is_a_set(changes: list[tuple[bool, int, int]]) -> None:
    pages, model = PageSet(), set[int]()
    for adds, start, size in changes:
        if adds:
            pages.add(start, start + size)
            model |= set(range(start, start + size))
        else:
            pages.remove(start, start + size)
            model -= set(range(start, start + size))
        assert pages.pages == len(model)
        assert [page for start, end in pages.runs() for page in range(start, end)] == sorted(model)
        assert pages.count(10, 30) == len(model & set(range(10, 30)))


def test_pins() -> None:
    pins = Pins()
    for pfn in (7, 3, 7):
        pins.add(pfn)
    assert pins.pfns() == (3, 7)
    assert [pins.has_any(*span) for span in ((0, 3), (0, 4), (4, 7), (7, 8), (8, 99))] == [
        False, True, False, True, False,
    ]  # fmt: skip
    pins.remove(3)
    pins.remove(5)
    assert len(pins) == 1


def test_room_outside() -> None:
    assert SystemMemory().take(1 << 40) == 1 << 40
    memory = SystemMemory(5)
    assert (memory.take(3), memory.take(3), memory.take(3)) == (3, 2, 0)
    with pytest.raises(UsageError):
        SystemMemory(-1)


def test_cost_only_with_a_calibration() -> None:
    # The proportions of cma 2: 1 for a free page, 28 for one that is moved.
    cost = Calibration(600, 1, 28).cost(attempts=2, scanned=1024, migrated=256)
    assert cost == 2 * 600 + 768 + 28 * 256


# A machine with 945 MiB free, 112 of them in contiguous areas (cma 2): those are used only once the rest has shrunk
# to their size. The measured machine used pages for itself too, so only the shape is compared.
@pytest.mark.parametrize(("filled", "in_cma"), [(0, 0), (700, 0), (721, 0), (741, 10), (945, 112)])
def test_when_the_system_goes_into_the_areas(filled: int, in_cma: int) -> None:
    assert pages_in_cma(filled, outside=833, in_cma=112) == in_cma


def test_an_area_larger_than_the_rest_is_used_first() -> None:
    assert pages_in_cma(100, outside=50, in_cma=500) == 100
    with pytest.raises(UsageError, match="only 550"):
        pages_in_cma(551, outside=50, in_cma=500)
