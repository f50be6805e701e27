# SPDX-License-Identifier: Apache-2.0
"""The order in which regions are reserved, placed and initialised, and the overlap check.

Two designs exist: a queue of 64 that is sorted and then worked off (5.10, 6.1), and two passes, the dynamic
regions early and the static ones when the tree is unflattened (6.12 and later).
Source: early_init_fdt_scan_reserved_mem(), fdt_init_reserved_mem(), fdt_scan_reserved_mem_reg_nodes()
(kernel-semantics 1.6, 3.5, 3.6, 3.8).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from carveout.boot.dynamic_regions import allocate_dynamic
from carveout.boot.fdt_scan import reserve_elfcorehdr, reserve_memreserve
from carveout.boot.region_init import init_region, validate
from carveout.boot.region_nodes import candidates, find_reserved_memory, phandle_of, root_is_accepted
from carveout.boot.result import StepKind
from carveout.boot.sort import SortVariant, heapsort
from carveout.boot.state import ENOENT, ReservedMem
from carveout.boot.static_regions import entry_count, first_entry, reserve_static
from carveout.errors import InternalError

if TYPE_CHECKING:
    from carveout.board import ReservedMemoryNode
    from carveout.boot.state import EarlyBoot, RegionState

MAX_RESERVED_REGIONS = 64


class RegionScan:
    """The scan of /reserved-memory of one boot: an early part, and on newer kernels a late one."""

    def __init__(self, state: EarlyBoot) -> None:
        """Prepare to scan; nothing is done yet."""
        self._state = state
        self._parent = find_reserved_memory(state.board, state.behaviour)
        self._total = 0
        self._refused = False

    def early(self) -> None:
        """Do what early_init_fdt_scan_reserved_mem() does, in its order."""
        state = self._state
        two_pass = state.behaviour.region_table == "two-pass"
        if state.behaviour.elfcorehdr in ("first", "first-strict"):
            reserve_elfcorehdr(state)
        if state.behaviour.memreserve == "first":
            reserve_memreserve(state)
        if self._parent is not None:
            self._refused = not root_is_accepted(state, self._parent)
            if not self._refused and two_pass:
                self._early_two_pass(self._parent)
            elif not self._refused:
                self._queue(self._parent)
        if state.behaviour.elfcorehdr == "after-scan":
            reserve_elfcorehdr(state)
        if not two_pass:
            self._work_off_queue()
        if state.behaviour.memreserve == "last":
            reserve_memreserve(state)

    def late(self) -> None:
        """Do the late pass for static regions, where the kernel has one."""
        state = self._state
        if state.behaviour.region_table != "two-pass":
            return
        if self._parent is None:
            state.step(StepKind.SCAN, "reserved-memory", "the tree has no /reserved-memory")
            state.say("no-node")
            return
        self._allocate_table()
        if not root_is_accepted(state, self._parent):
            return
        for region in candidates(state, self._parent):
            if region.node.reg is not None:
                self._late_static(region)
        _check_overlap(state)

    # ---- queue (5.10, 6.1) ---------------------------------------------------------------------------
    def _queue(self, parent: ReservedMemoryNode) -> None:
        state = self._state
        for region in candidates(state, parent):
            error = reserve_static(state, region)
            if error == 0 and entry_count(state, region):
                self._save(region, *placed(region))
            elif error == -ENOENT and region.node.size is not None:
                self._save(region, 0, 0)
            elif error == -ENOENT:
                region.reasons.append("it has neither reg nor size")

    def _save(self, region: RegionState, base: int, size: int) -> None:
        state = self._state
        if len(state.table) >= MAX_RESERVED_REGIONS:
            region.reasons.append(
                f"the table of {MAX_RESERVED_REGIONS} regions is full: drivers cannot find it"
            )
            state.step(StepKind.FAIL, region.node.path, region.reasons[-1], source="kernel-semantics 3.5")
            state.say("not-enough-space")
            return
        state.table.append(ReservedMem(region=region, name=region.node.name, base=base, size=size, phandle=0))

    def _work_off_queue(self) -> None:
        state = self._state
        _check_overlap(state)
        for entry in list(state.table):
            entry.phandle = phandle_of(entry.region.node)
            if entry.size == 0:
                if allocate_dynamic(state, entry.region):
                    continue
                entry.base, entry.size = placed(entry.region)
            init_region(state, entry)

    # ---- two passes (6.12 and later) -----------------------------------------------------------------
    def _early_two_pass(self, parent: ReservedMemoryNode) -> None:
        state = self._state
        dynamic: list[RegionState] = []
        for region in candidates(state, parent):
            error = reserve_static(state, region)
            if error == 0:
                self._total += 1
            elif error == -ENOENT and region.node.size is not None:
                if len(dynamic) < MAX_RESERVED_REGIONS:
                    dynamic.append(region)
                    continue
                region.reasons.append(f"more than {MAX_RESERVED_REGIONS} dynamic regions")
                state.step(StepKind.FAIL, region.node.path, region.reasons[-1], source="kernel-semantics 3.6")
                state.say("too-many-dynamic", name=region.node.name)
            elif error == -ENOENT:
                region.reasons.append("it has neither reg nor size")
        for region in dynamic:
            if allocate_dynamic(state, region) == 0:
                self._total += 1
                self._register(region, *placed(region))

    def _register(self, region: RegionState, base: int, size: int) -> None:
        state = self._state
        entry = ReservedMem(
            region=region, name=region.node.name, base=base, size=size, phandle=phandle_of(region.node)
        )
        state.table.append(entry)
        if not init_region(state, entry) and state.behaviour.init_failure_entry == "dropped":
            state.table.remove(entry)

    def _allocate_table(self) -> None:
        state = self._state
        layout = state.profile.layout
        total = state.behaviour.refused_root_entries if self._refused else self._total
        if layout is None or total == 0 or layout.reserved_mem == 0:
            return
        state.allocate(
            total * layout.reserved_mem, state.profile.smp_cache_bytes, "region table",
            f"the kernel's table of {total} regions", needed=True, source="kernel-semantics 3.6",
        )  # fmt: skip

    def _late_static(self, region: RegionState) -> None:
        state = self._state
        entry = first_entry(state, region)
        if entry is None:
            if state.behaviour.static_reg_malformed == "skip":
                state.say("invalid-reg", name=region.node.name)
            return
        base, size = entry
        count = entry_count(state, region)
        if count > 1 and state.behaviour.extra_reg_warning == "late":
            state.step(StepKind.CHECK, region.node.path, "only the first entry of reg becomes the region")
            state.say("ignores-regions", name=region.node.name, count=count - 1)
        if size == 0:
            return
        if validate(state, region, base, size).is_veto:
            return
        if region.base is None:
            region.base, region.size = base, size
        self._register(region, base, size)


def placed(region: RegionState) -> tuple[int, int]:
    """Return (base, size) of a region that has both. Raises: InternalError."""
    if region.base is None or region.size is None:
        raise InternalError(f"{region.node.path} counts as placed and has no place")
    return region.base, region.size


def _check_overlap(state: EarlyBoot) -> None:
    """Sort the table and report neighbours that overlap: purely diagnostic (kernel-semantics 3.8)."""
    table = state.table
    if len(table) < 2:
        return
    by_node = state.behaviour.sort_key == "base-size-node"

    def compare(a: ReservedMem, b: ReservedMem) -> int:
        left: tuple[int, ...] = (a.base, a.size)
        right: tuple[int, ...] = (b.base, b.size)
        if by_node:
            left, right = (*left, a.region.node.node.offset), (*right, b.region.node.node.offset)
        return (left > right) - (left < right)

    heapsort(table, compare, SortVariant(state.behaviour.sort_variant))
    for this, following in pairwise(table):
        if (this.base + this.size) & state.mask <= following.base:
            continue
        state.step(StepKind.CHECK, this.region.node.path, f"overlaps {following.region.node.path}",
                   base=this.base, size=this.size, source="kernel-semantics 3.8")  # fmt: skip
        state.say("overlap")
        state.say(
            "overlap-pair",
            name=this.name,
            base=state.pa(this.base),
            end=state.pa(this.base + this.size),
            other=following.name,
            other_base=state.pa(following.base),
            other_end=state.pa(following.base + following.size),
        )
