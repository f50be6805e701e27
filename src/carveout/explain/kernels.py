# SPDX-License-Identifier: Apache-2.0
"""What the other booted kernels do with the same board, and which of their decisions makes the difference.

A cause is found by trying: the kernel that was asked for is booted once more with a single decision of the other.
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
    from carveout.kernel import Profile

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
    board: Board, scene: Scene, boot: Boot, facet: Callable[[Boot], Facet]
) -> tuple[OtherKernel, ...]:
    """Return what each other booted kernel of this architecture does, oldest first."""
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
        causes = () if is_same else _causes(board, scene, boot, there.profile, seen, facet)
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


def _causes(
    board: Board, scene: Scene, boot: Boot, other: Profile, wanted: Facet, facet: Callable[[Boot], Facet]
) -> tuple[str, ...]:
    if len(boot.regions) > _MOST_REGIONS:
        return ()
    found = []
    is_newer = series_key(parse_release(other.kernel).booted.series) > parse_release(boot.profile.kernel).key
    for field in boot.profile.behaviour._fields:
        here, there = getattr(boot.profile.behaviour, field), getattr(other.behaviour, field)
        if here == there or not concerns(field, boot.scene.arch):
            continue
        try:
            tried = run_boot(board, replace(scene, behaviour={**scene.behaviour, field: str(there)}))
        except CarveoutError:
            continue
        if facet(tried).key == wanted.key:
            since = _since(field, there if is_newer else here)
            found.append(f"{field} is {there} there, {here} here{since}")
    return tuple(found[:_MOST_CAUSES])


def _since(field: str, newer: object) -> str:
    # Where the table of changes knows the release or the commit.
    for change in reversed(CHANGES):
        if change.field == field and change.value == newer:
            commit = f", commit {change.commit}" if change.commit else ""
            return f" (since Linux {change.release}{commit})" if change.release else ""
    return ""
