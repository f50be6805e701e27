# SPDX-License-Identifier: Apache-2.0
"""Regions with `reg`: reserved, or marked no-map, where the tree says.

Source: __reserved_mem_reserve_reg(), early_init_dt_reserve_memory(), drivers/of (kernel-semantics 3.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.fdt_scan import entry_at, entry_bytes
from carveout.boot.memblock import MemblockPanic
from carveout.boot.region_init import fixup, validate
from carveout.boot.region_nodes import compatible_names
from carveout.boot.result import Outcome, RegionKind, StepKind
from carveout.boot.state import EBUSY, EINVAL, ENOENT
from carveout.span import Span

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot, RegionState

_SOURCE = "kernel-semantics 3.3"


def reserve_static(state: EarlyBoot, region: RegionState) -> int:
    """Reserve a node's `reg`; returns 0, or -ENOENT when there is no usable `reg`, or another -errno.

    Returns 0 also when the reservation itself failed, as the kernel does.
    """
    if state.behaviour.static_reg_entries == "first":
        return _reserve_first(state, region)
    return _reserve_all(state, region)


def first_entry(state: EarlyBoot, region: RegionState) -> tuple[int, int] | None:
    """Return the first (base, size) of `reg`, cut to phys_addr_t, as a late pass reads it; None: unusable."""
    prop = region.node.reg
    step = entry_bytes(state)
    if prop is None or step == 0 or prop.length % step:
        return None
    if prop.length == 0 and state.behaviour.static_reg_empty != "counts":
        return None
    base, size = entry_at(state, prop.value_offset)
    return base & state.mask, size & state.mask


def entry_count(state: EarlyBoot, region: RegionState) -> int:
    """Return how many complete entries `reg` has."""
    prop = region.node.reg
    step = entry_bytes(state)
    return prop.length // step if prop is not None and step else 0


def _reserve_all(state: EarlyBoot, region: RegionState) -> int:
    prop = region.node.reg
    if prop is None:
        return -ENOENT
    step = entry_bytes(state)
    if prop.length and (step == 0 or prop.length % step):
        region.outcome = Outcome.IGNORED
        region.reasons.append(f"the length of reg, {prop.length} bytes, is not a multiple of an entry")
        state.step(StepKind.SKIP, region.node.path, region.reasons[-1], source=_SOURCE)
        state.say("invalid-reg", name=region.node.name)
        return -EINVAL
    if prop.length == 0:
        region.reasons.append("reg is empty")
    region.kind = RegionKind.STATIC
    names = compatible_names(state.behaviour, region.node.compatible)
    notes = state.behaviour.early_fixup == "reserve" and region.node.reusable and b"shared-dma-pool" in names
    for index in range(entry_count(state, region)):
        base, size = entry_at(state, prop.value_offset + index * step)
        base, size = base & state.mask, size & state.mask
        error = _reserve_entry(state, region, base, size, first=index == 0)
        if notes and error == 0:
            state.early_fixups.append(Span.sized(base, size))
    return 0


def _reserve_first(state: EarlyBoot, region: RegionState) -> int:
    entry = first_entry(state, region)
    if entry is None:
        if region.node.reg is not None:
            region.reasons.append("reg is malformed, which counts as absent")
        return -ENOENT
    region.kind = RegionKind.STATIC
    count = entry_count(state, region)
    if count > 1:
        state.step(
            StepKind.CHECK, region.node.path, "only the first entry of reg is reserved", source=_SOURCE
        )
        state.say("many-entries", name=region.node.name, count=count)
    verdict = validate(state, region, entry[0], entry[1])
    if verdict.is_veto:
        return verdict.error
    if _reserve_entry(state, region, entry[0], entry[1], first=True) == 0:
        fixup(state, region, entry[0], entry[1])
    return 0


def _reserve_entry(state: EarlyBoot, region: RegionState, base: int, size: int, *, first: bool) -> int:
    name = region.node.name
    try:
        error = _reserve_memory(state, region, base, size) if size else -EINVAL
    except MemblockPanic:
        region.reasons.append("the kernel panics while it reserves this region")
        if first:
            region.base, region.size, region.outcome = base, size, Outcome.RESERVE_FAILED
        raise
    if first:
        region.base, region.size = base, size
        region.outcome = Outcome.PLACED if error == 0 else Outcome.RESERVE_FAILED
    elif error == 0:
        region.extra.append(Span.sized(base, size))
    if error:
        if size == 0:
            region.reasons.append("an entry of reg has size 0: nothing is reserved, the message is harmless")
            state.step(StepKind.FAIL, region.node.path, region.reasons[-1], base=base, size=0, source=_SOURCE)
        state.say("reserve-failed", name=name, base=state.pa(base), mib=state.mib(size))
    return error


def _reserve_memory(state: EarlyBoot, region: RegionState, base: int, size: int) -> int:
    path = region.node.path
    if not region.node.no_map:
        covered = state.owners(base, size)
        error = state.reserve(base, size, path, _with_overlap("reg", covered), _SOURCE)
        if error:
            region.reasons.append("the array of reserved regions is full")
        elif covered:
            region.reasons.append("it lies on what belongs to " + ", ".join(covered))
        return error
    busy = state.mb.is_region_reserved(base, size)
    if state.behaviour.static_nomap_busy == "reserved-ram":
        busy = busy and state.mb.intersects_memory(base, size)
    if busy:
        owners = ", ".join(state.owners(base, size))
        region.reasons.append(
            f"no-map is refused (EBUSY), {owners} has reserved a part of it; it stays mapped"
        )
        state.step(StepKind.FAIL, path, region.reasons[-1], base=base, size=size, source=_SOURCE)
        return -EBUSY
    error = state.mb.mark_nomap(base, size)
    if error:
        region.reasons.append("the array of memory regions is full")
        state.step(StepKind.FAIL, path, region.reasons[-1], base=base, size=size, source=_SOURCE)
        return error
    if not state.ram_is_unknown and not state.mb.intersects_memory(base, size):
        region.reasons.append("it is outside RAM: nothing had to be taken from the system")
    state.step(StepKind.NOMAP, path, "reg with no-map: taken out of the linear map", base=base, size=size,
               source=_SOURCE)  # fmt: skip
    return 0


def _with_overlap(reason: str, covered: list[str]) -> str:
    return f"{reason}; on top of {', '.join(covered)}" if covered else reason
