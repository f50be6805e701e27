# SPDX-License-Identifier: Apache-2.0
"""How many entries memblock's list of memory holds before it may grow (kernel-semantics 2.2)."""

from __future__ import annotations

import pytest

from carveout.boot.result import Outcome
from support.boards import boot_regions, region

# Each isolated no-map region splits one bank in two: 70 of them need 141 entries of `memory`.
_MANY = [
    region(f"r{n}@{base:x}", "no-map", reg=[(base, 0x1000)])
    for n in range(70)
    if (base := 0x5000_0000 + n * 0x20_0000)
]
_SOME = _MANY[:63]


@pytest.mark.parametrize(
    ("kernel", "refused"),
    [
        pytest.param("5.10", True, id="5.10-has-128"),
        pytest.param("6.1", False, id="6.1-has-1024-with-EFI"),
        pytest.param("6.12", False, id="6.12-has-1024-with-EFI"),
    ],
)
def test_seventy_isolated_no_map_regions(kernel: str, refused: bool) -> None:
    result = boot_regions(kernel, *_MANY)
    assert any(r.outcome is Outcome.RESERVE_FAILED for r in result.regions) is refused


def test_which_memory_nodes_count_has_no_part_in_it() -> None:
    changed = boot_regions("6.1", *_MANY, behaviour={"memory_nodes": "any-depth"})
    assert all(r.outcome is not Outcome.RESERVE_FAILED for r in changed.regions)


def test_a_few_fit_everywhere() -> None:
    assert all(r.outcome is Outcome.PLACED for r in boot_regions("5.10", *_SOME).regions)
