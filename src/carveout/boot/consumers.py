# SPDX-License-Identifier: Apache-2.0
"""What each entry of a device's `memory-region` gives its driver.

Source: of_reserved_mem_device_init_by_idx(), drivers/of/of_reserved_mem.c; rmem_dma_device_init(),
kernel/dma/coherent.c (kernel-semantics 5.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import is_enabled
from carveout.boot.memblock import Flag
from carveout.boot.result import ConsumerResult
from carveout.boot.state import EBUSY, EINVAL, ENODEV

if TYPE_CHECKING:
    from carveout.board import Consumer
    from carveout.boot.state import EarlyBoot, ReservedMem


def consumer_results(state: EarlyBoot) -> tuple[ConsumerResult, ...]:
    """Return the outcome of every memory-region entry, in tree order."""
    with_pool: set[str] = set()
    results = []
    for consumer in state.board.consumers:
        errno, message, bound_by = _bind(state, consumer, with_pool)
        if bound_by == "dma":
            with_pool.add(consumer.path)
        results.append(
            ConsumerResult(
                path=consumer.path,
                index=consumer.index,
                name=consumer.name,
                region=consumer.region,
                errno=errno,
                message=message,
                bound_by=bound_by,
                enabled=consumer.enabled,
            )
        )
    return tuple(results)


def _bind(
    state: EarlyBoot, consumer: Consumer, with_pool: set[str]
) -> tuple[int | None, str | None, str | None]:
    # (errno or None, message, pool the driver core attaches)
    target = state.board.tree.by_phandle(consumer.phandle)
    if target is None:
        return ENODEV, "the phandle leads nowhere", None
    if not is_enabled(target):
        return None, "the region is disabled: the driver is told all is well, and gets no memory", None
    entry = _lookup(state, consumer, target.name)
    if state.ram_is_unknown and (entry is None or _depends_on_ram(entry)):
        return None, "not known: RAM is not known, pass --memory SIZE@BASE", None
    if entry is None:
        return EINVAL, "the kernel has no such region", None
    if entry.driver is None:
        if entry.region.pool is None and entry.region.outcome.value == "released":
            return EINVAL, "the region was given back to the system", None
        if entry.region.is_refused:
            return EINVAL, "the region's driver refused it", None
        return None, None, None
    pool = entry.region.pool
    if pool == "dma":
        refused = _coherent_refusal(state, entry, already=consumer.path in with_pool)
        if refused is not None:
            return *refused, None
    return None, f"assigned reserved memory node {entry.name}" if pool else None, pool


def _lookup(state: EarlyBoot, consumer: Consumer, name: str) -> ReservedMem | None:
    for entry in state.table:
        by_phandle = state.behaviour.device_lookup == "phandle"
        if entry.phandle == consumer.phandle if by_phandle else entry.name == name:
            return entry if entry.size else None
    return None


def _depends_on_ram(entry: ReservedMem) -> bool:
    # A coherent pool can be mapped unless it lies on RAM that is mapped already.
    return entry.region.pool == "dma" and not entry.region.node.no_map


def _coherent_refusal(state: EarlyBoot, entry: ReservedMem, *, already: bool) -> tuple[int, str] | None:
    # The pool is mapped before the kernel looks whether the device has one already.
    for region in state.mb.memory:
        touches = region.base < entry.base + entry.size and entry.base < region.base + region.size
        if touches and not region.flags & Flag.NOMAP:
            return EINVAL, f"memremap attempted on ram {state.pa(entry.base)} size: 0x{entry.size:x}"
    if already and state.behaviour.second_coherent_pool == "busy":
        return EBUSY, "the device has a coherent pool already"
    return None
