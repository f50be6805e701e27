# SPDX-License-Identifier: Apache-2.0
"""The memory of a remote processor, in its own addresses: its regions, and what else its driver knows of.

Source: the functions named in drivers.py; rproc_da_to_va(), drivers/remoteproc/remoteproc_core.c.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from carveout.amp.drivers import UNKNOWN, Loader, View, driver_of
from carveout.amp.model import Place, Remote
from carveout.board.decode import is_reachable
from carveout.board.view import device_address, registers
from carveout.boot.result import Outcome
from carveout.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.amp.drivers import Driver
    from carveout.board import Board
    from carveout.boot.result import Boot, PlacedRegion
    from carveout.fdt import Node

_TRIPLE = struct.Struct(">3I")
_4_GIB = 1 << 32
_TCM_ELSEWHERE = 0x4101_0000
"""Where an R5F of TI's K3 sees the one of its two memories that is not at 0."""


def remote_of(board: Board, boot: Boot, path: str) -> Remote:
    """Return a remote processor with the memory it has in one boot. path: of a node of the tree."""
    node = board.tree.node(path)
    if node is None:
        raise ValueError(path)
    prop = node.prop("compatible")
    compatible = (
        tuple(text.decode("utf-8", "surrogateescape") for text in prop.value.rstrip(b"\0").split(b"\0"))
        if prop is not None
        else ()
    )
    by_path = {region.path: region for region in boot.regions}
    uses = sorted((c for c in board.consumers if c.path == node.path), key=lambda use: use.index)
    driver = driver_of(compatible)
    regions = tuple(by_path.get(use.region or "") for use in uses)
    return Remote(
        path=node.path,
        compatible=compatible,
        driver=driver,
        regions=regions,
        places=tuple(_places(node, driver, regions)),
        has_iommu=driver.has_iommu or "iommus" in node,
        enabled=is_reachable(node),
    )


def has_place(region: PlacedRegion | None) -> bool:
    """Say whether a driver finds a region at its address."""
    return (
        region is not None
        and region.base is not None
        and bool(region.size)
        and region.outcome in (Outcome.PLACED, Outcome.RESERVE_FAILED)
    )


def base_name(region: PlacedRegion) -> str:
    """Return the name of a region's node before `@`, by which the remoteproc core knows it."""
    return region.name.partition("@")[0]


def seen_at(node: Node, driver: Driver, region: PlacedRegion) -> int | None:
    """Return the processor's address of a region, or None when it cannot reach all of it."""
    if region.base is None or region.size is None:
        return None
    if driver.view is View.BUS:
        return device_address(node, region.base, region.size)
    if driver.view is View.LOW_32:
        return region.base if region.base + region.size <= _4_GIB else None
    if driver.view is View.PARENT_RANGES:
        # The driver translates the first byte only.
        for device, cpu, size in parent_triples(node):
            if cpu <= region.base < cpu + size:
                return region.base - cpu + device
        return None
    return region.base


def parent_triples(node: Node) -> list[tuple[int, int, int]]:
    """Return dma-ranges of a node's parent as stm32_rproc reads it: (device, CPU, size), one cell each."""
    prop = node.parent.prop("dma-ranges") if node.parent is not None else None
    if prop is None:
        return []
    whole = len(prop.value) // _TRIPLE.size * _TRIPLE.size
    return list(_TRIPLE.iter_unpack(prop.value[:whole]))


def _places(node: Node, driver: Driver, regions: tuple[PlacedRegion | None, ...]) -> Iterator[Place]:
    yield from _internal(node, driver)
    for at, region in enumerate(regions):
        if region is None or not has_place(region) or region.base is None or region.size is None:
            continue
        is_pool = driver.pool_first and at == 0
        skipped = driver.named and base_name(region).startswith(driver.skipped or ("\0",))
        loadable = not is_pool and not skipped
        if driver.windows and loadable:
            yield from _through_windows(driver, region.base, region.size, region.name, region)
        seen = seen_at(node, driver, region)
        if seen is not None:
            yield Place(
                Span.sized(seen, region.size),
                region.base,
                region.name,
                region,
                # With a pool the core finds only what it took from there itself.
                is_loadable=loadable or driver is UNKNOWN,
            )


def _through_windows(
    driver: Driver, base: int, size: int, name: str, region: PlacedRegion | None
) -> Iterator[Place]:
    whole = Span.sized(base, size)
    for window in driver.windows:
        part = Span(max(whole.start, window.cpu), min(whole.end, window.cpu + window.size))
        if part.size > 0:
            start = window.device + (part.start - window.cpu)
            yield Place(Span.sized(start, part.size), part.start, name, region, is_strict=True)


def _internal(node: Node, driver: Driver) -> Iterator[Place]:
    for window in driver.windows:
        if window.is_own:
            # The driver maps it under the CPU's address; every window onto that shows it.
            name = f"its own memory at 0x{window.cpu:08x}"
            yield from _through_windows(driver, window.cpu, window.size, name, None)
    if not driver.internals and not driver.takes_reg:
        return
    at_zero = node.prop("ti,loczrama")
    is_atcm_low = at_zero is None or at_zero.value != bytes(4)
    known = {internal.name: internal.device for internal in driver.internals}
    for register in registers(node):
        if driver.takes_reg:
            low = register.address & (_4_GIB - 1)
            cpu = register.cpu if register.cpu is not None else low
            yield Place(Span.sized(low, register.size), cpu, register.name or "its own memory")
        elif register.name in known and register.size and register.cpu is not None:
            seen = known[register.name]
            if register.name in ("atcm", "btcm"):
                seen = 0 if (register.name == "atcm") is is_atcm_low else _TCM_ELSEWHERE
                yield Place(Span.sized(register.cpu, register.size), register.cpu, register.name)
            yield Place(
                Span.sized(register.cpu if seen is None else seen, register.size), register.cpu, register.name
            )


def is_mdt(remote: Remote) -> bool:
    """Say whether Qualcomm's loader places the segments."""
    return remote.driver.loader is Loader.MDT
