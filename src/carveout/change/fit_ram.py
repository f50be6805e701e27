# SPDX-License-Identifier: Apache-2.0
"""The least RAM at which everything that works still works.

RAM shrinks at its end: what is left are the lowest addresses, in the banks that there are. A board with a smaller
chip looks like that when its banks are in order and firmware leaves the rest where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import RegionKind
from carveout.change.bisect import last_that_works
from carveout.change.effects import DEFAULT_AREA, IMAGES, effects
from carveout.change.trial import region_at
from carveout.span import Span
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot import Boot
    from carveout.change.lab import Lab


ASSUMED = "RAM ends earlier and is otherwise as it is; kernel, tree and initrd stay where they are"
"""How RAM shrinks."""


class MemoryGroup(NamedTuple):
    """The scenes that have the same RAM."""

    banks: tuple[Span, ...]
    scenes: tuple[int, ...]
    """Indices."""

    @property
    def total(self) -> int:
        """Bytes of RAM."""
        return sum(bank.size for bank in self.banks)


class LeastRam(NamedTuple):
    """How little RAM is enough. Bytes."""

    group: MemoryGroup
    least: int | None
    """None: it was not searched, `why` says why not."""
    step: int
    why: tuple[str, ...]
    """What does not work with one step less."""
    also_works: tuple[int, ...]
    """Smaller amounts that work nevertheless, of those tried."""
    fails_above: tuple[int, ...]
    """Larger amounts that do not work, of those tried."""
    for_placed: int | None = None
    """The least at which all works but regions with `reg`, which may lie beyond the end; None: the same, or not searched."""


def memory_groups(lab: Lab) -> list[MemoryGroup]:
    """Return the amounts of RAM that the scenes have, each with its scenes."""
    found: dict[tuple[Span, ...], list[int]] = {}
    for index, boot in enumerate(lab.base.boots):
        found.setdefault(boot.scene.memory, []).append(index)
    return [MemoryGroup(banks, tuple(scenes)) for banks, scenes in found.items()]


def shrunk(banks: Sequence[Span], total: int) -> tuple[Span, ...]:
    """Return the lowest `total` bytes of RAM."""
    kept: list[Span] = []
    for bank in sorted(banks):
        size = min(bank.size, total)
        if size:
            kept.append(Span.sized(bank.start, size))
        total -= size
    return tuple(kept)


def search_ram(lab: Lab, group: MemoryGroup, step: int) -> LeastRam:
    """Return the least RAM at which all that works still works. step: bytes. Raises: OutOfBoots."""
    unfit = _why_not(lab, group)
    if unfit:
        return LeastRam(group, None, step, (unfit,), (), ())
    total = group.total
    last = (total - 1) // step
    found = last_that_works(lambda less: _losses(lab, group, total - less * step), last)
    least = total - found.step * step
    for_placed = None
    if found.stopped_by and not _losses(lab, group, least - step, all_regions=False):
        others = last_that_works(
            lambda less: _losses(lab, group, least - less * step, all_regions=False), least // step - 1
        )
        for_placed = least - others.step * step
    return LeastRam(
        group=group,
        least=least,
        step=step,
        why=found.stopped_by,
        also_works=tuple(total - less * step for less in found.beyond),
        fails_above=tuple(total - less * step for less in found.before),
        for_placed=for_placed,
    )


def least_for_region(lab: Lab, group: MemoryGroup, path: str, step: int) -> int | None:
    """Return the least RAM at which one region has its place, whatever becomes of the others. Raises: OutOfBoots.

    None: RAM cannot be shrunk here, or the region has no place as it is.
    """
    if _why_not(lab, group) or any(_has_place(lab, i, lab.base.boots[i], path) for i in group.scenes):
        return None
    total = group.total

    def lost(less: int) -> tuple[str, ...]:
        boots = _boots(lab, group, total - less * step)
        pairs = zip(group.scenes, boots, strict=True)
        return tuple(text for index, boot in pairs for text in _has_place(lab, index, boot, path))

    return total - last_that_works(lost, (total - 1) // step).step * step


def _has_place(lab: Lab, index: int, after: Boot, path: str) -> tuple[str, ...]:
    # Why a region does not have all of its place; empty: it has.
    before = lab.base.boots[index]
    was, now = region_at(before, path), region_at(after, path)
    if was is None or now is None or now.base is None or now.outcome != "placed" or now.size != was.size:
        return ("has no place",)
    return tuple(
        found.text
        for found in effects(lab.base.board, before, after)
        if found.is_loss and found.subject in (path, *IMAGES)
    )


def _why_not(lab: Lab, group: MemoryGroup) -> str:
    # RAM is made smaller with --memory: that has to stand for what the board has.
    if any(lab.base.boots[index].scene.efi_map is not None for index in group.scenes):
        return "RAM comes from an EFI memory map, which cannot simply be cut"
    boots = _boots(lab, group, group.total)
    for index, boot in zip(group.scenes, boots, strict=True):
        if effects(lab.base.board, lab.base.boots[index], boot):
            return "the memory nodes say more than where RAM is, for one that it can be pulled, which is lost when it is cut"
    return ""


def _boots(lab: Lab, group: MemoryGroup, total: int) -> tuple[Boot, ...]:
    scenes = [replace(lab.scenes[index], memory=shrunk(group.banks, total)) for index in group.scenes]
    return lab.attempt(lab.tree, scenes).boots


def _losses(lab: Lab, group: MemoryGroup, total: int, *, all_regions: bool = True) -> tuple[str, ...]:
    # all_regions: count regions with `reg` that are not in RAM any more.
    found = []
    for index, boot in zip(group.scenes, _boots(lab, group, total), strict=True):
        before = lab.base.boots[index]
        given = {region.path for region in before.regions if region.kind is RegionKind.STATIC}
        for effect in effects(lab.base.board, before, boot):
            grows_with_ram = effect.subject == DEFAULT_AREA and before.profile.config.cma_size_sel != "mbytes"
            if not effect.is_loss or (grows_with_ram and effect.after is not None):
                continue
            if all_regions or effect.subject not in given:
                found.append(lab.in_scene(index, f"{effect.subject} {effect.text}"))
    return tuple(found)
