# SPDX-License-Identifier: Apache-2.0
"""The calls with which drivers ask for a region, and what each answers for one entry of `memory-region`.

Source: of_reserved_mem_device_init_by_idx(), of_reserved_mem_lookup(), of_reserved_mem_region_to_resource(),
drivers/of/of_reserved_mem.c (kernel-semantics 5.1); of_address_to_resource(), drivers/of/address.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.driver_registry import Attached, Binding
from carveout.boot.result import MappingKind, Outcome
from carveout.boot.state import EINVAL, ENODEV
from carveout.kernel.device_drivers import Way
from carveout.values import dataclass

if TYPE_CHECKING:
    from carveout.board import Consumer
    from carveout.boot.driver_registry import DeviceState
    from carveout.boot.state import EarlyBoot, ReservedMem
    from carveout.fdt import Node

_POOLS = ("cma", "dma", "restricted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the calls answer for one entry. Errnos are positive; None: success."""

    calls: tuple[tuple[Way, int | None], ...] = ()
    entry: ReservedMem | None = None
    """What of_reserved_mem_lookup(), or the search for a region driver, finds."""
    fault: str | None = None
    """Why lookup finds nothing, as words."""
    remark: str | None = None
    """What to know although the driver is told that all is well."""
    init_errno: int | None = None
    init_message: str | None = None
    init_log: tuple[str, ...] = ()
    mapping: MappingKind = MappingKind.NONE
    doubt: str | None = None
    """What of the answer of device_init is not known."""
    is_assigned: bool = False
    """device_init has given the region to the device."""
    is_unknown: bool = False
    """It depends on RAM, which is not known."""

    @property
    def is_pool(self) -> bool:
        """Its region driver gives memory to devices."""
        return (
            self.entry is not None and self.entry.ops is not None and self.entry.ops.device_init is not None
        )

    @property
    def driver_name(self) -> str | None:
        """The region driver's name."""
        return self.entry.ops.name if self.entry is not None and self.entry.ops is not None else None


class RegionCalls:
    """Answers calls on the table of regions at the end of early boot."""

    def __init__(self, state: EarlyBoot) -> None:
        """Index the table: of several entries with one name, or one phandle, the first is found."""
        self._state = state
        self._memory = tuple(state.mb.memory)
        self._by_name: dict[str, ReservedMem] = {}
        self._by_phandle: dict[int, ReservedMem] = {}
        for entry in state.table:
            self._by_name.setdefault(entry.name, entry)
            if entry.phandle:
                self._by_phandle.setdefault(entry.phandle, entry)

    def lookup(self, node: Node) -> ReservedMem | None:
        """of_reserved_mem_lookup(): by the node's name, wherever the node stands."""
        return self._by_name.get(node.name)

    def answers(self, consumer: Consumer, device: DeviceState, way: Way) -> Answers:
        """Ask for one entry in every way; only a device_init that the driver really calls counts for the device."""
        state = self._state
        target = state.board.targets.get(consumer.phandle)
        if target is None:
            fault = "the phandle leads nowhere"
            return Answers(calls=self._table(ENODEV, EINVAL, ENODEV, EINVAL), fault=fault, init_errno=ENODEV,
                           init_message=fault)  # fmt: skip
        address = None if target.address is not None else EINVAL
        found = self.lookup(target.node)
        if not target.enabled:
            missing = None if found is not None else EINVAL
            return Answers(
                calls=self._table(None, missing, ENODEV, address),
                fault="the region is disabled" if missing else None,
                remark="the region is disabled: the driver is told all is well, and gets no memory",
                init_message="the region is disabled: the driver is told all is well, and gets no memory",
            )
        bound = found
        if state.behaviour.device_lookup == "phandle":
            bound = self._by_phandle.get(consumer.phandle)
        entry = bound if way in (Way.DEVICE_INIT, Way.UNKNOWN, Way.DRIVER_CORE) else found
        if state.ram_is_unknown and (entry is None or not entry.size or _depends_on_ram(entry)):
            return Answers(entry=entry, is_unknown=True)
        return self._of_entry(consumer, device, way, bound, found, address)

    def _of_entry(
        self,
        consumer: Consumer,
        device: DeviceState,
        way: Way,
        bound: ReservedMem | None,
        found: ReservedMem | None,
        address: int | None,
    ) -> Answers:
        asks_driver = way in (Way.DEVICE_INIT, Way.UNKNOWN, Way.DRIVER_CORE)
        entry = bound if asks_driver else found
        missing = None if found is not None else EINVAL
        if bound is None or not bound.size:
            attached = Attached(errno=EINVAL, message="the kernel has no such region")
        elif bound.ops is None or bound.ops.device_init is None:
            attached = Attached(errno=EINVAL, message=_no_driver(bound))
        else:
            attached = self._attach(consumer, bound, device, counts=asks_driver)
        log = attached.log
        message = attached.message
        is_assigned = attached.errno is None and asks_driver
        if is_assigned and bound is not None:
            line = f"assigned reserved memory node {bound.name}"
            message = message or line
            log = (*log, line)
        return Answers(
            calls=self._table(attached.errno, missing, missing, address),
            entry=entry,
            fault="the kernel has no such region" if entry is None or not entry.size else None,
            remark=_remark(consumer, entry),
            init_errno=attached.errno,
            init_message=message,
            init_log=log if consumer.enabled else (),
            mapping=attached.mapping,
            doubt=attached.doubt,
            is_assigned=is_assigned,
        )

    def _attach(
        self, consumer: Consumer, entry: ReservedMem, device: DeviceState, *, counts: bool
    ) -> Attached:
        # counts: its driver makes this call. The driver of a disabled device makes none; what it would get is told.
        assert entry.ops is not None
        assert entry.ops.device_init is not None
        if counts and consumer.enabled:
            attached = entry.ops.device_init(self._binding(entry, device))
            if attached.errno is None:
                device.assigned.append(entry)
            return attached
        # The answer must leave no trace, and a driver of the user's is not asked.
        if entry.ops.is_users:
            return Attached()
        warned, has_pool = set(self._state.warned), device.has_coherent_pool
        attached = entry.ops.device_init(self._binding(entry, device))
        self._state.warned = warned
        if not counts:
            device.has_coherent_pool = has_pool
        return attached

    def _binding(self, entry: ReservedMem, device: DeviceState) -> Binding:
        return Binding(state=self._state, entry=entry, device=device, memory=self._memory)

    def _table(
        self, device_init: int | None, lookup: int | None, resource: int | None, address: int | None
    ) -> tuple[tuple[Way, int | None], ...]:
        rows = [(Way.DEVICE_INIT, device_init), (Way.LOOKUP, lookup)]
        if self._state.behaviour.region_resource == "known":
            rows.append((Way.RESOURCE, resource))
        return (*rows, (Way.ADDRESS, address))


def _no_driver(entry: ReservedMem) -> str:
    if entry.region.outcome is Outcome.RELEASED:
        return "the region was given back to the system"
    return "no region driver stands behind the region: of_reserved_mem_device_init() refuses it"


def _remark(consumer: Consumer, entry: ReservedMem | None) -> str | None:
    if entry is None:
        return None
    path = entry.region.node.path
    if consumer.region is not None and path != consumer.region:
        return f"the kernel finds {path}, which has the same name"
    if entry.region.outcome is Outcome.RELEASED:
        return "the region is still found, although its memory was given back to the system"
    return None


def _depends_on_ram(entry: ReservedMem) -> bool:
    # A coherent pool can be mapped unless it lies on RAM that is mapped already.
    return entry.region.pool == "dma" and not entry.region.node.no_map
