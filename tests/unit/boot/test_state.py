# SPDX-License-Identifier: Apache-2.0
"""The ledger: who holds which bytes, while memblock only knows that somebody does."""

from __future__ import annotations

import pytest

from carveout.boot.memblock import Memblock, MemblockRules
from carveout.boot.state import Ledger


def ledger(*claims: tuple[int, int, str]) -> Ledger:
    made = Ledger()
    for start, end, who in claims:
        made.take(start, end - start, who)
    return made


@pytest.mark.parametrize(
    ("base", "size", "left"),
    [
        #   a: 0x10 ........ 0x20    b: 0x18 ........ 0x28
        pytest.param(0x10, 0x10, [(0x20, 0x28, "b")], id="all-of-a"),
        pytest.param(0x14, 0x2, [(0x10, 0x14, "a"), (0x16, 0x20, "a"), (0x18, 0x28, "b")], id="hole-in-a"),
        pytest.param(0x0, 0x10, [(0x10, 0x20, "a"), (0x18, 0x28, "b")], id="touches-below"),
        pytest.param(0x28, 0x10, [(0x10, 0x20, "a"), (0x18, 0x28, "b")], id="touches-above"),
        pytest.param(0x0, 0x100, [], id="everything"),
        pytest.param(0x1C, 0x100, [(0x10, 0x1C, "a"), (0x18, 0x1C, "b")], id="upper-end-of-both"),
    ],
)
def test_give(base: int, size: int, left: list[tuple[int, int, str]]) -> None:
    made = ledger((0x10, 0x20, "a"), (0x18, 0x28, "b"))
    made.give(base, size)
    assert sorted(made.claims) == left


def test_nothing_is_not_held() -> None:
    assert ledger((5, 5, "a")).claims == []


def test_owners_in_order_of_claiming_each_once() -> None:
    made = ledger((0x20, 0x30, "b"), (0x10, 0x28, "a"), (0x28, 0x40, "b"))
    assert made.owners(0x20, 0x10) == ["b", "a"]
    assert made.owners(0x10, 0x10) == ["a"]
    assert made.owners(0x40, 1) == []


def _memblock(*reserved: tuple[int, int]) -> Memblock:
    mb = Memblock(MemblockRules(phys_bits=64, page_size=4096, smp_cache_bytes=64))
    for start, end in reserved:
        mb.reserve(start, end - start)
    return mb


def test_names_of_reserved_regions() -> None:
    mb = _memblock((0x10, 0x30), (0x40, 0x50), (0x60, 0x70))
    made = ledger((0x40, 0x50, "x"), (0x18, 0x30, "b"), (0x10, 0x20, "a"), (0x10, 0x14, "a"))
    assert made.names_of(mb.reserved) == ["a, b", "x", ""]


def test_a_long_claim_over_several_regions() -> None:
    # One claim spans what memblock splits: it is named for each of them.
    mb = _memblock((0x10, 0x20), (0x30, 0x40))
    assert ledger((0x10, 0x40, "long"), (0x30, 0x34, "short")).names_of(mb.reserved) == [
        "long",
        "long, short",
    ]


def test_give_outside() -> None:
    made = ledger((0x00, 0x100, "a"), (0x200, 0x300, "b"))
    made.give_outside(_memblock((0x10, 0x20), (0x80, 0x280)).reserved)
    assert sorted(made.claims) == [(0x10, 0x20, "a"), (0x80, 0x100, "a"), (0x200, 0x280, "b")]
