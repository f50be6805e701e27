# SPDX-License-Identifier: Apache-2.0
"""How large each dynamic request and each pool could be, while all else stays as well off as it is."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from carveout.boot.cma import min_alignment
from carveout.boot.cmdline import parse_cmdline
from carveout.boot.result import Outcome, RegionKind
from carveout.change.bisect import last_that_works
from carveout.change.effects import DEFAULT_AREA, effects
from carveout.change.fit_ram import least_for_region, memory_groups
from carveout.change.trial import region_at
from carveout.fdt.edit import set_property
from carveout.units import format_size
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot import Boot
    from carveout.change.lab import Lab
    from carveout.change.trial import Trial
    from carveout.fdt import Property


class Way(StrEnum):
    """How a request is made larger."""

    SIZE = "size"
    """Its `size` property: the kernel places it."""
    REG = "reg"
    """The size in `reg`: it grows upwards from where it is."""
    CMDLINE = "cma="
    """The default area: the command line."""


class GrowingRequest(NamedTuple):
    """Something whose size could be another. Bytes."""

    subject: str
    """Path of the region, or `the default contiguous area`."""
    way: Way
    size: int
    is_placed: bool
    """It has its size in all scenes."""
    step: int
    pool: str | None


class Growth(NamedTuple):
    """How large a request could be. Bytes."""

    request: GrowingRequest
    largest: int | None
    """With all else as well off as now; None: no size at all works."""
    stopped_by: tuple[str, ...]
    """What happens one step above."""
    also_works: tuple[int, ...]
    """Larger sizes that work nevertheless, of those tried."""
    fails_below: tuple[int, ...]
    """Smaller sizes, from the one it has on, that do not work, of those tried."""
    least_ram: tuple[int | None, ...]
    """The least RAM at which it alone has its place: for each amount of RAM that the scenes have."""

    @property
    def slack(self) -> int | None:
        """How much it could grow; negative: how much too large it is."""
        return None if self.largest is None else self.largest - self.request.size


def growing(lab: Lab) -> Iterator[GrowingRequest]:
    """Yield the dynamic requests and the pools, in tree order, then the default area if no region gives it."""
    for region in lab.base.boots[0].regions:
        same = [region_at(boot, region.path) for boot in lab.base.boots]
        is_dynamic = region.kind is RegionKind.DYNAMIC
        if not region.requested_size or not (is_dynamic or region.pool):
            continue
        if region.outcome is Outcome.IGNORED:
            continue
        yield GrowingRequest(
            subject=region.path,
            way=Way.SIZE if is_dynamic else Way.REG,
            size=region.requested_size,
            is_placed=all(
                found is not None and found.outcome is Outcome.PLACED and found.size == region.requested_size
                for found in same
            ),
            step=_step(lab, is_area=region.reusable),
            pool=next((found.pool for found in same if found is not None and found.pool), None),
        )
    sizes = {
        next((a.size for a in boot.cma if a.is_default and a.from_region is None), 0)
        for boot in lab.base.boots
    }
    if (
        len(sizes) == 1
        and (size := sizes.pop())
        and not any(_has_fixed_area(boot) for boot in lab.base.boots)
    ):
        yield GrowingRequest(
            DEFAULT_AREA, Way.CMDLINE, size, is_placed=True, step=_step(lab, is_area=True), pool="cma"
        )


def _has_fixed_area(boot: Boot) -> bool:
    # `cma=SIZE@BASE`: the place would have to be found too.
    argument = parse_cmdline(boot.scene.cmdline).cma
    return argument is not None and bool(argument.base)


def _step(lab: Lab, *, is_area: bool) -> int:
    page = max(boot.scene.page_size for boot in lab.base.boots)
    return max([page, *(min_alignment(boot.profile) for boot in lab.base.boots)]) if is_area else page


def grow(lab: Lab, request: GrowingRequest, ram_step: int) -> Growth:
    """Return how large a request could be. Raises: OutOfBoots."""
    ram = max(sum(entry.size for entry in boot.memory) for boot in lab.base.boots)
    step = request.step
    if request.is_placed:
        first, last = request.size, max(0, min(ram, _most_sayable(lab, request)) - request.size) // step
    else:
        first, last = step, max(request.size // step - 1, 0)
    found = last_that_works(
        lambda more: _objections(lab, request, first + more * step), last, first_works=request.is_placed
    )
    least: list[int | None] = []
    if request.way is not Way.CMDLINE and request.is_placed:
        least = [least_for_region(lab, group, request.subject, ram_step) for group in memory_groups(lab)]
    return Growth(
        request=request,
        largest=None if found.step < 0 else first + found.step * step,
        stopped_by=found.stopped_by,
        also_works=tuple(first + more * step for more in found.beyond),
        fails_below=tuple(first + more * step for more in found.before),
        least_ram=tuple(least),
    )


def _most_sayable(lab: Lab, request: GrowingRequest) -> int:
    # The largest size that fits the cells of the tree.
    cells = lab.base.board.root_cells.size
    return (1 << (32 * (1 if cells is None else cells))) - 1 if request.way is not Way.CMDLINE else 1 << 64


def _objections(lab: Lab, request: GrowingRequest, size: int) -> tuple[str, ...]:
    trial = _resized(lab, request, size)
    found = []
    for index, (before, after) in enumerate(zip(lab.base.boots, trial.boots, strict=True)):
        losses = [effect for effect in effects(lab.base.board, before, after) if effect.is_loss]
        texts = [f"{effect.subject} {effect.text}" for effect in losses]
        if all(effect.subject != request.subject for effect in losses):
            texts = [*_own_problem(after, request, size), *texts]
        found += [lab.in_scene(index, text) for text in texts]
    return tuple(found)


def _resized(lab: Lab, request: GrowingRequest, size: int) -> Trial:
    if request.way is Way.CMDLINE:
        scenes = [
            replace(scene, cmdline=f"{boot.scene.cmdline} cma={size}".strip())
            for scene, boot in zip(lab.scenes, lab.base.boots, strict=True)
        ]
        return lab.attempt(lab.tree, scenes)
    node = lab.tree.node(request.subject)
    prop = node.prop(str(request.way)) if node is not None else None
    assert prop is not None  # the boot has read it
    return lab.attempt(
        set_property(lab.tree, request.subject, prop.name, _value(lab, prop, request.way, size))
    )


def _value(lab: Lab, prop: Property, way: Way, size: int) -> bytes:
    # The property with another size; of `reg`, the one in its first entry.
    if way is Way.SIZE:
        return size.to_bytes(prop.length, "big")
    address, width = (4 * (1 if cells is None else cells) for cells in lab.base.board.root_cells)
    return prop.value[:address] + size.to_bytes(width, "big") + prop.value[address + width :]


def _own_problem(boot: Boot, request: GrowingRequest, size: int) -> list[str]:
    if request.way is Way.CMDLINE:
        area = next((area for area in boot.cma if area.is_default), None)
        return [] if area is not None and area.size >= size else [f"{DEFAULT_AREA} cannot be made"]
    region = region_at(boot, request.subject)
    if region is None or region.outcome is not Outcome.PLACED or region.size != size:
        room = (
            f"; the largest free range has {format_size(region.hole.usable)}"
            if region and region.hole
            else ""
        )
        return [f"{request.subject} finds no place{room}"]
    if request.pool and region.pool != request.pool:
        return [f"{request.subject} is no {request.pool} pool any more"]
    return []
