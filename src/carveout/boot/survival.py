# SPDX-License-Identifier: Apache-2.0
"""Does the boot survive what was placed? Decided after early memory set-up.

Source: kernel-semantics 5.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.memblock import Flag
from carveout.boot.result import BootOutcome, StepKind
from carveout.kernel.layout import Arm64Layout, RiscvLayout
from carveout.span import GIB, KIB, MIB, Span

if TYPE_CHECKING:
    from carveout.boot.state import Area, EarlyBoot

_SOURCE = "kernel-semantics 5.6"
_LEAST_FREE = 64 * MIB
# More than what is allocated between early memory set-up and the page allocator: this much and this share of RAM.
_LATER, _LATER_SHARE = 64 * MIB, 16
_LARGE = 16 * MIB
# An area on top of the tree itself did no harm: the kernel works on its unflattened copy.
_IN_USE = ("kernel", "initrd")
_POOL_SHARE, _LEAST_POOL, _MOST_POOL = GIB // (128 * KIB), 128 * KIB, 4 * MIB
_TABLE_SHARE = 1024
"""One entry of 8 bytes for 8 KiB of RAM."""
_IDLE_KILLED = "Attempted to kill the idle task!"
_INIT_KILLED = "Attempted to kill init! exitcode=0x0000000b"


def verdict(state: EarlyBoot) -> tuple[BootOutcome, str | None, str | None]:
    """Return (outcome, panic text, doubt): a doubt when boots show that the outcome is not certain."""
    layout = state.profile.layout
    if not isinstance(layout, (Arm64Layout, RiscvLayout)):
        return BootOutcome.OK, None, "; ".join(dict.fromkeys(state.fate_doubts)) or None
    ram = [Span.sized(region.base, region.size) for region in state.mb.memory]
    outside = [area for area in state.areas if not _is_covered(Span.sized(area.base, area.size), ram)]
    for area in outside:
        if not _sections_have_memory(area, ram, layout.section_size):
            state.step(StepKind.PANIC, area.name, "a contiguous area lies outside RAM and has no struct pages",
                       base=area.base, size=area.size, source=_SOURCE)  # fmt: skip
            return BootOutcome.PANIC, _INIT_KILLED, None
    if outside and state.behaviour.unactivated_cma == "released":
        area = outside[0]
        state.step(StepKind.PANIC, area.name, "a contiguous area reaches outside RAM",
                   base=area.base, size=area.size, source=_SOURCE)  # fmt: skip
        return BootOutcome.HANG, None, "a contiguous area partly outside RAM hung the one boot that was tried"
    dies, unmapped = _unmapped(state)
    doubt = "; ".join(dict.fromkeys([*_doubts(state, ram), *([unmapped] if unmapped else [])])) or None
    if dies:
        state.step(StepKind.PANIC, "directory entries", "their table is allocated where the linear map ends inside a page",
                   source=_SOURCE)  # fmt: skip
        return BootOutcome.PANIC, _IDLE_KILLED, doubt
    return BootOutcome.OK, None, doubt


def _doubts(state: EarlyBoot, ram: list[Span]) -> list[str]:
    # What was placed is certain, but no boot has shown that a kernel survives it.
    found = list(state.fate_doubts)
    for area in state.areas:
        span = Span.sized(area.base, area.size)
        if any(r.flags & Flag.NOMAP and span.overlaps(Span.sized(r.base, r.size)) for r in state.mb.memory):
            found.append(f"the contiguous area {area.name} lies on no-map memory, which was never booted")
        if lost := [name for name in state.owners(area.base, area.size) if name in _IN_USE]:
            found.append(f"the contiguous area {area.name} lies on memory of the {', '.join(lost)}")
    found += _dma_pools(state, sum(span.size for span in ram))
    image = state.scene.kernel_image
    if image is not None and not _is_covered(image, ram):
        found.append("the kernel image is not wholly in RAM, which was never booted")
    tree = state.scene.dtb
    if tree is not None and isinstance(state.profile.layout, Arm64Layout) and not _is_covered(tree, ram):
        found.append("the tree is not wholly in RAM, which was never booted")
    if sum(span.size for span in state.mb.free_ranges()) < _LEAST_FREE:
        found.append(f"less than {_LEAST_FREE // MIB} MiB of memory is left free, which was never booted")
    return found


def _dma_pools(state: EarlyBoot, ram: int) -> list[str]:
    # Three pools for atomic allocations, each of 128 KiB for each GiB of RAM, are taken from the default area.
    area, share = state.default_area, min(max(ram // _POOL_SHARE, _LEAST_POOL), _MOST_POOL)
    if area is None or area.size >= 3 * (1 << (share - 1).bit_length()):
        return []
    return [
        "the default area is too small for the DMA pools of the running kernel, whose messages are not simulated"
    ]


def _unmapped(state: EarlyBoot) -> tuple[bool, str | None]:
    """Return (whether the kernel dies, doubt): free memory that is not in the linear map is filled through it all the same.

    Until the page allocator takes over, what the kernel allocates comes from the top of the highest free range that is
    large enough. The table of directory entries is the first large one.
    """
    if state.linear_map is None:
        return False, None
    ram = sum(region.size for region in state.mb.memory)
    table = 1 << (ram // _TABLE_SHARE - 1).bit_length()
    above, enough, has_room, doubt = 0, ram // _LATER_SHARE + _LATER, False, None
    for free in state.mb.free_ranges(reverse=True):
        top = next((span for span in state.linear_map if span.start < free.end <= span.end), None)
        mapped = 0 if top is None else free.end - max(top.start, free.start)
        above += mapped if mapped >= _LARGE else 0
        if above >= enough:
            break
        if mapped < free.size:
            place = f"free memory between 0x{free.start:x} and 0x{free.end:x}"
            doubt = doubt or f"{place} is not all in the linear map: an allocation there kills the kernel"
            if top is None and free.size >= table and not has_room:
                return True, doubt
        has_room |= free.size >= table
    return False, doubt


def _is_covered(span: Span, ram: list[Span]) -> bool:
    at = span.start
    for bank in ram:
        if bank.start <= at < bank.end:
            at = bank.end
    return at >= span.end


def _sections_have_memory(area: Area, ram: list[Span], section: int) -> bool:
    first, last = area.base // section, (area.base + area.size - 1) // section
    # Only the ends and the borders of RAM can be in doubt: walk the banks instead of all sections.
    at = first
    for bank in ram:
        low, high = bank.start // section, (bank.end - 1) // section
        if low <= at <= high:
            at = high + 1
    return at > last
