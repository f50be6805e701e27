# SPDX-License-Identifier: Apache-2.0
"""The regions that a remote processor's node names: whether its driver can have and map them, and it can reach them.

Source: the functions named in drivers.py; ioremap_prot(), arch/arm64/mm/ioremap.c (refuses mapped RAM);
rproc_add_virtio_dev(), drivers/remoteproc/remoteproc_virtio.c.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.amp.drivers import UNKNOWN, View
from carveout.amp.model import Gravity, Problem
from carveout.amp.places import base_name, has_place, parent_triples, seen_at
from carveout.boot.result import Exactness, Outcome, RegionKind
from carveout.span import Span
from carveout.units import format_range

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.amp.model import Remote
    from carveout.board import Board
    from carveout.boot.result import Boot, PlacedRegion

_BUFFER = re.compile(r"vdev\d+buffer")


def check_regions(board: Board, boot: Boot, remote: Remote, *, is_movable: bool) -> Iterator[Problem]:
    """Yield what is wrong with the regions of a processor. is_movable: the firmware may be loaded anywhere."""
    yield from _count(remote)
    yield from _unavailable(boot, remote)
    for at, region in enumerate(remote.regions):
        if region is not None and has_place(region):
            yield from _region(board, boot, remote, region, at)
            if region.kind is RegionKind.DYNAMIC and not is_movable and not _is_pool(remote, region, at):
                yield _moves(boot, region)


def check_knowledge(remote: Remote) -> Iterator[Problem]:
    """Yield how far the result can be relied on."""
    if remote.driver is UNKNOWN:
        shown = f"'{remote.compatible[0]}'" if remote.compatible else "a node without compatible"
        yield Problem(
            "AMP001",
            f"how the driver for {shown} finds memory is not known here: regions are taken to be where the bus of the "
            "processor shows them, and what is outside of them may be memory of its own",
            Gravity.NOTE,
        )
    doubts: dict[str, list[PlacedRegion]] = {}
    for region in remote.regions:
        if region is not None and has_place(region) and region.exactness is not Exactness.EXACT:
            doubts.setdefault(region.why, []).append(region)
    for why, regions in doubts.items():
        yield Problem(
            "AMP002",
            f"{', '.join(region.name for region in regions)}: modelled: {why}",
            Gravity.NOTE,
            related=tuple(region.path for region in regions),
        )


def _count(remote: Remote) -> Iterator[Problem]:
    least = remote.driver.least_regions
    if len(remote.regions) < least:
        yield Problem(
            "AMP304",
            f"memory-region has {len(remote.regions)} entries, the driver ({remote.driver.name}) needs at least {least}: "
            "the processor is not registered (-22)",
            Gravity.ERROR,
        )


def _unavailable(boot: Boot, remote: Remote) -> Iterator[Problem]:
    uses = sorted((use for use in boot.consumers if use.path == remote.path), key=lambda use: use.index)
    for use, region in zip(uses, remote.regions, strict=False):
        reason = None
        if use.errno is not None:
            reason = use.message or "the kernel does not have it"
        elif region is None:
            reason = use.message or "it is no region that this kernel knows"
        elif not has_place(region):
            reason = f"{region.outcome}: {region.why}" if region.why else str(region.outcome)
        if reason is not None:
            errno = f" (-{use.errno})" if use.errno is not None else ""
            yield Problem(
                "AMP301",
                f"entry {use.index} of memory-region, {use.region or 'a phandle of nothing'}, cannot be had: {reason}{errno}",
                Gravity.ERROR,
                related=(use.region,) if use.region else (),
            )


def _region(board: Board, boot: Boot, remote: Remote, region: PlacedRegion, at: int) -> Iterator[Problem]:
    driver, name = remote.driver, base_name(region)
    if _is_pool(remote, region, at):
        if region.pool is None:
            yield Problem(
                "AMP305",
                f"{region.name} is to be the pool for {'rings and ' if driver.pool_first else ''}buffers, and is no "
                "shared-dma-pool: "
                + ("the driver gives up (-22)" if driver.pool_first else "buffers come from elsewhere"),
                Gravity.ERROR if driver.pool_first else Gravity.WARNING,
                fix=f'give {region.name} compatible = "shared-dma-pool"',
                related=(region.path,),
            )
    elif driver.maps_regions and name not in driver.unregistered:
        yield from _mapped(boot, region)
    node = board.tree.node(remote.path)
    if node is not None and seen_at(node, driver, region) is None:
        yield _unreachable(remote, region, has_ranges=bool(parent_triples(node)))


def _is_pool(remote: Remote, region: PlacedRegion, at: int) -> bool:
    if remote.driver.pool_first and at == 0:
        return True
    return remote.driver.named and _BUFFER.fullmatch(base_name(region)) is not None


def _moves(boot: Boot, region: PlacedRegion) -> Problem:
    return Problem(
        "AMP306",
        f"{region.name} has no fixed address: Linux {boot.scene.kernel} puts it at 0x{region.base or 0:08x} in this scene, "
        "and another kernel, more RAM or another image moves it away from where the firmware is linked",
        Gravity.WARNING,
        fix=f"give {region.name} a reg (carveout pin)",
        related=(region.path,),
    )


def _mapped(boot: Boot, region: PlacedRegion) -> Iterator[Problem]:
    place = Span.sized(region.base or 0, region.size or 0)
    ram = [Span.sized(entry.base, entry.size) for entry in boot.memory if not entry.nomap]
    if any(span.overlaps(place) for span in ram):
        refused = f"although it is no-map: {_fate(region)}" if region.nomap else "since it is not no-map"
        yield Problem(
            "AMP302",
            f"{region.name} ({format_range(place)}) is RAM that the kernel has mapped, {refused}; the driver cannot "
            "map it again ('Unable to map memory region'), and the processor is not started (-12)",
            Gravity.ERROR,
            fix=None if region.nomap else f"add no-map to {region.name}",
            related=(region.path,),
        )


def _fate(region: PlacedRegion) -> str:
    words = {Outcome.RESERVE_FAILED: "not reserved"}.get(region.outcome, str(region.outcome))
    return f"{words}, {region.why}" if region.why else words


def _unreachable(remote: Remote, region: PlacedRegion, *, has_ranges: bool) -> Problem:
    view = remote.driver.view
    place = format_range(Span.sized(region.base or 0, region.size or 0))
    if view is View.PARENT_RANGES:
        what = (
            "dma-ranges of its parent has no entry for it: the driver says 'memory region not valid' (-22)"
            if has_ranges
            else "its parent has no dma-ranges, which the driver needs ('dma-ranges property not defined')"
        )
        return Problem(
            "AMP303", f"{region.name} is at {place}, and {what}", Gravity.ERROR, related=(region.path,)
        )
    if view is View.LOW_32:
        return Problem(
            "AMP303",
            f"{region.name} is at {place}, above the 4 GiB that the processor can address; the driver cuts the address off",
            Gravity.ERROR,
            fix=f"put {region.name} below 4 GiB",
            related=(region.path,),
        )
    return Problem(
        "AMP303",
        f"{region.name} is at {place}, where dma-ranges of the buses above do not reach",
        Gravity.WARNING,
        related=(region.path,),
    )
