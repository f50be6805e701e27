# SPDX-License-Identifier: Apache-2.0
"""What each entry of a device's `memory-region` gives its driver.

Source: of_reserved_mem_device_init_by_idx(), drivers/of/of_reserved_mem.c; rmem_dma_device_init(),
kernel/dma/coherent.c (kernel-semantics 5.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import is_enabled
from carveout.boot.driver_registry import Binding, DeviceState
from carveout.boot.result import ConsumerResult
from carveout.boot.state import EINVAL, ENODEV

if TYPE_CHECKING:
    from carveout.board import Consumer
    from carveout.boot.state import EarlyBoot, ReservedMem


def consumer_results(state: EarlyBoot) -> tuple[ConsumerResult, ...]:
    """Return the outcome of every memory-region entry, in tree order."""
    devices: dict[str, DeviceState] = {}
    results = []
    for consumer in state.board.consumers:
        device = devices.setdefault(consumer.path, DeviceState(path=consumer.path))
        errno, message, bound_by = _bind(state, consumer, device)
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
    state: EarlyBoot, consumer: Consumer, device: DeviceState
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
    if entry.ops is None or entry.ops.device_init is None:
        if entry.region.pool is None and entry.region.outcome.value == "released":
            return EINVAL, "the region was given back to the system", None
        return None, None, None
    answer = entry.ops.device_init(Binding(state, entry, device))
    if answer.errno is not None:
        return answer.errno, answer.message, None
    device.assigned.append(entry)
    return None, f"assigned reserved memory node {entry.name}", entry.region.pool


def _lookup(state: EarlyBoot, consumer: Consumer, name: str) -> ReservedMem | None:
    for entry in state.table:
        by_phandle = state.behaviour.device_lookup == "phandle"
        if entry.phandle == consumer.phandle if by_phandle else entry.name == name:
            return entry if entry.size else None
    return None


def _depends_on_ram(entry: ReservedMem) -> bool:
    # A coherent pool can be mapped unless it lies on RAM that is mapped already.
    return entry.region.pool == "dma" and not entry.region.node.no_map
