# SPDX-License-Identifier: Apache-2.0
"""Devices after early boot: what each gets, by device, and the devices that the kernel makes of regions.

Source: reserved_mem_matches[], of_platform_default_populate_init(), drivers/of/platform.c; of_iommu_get_resv_regions(),
drivers/iommu/of_iommu.c (kernel-semantics 3.7, binding 3.5, 3.6); tests/data/devices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import is_enabled
from carveout.board.devices import IommuAddresses, cpu_address, device_name
from carveout.boot.device_result import Device, IommuRange, RegionDeviceResult
from carveout.boot.region_nodes import compatible_names
from carveout.boot.result import Exactness, Outcome
from carveout.boot.state import EINVAL
from carveout.kernel.device_drivers import REGION_DEVICES, Way
from carveout.span import is_aligned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carveout.board import Consumer
    from carveout.boot.confidence import Confidence
    from carveout.boot.result import ConsumerResult
    from carveout.boot.state import EarlyBoot, RegionState
    from carveout.kernel.device_drivers import RegionDevice

# Without it the kernel makes these devices on no architecture but this.
_NO_REGION_DEVICES = ("powerpc64",)


def devices_of(state: EarlyBoot, results: Sequence[ConsumerResult]) -> tuple[Device, ...]:
    """Return the devices that have a memory-region, in tree order. results: one for each of the board's consumers."""
    found: dict[str, list[tuple[Consumer, ConsumerResult]]] = {}
    for consumer, result in zip(state.board.consumers, results, strict=True):
        found.setdefault(consumer.path, []).append((consumer, result))
    regions = {region.node.path: region for region in state.regions}
    lists: dict[str, IommuAddresses] = {}
    return tuple(
        Device(
            path=path,
            name=state.board.device_names[path],
            compatible=entries[0][0].compatible,
            driver=entries[0][1].driver,
            enabled=entries[0][0].enabled,
            names=entries[0][0].names,
            regions=tuple(result for _, result in entries),
            iommu=tuple(_iommu_ranges(state, [consumer for consumer, _ in entries], regions, lists)),
        )
        for path, entries in found.items()
    )


def _iommu_ranges(
    state: EarlyBoot,
    entries: Sequence[Consumer],
    regions: dict[str, RegionState],
    lists: dict[str, IommuAddresses],
) -> Iterator[IommuRange]:
    if state.behaviour.iommu_addresses == "ignored":
        return
    for consumer in entries:
        region = regions.get(consumer.region) if consumer.region is not None else None
        if region is None or region.node.iommu_addresses is None or "iommus" not in consumer.node:
            continue
        # Asked of the tree, not of the table of regions: a region that is disabled or was refused counts as well.
        base = size = 0
        if region.node.reg is not None:
            address = cpu_address(region.node.node)
            if address is None or region.requested_size is None:
                continue
            base, size = address, region.requested_size
        path = region.node.path
        if path not in lists:
            lists[path] = IommuAddresses(region.node.iommu_addresses)
        for entry in lists[path].of(consumer.node):
            yield _iommu_range(state, region, entry.iova, entry.size, (base, size))


def _iommu_range(
    state: EarlyBoot, region: RegionState, iova: int, size: int, physical: tuple[int, int]
) -> IommuRange:
    path = region.node.path
    base, length = physical
    # A range of one byte or less counts as none: its first and last address are compared.
    if length <= 1:
        return IommuRange(path, iova, size, "reserved")
    if (iova, size) == physical:
        return IommuRange(path, iova, size, "direct")
    line = (
        f"treating non-direct mapping [[mem 0x{base:08x}-0x{base + length - 1:08x} flags 0x200]] -> "
        f"[{state.pa(iova)}-{state.pa(iova + size - 1)}] as reservation"
    )
    return IommuRange(path, iova, size, "reserved", (line,))


def region_devices(state: EarlyBoot, confidence: Confidence) -> tuple[RegionDeviceResult, ...]:
    """Return the platform devices that the kernel makes of regions, in tree order."""
    if state.profile.arch in _NO_REGION_DEVICES:
        return ()
    known = {
        row.compatible.encode("ascii"): row
        for row in REGION_DEVICES
        if row.since in ("first", state.behaviour.region_devices)
    }
    # Of several entries with one name the first is found.
    by_name = {entry.name: (entry.base, entry.size) for entry in reversed(state.table)}
    found: list[RegionDeviceResult] = []
    taken: set[str] = set()
    for region in state.regions:
        names = compatible_names(state.behaviour, region.node.compatible)
        row = next((known[text] for text in names if text in known), None)
        if row is not None and is_enabled(region.node.node):
            place = _address(region) if row.way is Way.ADDRESS else by_name.get(region.node.name)
            found.append(_region_device(state, confidence, region, row, place, taken))
            if found[-1].errno is None and row.only_one:
                taken.add(row.driver)
    return tuple(found)


def _region_device(
    state: EarlyBoot,
    confidence: Confidence,
    region: RegionState,
    row: RegionDevice,
    place: tuple[int, int] | None,
    taken: set[str],
) -> RegionDeviceResult:
    node = region.node
    errno, message, log = _probe(state, region, row, place, taken)
    exactness, why = confidence.of_region(region)
    if state.ram_is_unknown and place is None and region.outcome is Outcome.UNKNOWN:
        errno, message, log = None, why, ()
    elif exactness is Exactness.EXACT and not row.is_booted:
        exactness, why = Exactness.MODELLED, f"what {row.driver} does with it was read, not booted"
    return RegionDeviceResult(
        path=node.path,
        name=device_name(node.node),
        compatible=row.compatible,
        driver=row.driver,
        asks=row.way,
        base=place[0] if place is not None else None,
        size=place[1] if place is not None else None,
        errno=errno,
        message=message,
        exactness=exactness,
        why=why,
        log=log,
    )


def _address(region: RegionState) -> tuple[int, int] | None:
    if region.node.reg is None or region.requested_size is None:
        return None
    address = cpu_address(region.node.node)
    return None if address is None else (address, region.requested_size)


def _probe(
    state: EarlyBoot,
    region: RegionState,
    row: RegionDevice,
    place: tuple[int, int] | None,
    taken: set[str],
) -> tuple[int | None, str | None, tuple[str, ...]]:
    # What the driver ends with: errno, message, lines of the log.
    if row.driver in taken:
        return EINVAL, f"{row.driver} has a region already, and takes only one", ("already initialized",)
    if place is None:
        if row.way is Way.ADDRESS:
            reason = "its driver takes the address from reg, and the region has none that can be used"
        else:
            reason = "the kernel has no such region"
        return EINVAL, reason, (row.missing,) if row.missing else ()
    page = state.config.page_size
    if row.page_aligned and not (is_aligned(place[0], page) and is_aligned(place[1], page)):
        return EINVAL, "it does not begin and end at a page", ("memory region must be page-aligned",)
    if region.outcome is Outcome.RELEASED:
        return None, "its driver finds the region, although the memory was given back to the system", ()
    return None, None, ()
