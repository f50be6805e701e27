# SPDX-License-Identifier: Apache-2.0
"""What the other booted kernels do with the same board, and which of their decisions makes the difference.

Causes are found by trying: the kernel that was asked for is booted with all decisions of the other one, and then with
fewer, as long as it does the same as the other; or the other way round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot import boot as run_boot
from carveout.errors import CarveoutError
from carveout.explain.model import OtherKernel
from carveout.kernel import resolve
from carveout.kernel.changes import CHANGES
from carveout.kernel.layout import Arm64Layout, ArmLayout
from carveout.kernel.profile import concerns
from carveout.kernel.release import BOOTED, parse_release, series_key
from carveout.span import Span
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from carveout.board import Board
    from carveout.boot import Boot, Scene
    from carveout.boot.result import Exactness

_MOST_REGIONS = 400
"""Causes of boards with more regions are not looked for: each takes a boot."""
_MOST_CAUSES = 4


class Facet(NamedTuple):
    """What of a boot is compared. Two kernels do the same when the keys are equal."""

    key: Hashable
    text: str
    base: int | None
    size: int | None
    exactness: Exactness


def other_kernels(
    board: Board, scene: Scene, boot: Boot, facet: Callable[[Boot], Facet], *, with_causes: bool = True
) -> tuple[OtherKernel, ...]:
    """Return what each other booted kernel of this architecture does, oldest first.

    with_causes: whether to look for the decisions that make a difference.
    """
    here = facet(boot)
    own = parse_release(boot.profile.kernel).key
    found = []
    for booted in BOOTED:
        if series_key(booted.series) == own or all(
            flavour[1] != boot.scene.arch for flavour in booted.flavours
        ):
            continue
        try:
            there = run_boot(board, scene_on(scene, boot, booted.series))
        except CarveoutError as error:
            found.append(OtherKernel(booted.series, False, str(error), None, None, None))
            continue
        seen = facet(there)
        is_same = seen.key == here.key
        causes = () if is_same or not with_causes else _causes(board, scene, boot, there, facet)
        found.append(
            OtherKernel(booted.series, is_same, seen.text, seen.base, seen.size, seen.exactness, causes)
        )
    return tuple(found)


def scene_on(scene: Scene, boot: Boot, series: str) -> Scene:
    """Return the scene with another kernel, built as the preset says, its image loaded at the same address."""
    other = replace(
        scene, kernel=series, arch=boot.scene.arch, page_size=boot.scene.page_size, config=None, vendor=None,
        behaviour={}, image_at=None, image_size=None, image_arch=None, kernel_image=boot.scene.kernel_image,
    )  # fmt: skip
    return replace(other, kernel_image=_image(boot, other))


def _image(boot: Boot, other: Scene) -> Span | None:
    # An image of the usual size is taken to be that of the booted build; another kernel's then has its own.
    image, layout = boot.scene.kernel_image, boot.profile.layout
    if image is None:
        return None
    target = resolve(
        other.kernel, arch=boot.scene.arch, preset=other.preset, page_size=other.page_size
    ).layout
    if isinstance(layout, Arm64Layout) and isinstance(target, Arm64Layout):
        text = image.start - layout.reserved_from
        if image.size == layout.image_size - layout.reserved_from:
            return Span(text + target.reserved_from, text + target.image_size)
    if isinstance(layout, ArmLayout) and isinstance(target, ArmLayout) and image.size == layout.image_size:
        return Span.sized(image.start, target.image_size)
    return image


_BUILD = "its build differs: the size of its image, or its configuration"
_OPTIONS = {
    "dma_cma": "CONFIG_DMA_CMA",
    "cma_size_mbytes": "CONFIG_CMA_SIZE_MBYTES",
    "cma_areas": "CONFIG_CMA_AREAS",
}
"""Options of the configuration that are worth naming when a build differs."""


def _causes(
    board: Board, scene: Scene, boot: Boot, there: Boot, facet: Callable[[Boot], Facet]
) -> tuple[str, ...]:
    """Return the decisions which together make the difference, none of them needless.

    Either this kernel does as the other one with them, or the other one does as this kernel without them.
    """
    if len(boot.regions) > _MOST_REGIONS:
        return ()
    other_scene = scene_on(scene, boot, there.profile.kernel)
    ways = (_least(board, scene, boot, there, facet), _least(board, other_scene, there, boot, facet))
    # With one of several decisions missing a kernel may do something else again: the smaller answer says more.
    fields = min((way for way in ways if way), key=len, default=[])
    if not fields:
        return (_BUILD + _options(boot, there),)
    here, other = boot.profile.behaviour, there.profile.behaviour
    is_newer = parse_release(there.profile.kernel).key > parse_release(boot.profile.kernel).key
    return tuple(
        f"{name} is {getattr(other, name)} there, {getattr(here, name)} here"
        + _since(name, getattr(other if is_newer else here, name))
        for name in fields[:_MOST_CAUSES]
    )


def _options(boot: Boot, there: Boot) -> str:
    differing = [
        f"{name} is {getattr(there.profile.config, field)} there, {getattr(boot.profile.config, field)} here"
        for field, name in _OPTIONS.items()
        if getattr(there.profile.config, field) != getattr(boot.profile.config, field)
    ]
    return f" ({'; '.join(differing)})" if differing else ""


def _least(board: Board, scene: Scene, boot: Boot, wanted: Boot, facet: Callable[[Boot], Facet]) -> list[str]:
    # The decisions of `wanted` with which the kernel of `boot` does the same, as few as can be; empty: there are none.
    own, other, key = boot.profile.behaviour, wanted.profile.behaviour, facet(wanted).key
    fields = [
        name
        for name in own._fields
        if getattr(own, name) != getattr(other, name) and concerns(name, boot.scene.arch)
    ]

    def does_the_same(chosen: list[str]) -> bool:
        changed = {name: str(getattr(other, name)) for name in chosen}
        try:
            tried = run_boot(board, replace(scene, behaviour={**scene.behaviour, **changed}))
        except CarveoutError:
            return False
        return facet(tried).key == key

    if not does_the_same(fields):
        return []
    # Most do not matter: they are left out in large groups first.
    group = max(len(fields) // 2, 1)
    while True:
        at = 0
        while at < len(fields):
            fewer = fields[:at] + fields[at + group :]
            if does_the_same(fewer):
                fields = fewer
            else:
                at += group
        if group == 1:
            return fields
        group //= 2


def _since(field: str, newer: object) -> str:
    # Where the table of changes knows the release or the commit.
    for change in reversed(CHANGES):
        if change.field == field and change.value == newer:
            commit = f", commit {change.commit}" if change.commit else ""
            return f" (since Linux {change.release}{commit})" if change.release else ""
    return ""
