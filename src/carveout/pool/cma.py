# SPDX-License-Identifier: Apache-2.0
"""A contiguous memory area at run time: what cma_alloc() returns, at which place, and what it says about it.

Source: cma_alloc(), __cma_alloc(), __cma_alloc_frozen(), cma_release(), mm/cma.c (kernel-semantics 5.3; cma 1.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.errors import UsageError
from carveout.pool.free_map import FreeMap
from carveout.pool.lending import PageSet, Pins, SystemMemory
from carveout.pool.log import failure_line, free_runs
from carveout.pool.policy import FIRST_FIT, make_policy
from carveout.pool.result import Allocation, Errno, Reason
from carveout.pool.trace import Extent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from carveout.kernel.behaviour import Behaviour
    from carveout.pool.policy import Policy
    from carveout.pool.trace import PoolSpec


class _Range:
    """One range of an area: its pages, its bitmap, who chooses in it."""

    __slots__ = ("extent", "free", "policy")

    def __init__(self, extent: Extent, order_per_bit: int, policy: Policy) -> None:
        self.extent = extent
        self.free = FreeMap(extent.pages >> order_per_bit, base=extent.pfn >> order_per_bit)
        self.policy = policy


class CmaPool:
    """A contiguous area. Changes with every request; not for use by two threads at once."""

    def __init__(
        self,
        spec: PoolSpec,
        behaviour: Behaviour,
        *,
        policy: str | Callable[[], Policy] = FIRST_FIT,
        memory: SystemMemory | None = None,
        long_bits: int = 64,
        with_log: bool = True,
    ) -> None:
        """Make the area as it is when the kernel has activated it, with what `spec` says is allocated already.

        memory: where pages go that are moved away; without it there is always room. long_bits: of an unsigned long.
        with_log: give the lines that the kernel prints of a failure; they cost time in a large pool.
        Raises: UsageError for a spec that makes no area.
        """
        ranges = spec.ranges or (Extent(spec.base_pfn, spec.pages),)
        if len(ranges) > 1 and behaviour.runtime_cma_ranges == "one":
            raise UsageError(f"{spec.name}: {len(ranges)} ranges, but this kernel's areas have one")
        self.spec = spec
        self.name = spec.name
        self.behaviour = behaviour
        self.memory = memory or SystemMemory()
        self.order_per_bit = spec.order_per_bit
        self.pins = Pins()
        self.lent = PageSet()
        self.count = sum(extent.pages for extent in ranges)
        """Pages of the area."""
        self.available_count = self.count
        """Pages free, as 7.2 counts them: by pages asked for, not by bits."""
        self._ranges = [_Range(extent, spec.order_per_bit, make_policy(policy)) for extent in ranges]
        self._long_bits = long_bits
        self._with_log = with_log
        for extent in spec.initially:
            self._reserve(extent)

    # ---- requests ------------------------------------------------------------------------------------
    def alloc(self, pages: int, align: int = 0) -> Allocation:
        """Allocate `pages` pages whose page frame number is a multiple of 2 ** align.

        Raises: UsageError for no pages or an alignment that no kernel takes.
        """
        if pages < 1:
            raise UsageError(f"{self.name}: {pages} pages asked for, expected at least 1")
        if not 0 <= align < self._long_bits:
            raise UsageError(f"{self.name}: alignment order {align}, expected 0 to {self._long_bits - 1}")
        attempt = _Attempt()
        for part in self._ranges:
            self._alloc_in(part, pages, align, attempt)
            if attempt.pfn is not None or attempt.errno is not Errno.EBUSY:
                break
        if attempt.pfn is None and attempt.errno is None:
            attempt.errno = Errno.ENOMEM
        return self._finished(pages, align, attempt)

    def _alloc_in(self, part: _Range, pages: int, align: int, attempt: _Attempt) -> None:
        attempt.errno = Errno[self.behaviour.runtime_cma_no_room]
        need = -(-pages >> self.order_per_bit)
        if need > part.free.bits:
            return
        checks = self.behaviour.runtime_cma_available == "checked"
        for bit in part.policy.places(part.free, need, max(align - self.order_per_bit, 0)):
            if checks and pages > self.available_count:
                return
            pfn = part.extent.pfn + (bit << self.order_per_bit)
            attempt.errno = self._migrate(pfn, pages, attempt)
            if attempt.errno is None:
                part.free.take(bit, bit + need)
                part.policy.allocated(bit, bit + need)
                self.available_count -= pages
                attempt.pfn = pfn
                return
            attempt.tried = pfn
            if attempt.errno is not Errno.EBUSY:
                return
            attempt.busy.append(pfn)

    def _migrate(self, pfn: int, pages: int, attempt: _Attempt) -> Errno | None:
        # alloc_contig_range(): all pages of the range must be free, or movable and there must be room for them.
        attempt.count += 1
        attempt.scanned += pages
        if len(self.pins) and self.pins.has_any(pfn, pfn + pages):
            return Errno.EBUSY
        if not self.lent.pages:
            return None
        wanted = self.lent.count(pfn, pfn + pages)
        if not wanted:
            return None
        moved = self.memory.take(wanted)
        attempt.migrated += moved
        if moved == wanted:
            self.lent.remove(pfn, pfn + pages)
            return None
        self._take_lent(pfn, pfn + pages, moved)
        return Errno.ENOMEM

    def _take_lent(self, start: int, end: int, pages: int) -> None:
        # The lowest ones went first, and do not come back.
        for first, last in self.lent.runs():
            low, high = max(first, start), min(last, end)
            if low < high and pages:
                moved = min(pages, high - low)
                self.lent.remove(low, low + moved)
                pages -= moved

    def _finished(self, pages: int, align: int, attempt: _Attempt) -> Allocation:
        reason = Reason.NONE if attempt.pfn is not None else self._reason(pages, align, attempt)
        events = self.behaviour.runtime_cma_too_large if reason is Reason.TOO_LARGE else "finish"
        # A request larger than the area is turned away without a word, where it leaves no last event either.
        says = self._with_log and reason is not Reason.NONE and events == "finish"
        return Allocation(
            pfn=attempt.pfn,
            pages=0 if attempt.pfn is None else -(-pages >> self.order_per_bit) << self.order_per_bit,
            errno=0 if attempt.pfn is not None else -(attempt.errno or Errno.ENOMEM),
            busy_pfns=tuple(attempt.busy),
            shows_busy=self.behaviour.runtime_cma_busy_events == "present",
            finish_pfn=None if reason is Reason.NONE or events != "finish" else self._finish_pfn(attempt),
            has_finish_event=events == "finish",
            reason=reason,
            attempts=attempt.count,
            scanned=attempt.scanned,
            migrated=attempt.migrated,
            lines=self._lines(pages, attempt.errno) if says else (),
        )

    def _finish_pfn(self, attempt: _Attempt) -> str:
        if self.behaviour.runtime_cma_finish_pfn == "zero":
            pfn = 0
        else:
            pfn = (1 << self._long_bits) - 1 if attempt.tried is None else attempt.tried
        return f"0x{pfn:x}" if self.behaviour.runtime_cma_event_pfn == "0x" else f"{pfn:x}"

    def _reason(self, pages: int, align: int, attempt: _Attempt) -> Reason:
        need = -(-pages >> self.order_per_bit)
        if all(need > part.free.bits for part in self._ranges):
            return Reason.TOO_LARGE
        if attempt.errno is Errno.ENOMEM and attempt.tried is not None and not attempt.ended_busy:
            return Reason.NO_TARGET
        if attempt.busy:
            return Reason.BUSY
        if sum(part.free.free_bits for part in self._ranges) < need:
            return Reason.ROOM
        runs = any(part.free.find(need) is not None for part in self._ranges)
        return Reason.ALIGNMENT if runs and align > self.order_per_bit else Reason.FRAGMENTATION

    def release(self, pfn: int, pages: int) -> bool:
        """Give pages back; False when they are not all of this area, as cma_release() answers.

        Raises: UsageError when some of them are free: the kernel would go on with a broken bitmap.
        """
        part = next((p for p in self._ranges if p.extent.pfn <= pfn < p.extent.end), None)
        if part is None or pages < 1 or pfn + pages > part.extent.end:
            return False
        start = (pfn - part.extent.pfn) >> self.order_per_bit
        end = start - (-pages >> self.order_per_bit)
        if part.free.overlaps(start, end):
            raise UsageError(f"{self.name}: some of the {pages} pages from 0x{pfn:x} on are free already")
        part.free.give(start, end)
        self.available_count += pages
        return True

    # ---- what the system does in it ------------------------------------------------------------------
    def pin(self, pfn: int) -> None:
        """Let the page at `pfn` be one that cannot be moved: attempts over it are busy."""
        self._must_have(pfn, pfn + 1)
        self.pins.add(pfn)

    def lend(self, pages: int, pfn: int | None = None) -> int:
        """Let the system put movable pages here: at `pfn`, or into the lowest free ones. Return how many found room."""
        if pfn is not None:
            self._must_have(pfn, pfn + pages)
        placed = 0
        for low, high in list(self._unused(pfn)):
            if placed == pages or (pfn is not None and low >= pfn + pages):
                break
            end = min(high, low + pages - placed) if pfn is None else min(high, pfn + pages)
            self.lent.add(low, end)
            placed += end - low
        return placed

    def _unused(self, pfn: int | None) -> Iterator[tuple[int, int]]:
        # Free pages that the system has not put anything into, ascending, from `pfn` on.
        lent = self.lent.runs()
        for low, high in self.free_extents():
            at = low if pfn is None else max(low, pfn)
            for start, end in lent:
                if end <= at or start >= high:
                    continue
                if at < start:
                    yield at, start
                at = end
            if at < high:
                yield at, high

    def _must_have(self, start: int, end: int) -> None:
        if not any(p.extent.pfn <= start and end <= p.extent.end for p in self._ranges):
            raise UsageError(f"{self.name}: page frames 0x{start:x} to 0x{end - 1:x} are not of this area")

    def _reserve(self, extent: Extent) -> None:
        self._must_have(extent.pfn, extent.end)
        part = next(p for p in self._ranges if p.extent.pfn <= extent.pfn < p.extent.end)
        start = (extent.pfn - part.extent.pfn) >> self.order_per_bit
        end = start - (-extent.pages >> self.order_per_bit)
        if not part.free.is_free(start, end):
            raise UsageError(
                f"{self.name}: 0x{extent.pfn:x} and {extent.pages} pages from there are taken twice"
            )
        part.free.take(start, end)
        self.available_count -= extent.pages

    # ---- looking -------------------------------------------------------------------------------------
    @property
    def used_pages(self) -> int:
        """Pages allocated, by bits of the bitmap."""
        return self.count - (sum(part.free.free_bits for part in self._ranges) << self.order_per_bit)

    def free_extents(self) -> Iterator[tuple[int, int]]:
        """Yield the free page frames as [start, end), ascending."""
        for part in self._ranges:
            for start, end in part.free.extents():
                yield (
                    part.extent.pfn + (start << self.order_per_bit),
                    part.extent.pfn + (end << self.order_per_bit),
                )

    def largest_hole(self, align: int = 0) -> int:
        """Return the most pages that one request aligned to 2 ** align could get now."""
        order = max(align - self.order_per_bit, 0)
        return max(part.free.largest(order) for part in self._ranges) << self.order_per_bit

    def _lines(self, pages: int, errno: Errno | None) -> tuple[str, ...]:
        # What the kernel prints about a request that failed.
        runs = [part.free.extents() for part in self._ranges]
        return (
            failure_line(self.behaviour, self.name, pages=pages, errno=errno or Errno.ENOMEM),
            *free_runs(self.behaviour, runs, order_per_bit=self.order_per_bit, total=self.count),
        )


class _Attempt:
    """What came of one request so far."""

    __slots__ = ("busy", "count", "errno", "migrated", "pfn", "scanned", "tried")

    def __init__(self) -> None:
        self.pfn: int | None = None
        self.errno: Errno | None = None
        self.busy: list[int] = []
        self.tried: int | None = None
        self.count = self.scanned = self.migrated = 0

    @property
    def ended_busy(self) -> bool:
        """The last place that was tried was busy."""
        return bool(self.busy) and self.busy[-1] == self.tried
