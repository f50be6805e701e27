# SPDX-License-Identifier: Apache-2.0
"""The fast map of free bits against a plain scan of a bitmap, as the kernel does it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from carveout.pool.free_map import FreeMap
from carveout.pool.max_index import MaxIndex

if TYPE_CHECKING:
    from collections.abc import Sequence


def scan(used: Sequence[int], *, base: int, need: int, order: int, start: int) -> int | None:
    """Return the lowest aligned bit from `start` on that begins `need` zeros, by trying each."""
    step = 1 << order
    bit = start + (-(start + base) % step)
    while bit + need <= len(used):
        if not any(used[bit : bit + need]):
            return bit
        bit += step
    return None


@given(
    bits=st.integers(1, 700),
    base=st.integers(0, 5000),
    seed=st.integers(0, 1 << 32),
    density=st.sampled_from([0.02, 0.3, 0.7, 0.95]),
)
def test_any_fill_any_alignment_any_start(bits: int, base: int, seed: int, density: float) -> None:
    rng = random.Random(seed)
    used = [int(rng.random() < density) for _ in range(bits)]
    free = FreeMap(bits, base=base)
    for bit, taken in enumerate(used):
        if taken:
            free.take(bit, bit + 1)
    for _ in range(40):
        need, order, start = (
            rng.randint(1, 1 + bits // 3),
            rng.randint(0, 8),
            rng.choice([0, 0, rng.randint(0, bits + 3)]),
        )
        assert free.find(need, order, start) == scan(used, base=base, need=need, order=order, start=start)
    for order in (0, 3):
        best = max(
            (
                n
                for n in range(1, bits + 1)
                if scan(used, base=base, need=n, order=order, start=0) is not None
            ),
            default=0,
        )
        assert max(free.largest(order), 0) == best


class MapAgainstBitmap(RuleBasedStateMachine):
    """Requests come and go; the map gives what a scan of the bitmap gives."""

    @initialize(bits=st.integers(1, 40_000), base=st.integers(0, 1 << 20))
    def begin(self, bits: int, base: int) -> None:
        self.bits, self.base = bits, base
        self.used = bytearray(bits)
        self.free = FreeMap(bits, base=base)
        self.live: list[tuple[int, int]] = []

    @rule(need=st.one_of(st.integers(1, 40), st.integers(1, 5000)), order=st.integers(0, 9))
    def alloc(self, need: int, order: int) -> None:
        step, bit = 1 << order, -self.base % (1 << order)
        want = None
        while bit + need <= self.bits:
            taken = self.used.rfind(1, bit, bit + need)
            if taken < 0:
                want = bit
                break
            bit = taken + 1 + (-(taken + 1 + self.base) % step)
        assert self.free.find(need, order) == want
        if want is not None:
            self.free.take(want, want + need)
            self.used[want : want + need] = b"\1" * need
            self.live.append((want, want + need))

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        start, end = self.live.pop(data.draw(st.integers(0, len(self.live) - 1)))
        assert not self.free.overlaps(start, end)
        self.free.give(start, end)
        self.used[start:end] = bytes(end - start)

    @invariant()
    def the_free_bits_are_the_zeros(self) -> None:
        if not hasattr(self, "free"):
            return
        runs = list(self.free.extents())
        assert runs == list(reversed(list(self.free.extents_down())))
        assert sum(end - start for start, end in runs) == self.used.count(0) == self.free.free_bits
        assert all(not any(self.used[start:end]) for start, end in runs)
        # Each run is as long as it can be.
        assert all(end == self.bits or self.used[end] for _, end in runs)
        assert all(start == 0 or self.used[start - 1] for start, _ in runs)


TestMapAgainstBitmap = MapAgainstBitmap.TestCase
TestMapAgainstBitmap.settings = settings(stateful_step_count=60)


@given(
    values=st.lists(st.integers(0, 1 << 24), min_size=1, max_size=300),
    needs=st.lists(st.tuples(st.integers(1, 1 << 24), st.integers(0, 320)), max_size=30),
)
def test_the_first_leaf_that_may_hold_so_much(values: list[int], needs: list[tuple[int, int]]) -> None:
    index = MaxIndex(len(values))
    for leaf, value in enumerate(values):
        index.grow(leaf, value)
    for leaf in range(0, len(values), 3):
        values[leaf] //= 2
        index.lower(leaf, values[leaf])
    for need, start in needs:
        found = index.first(need, start) if start < len(values) else None
        sure = next((leaf for leaf in range(start, len(values)) if values[leaf] >= need), None)
        # A value stands for those up to 0.2 % above it; below 8192 for itself alone.
        likely = next((leaf for leaf in range(start, len(values)) if values[leaf] * 1.002 >= need), None)
        assert found in (sure, likely) or (
            sure is not None and likely is not None and likely <= found <= sure
        )
