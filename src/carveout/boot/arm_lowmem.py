# SPDX-License-Identifier: Apache-2.0
"""32-bit arm: which RAM the kernel maps permanently (lowmem), and which it does not (highmem).

Source: adjust_lowmem_bounds(), early_vmalloc(), arch/arm/mm/mmu.c (kernel-semantics 7.1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cmdline import memparse
from carveout.boot.memblock import Flag
from carveout.boot.result import StepKind
from carveout.span import MIB, Span, is_aligned, round_down, round_up
from carveout.values import dataclass

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot
    from carveout.kernel.layout import ArmLayout

PMD_SIZE = 2 * MIB
"""What one entry of the first-level table maps, as Linux uses it: two sections of 1 MiB."""
_SOURCE = "kernel-semantics 7.1"
_WINDOW = 128 * MIB
_VMALLOC_LEAST = 16 * MIB
_LOWMEM_LEAST = 32 * MIB
_U32 = 0xFFFFFFFF


@dataclass(slots=True, kw_only=True)
class Lowmem:
    """The borders of lowmem, as physical addresses in bytes."""

    phys_offset: int
    """PHYS_OFFSET: what PAGE_OFFSET is mapped to."""
    vmalloc_limit: int
    """No RAM from here on can be lowmem: the virtual addresses are vmalloc's."""
    limit: int = 0
    """arm_lowmem_limit: the end of lowmem."""


def phys_offset(state: EarlyBoot) -> int:
    """Return PHYS_OFFSET: from where the kernel runs, or the 128 MiB window that RAM begins in."""
    image = state.scene.kernel_image
    if image is not None:
        return max(image.start - state.profile.arm.stext, 0)
    return round_down(min((span.start for span in state.scene.memory), default=0), _WINDOW)


def vmalloc_limit(state: EarlyBoot, start: int) -> int:
    """Return the highest end that lowmem can have, with PHYS_OFFSET `start`; says when `vmalloc=` is clamped."""
    layout = state.profile.arm
    size, gap = layout.vmalloc_default, layout.vmalloc_gap
    for value in state.arguments.all("vmalloc"):
        size = _clamped(state, layout, memparse(value)[0] & _U32)
        gap = layout.vmalloc_gap if state.behaviour.arm_vmalloc_gap == "always" else 0
    return layout.vmalloc_end - size - gap - layout.page_offset + start


def _clamped(state: EarlyBoot, layout: ArmLayout, size: int) -> int:
    # vmalloc space has at least 16 MiB, and leaves lowmem at least 32 MiB.
    most = layout.vmalloc_end - (layout.page_offset + _LOWMEM_LEAST)
    if state.behaviour.arm_vmalloc_gap == "always":
        most -= layout.vmalloc_gap
    allowed = min(max(size, _VMALLOC_LEAST), most)
    if allowed != size:
        what = "small" if size < allowed else "big"
        state.step(
            StepKind.CHECK, "vmalloc=", f"0x{size:x} is too {what}: 0x{allowed:x} is taken", source=_SOURCE
        )
        unit = state.behaviour.arm_vmalloc_message.lower()
        state.say(f"vmalloc-{what}-{unit}", mib=allowed // MIB)
    return allowed


def mapped_ranges(state: EarlyBoot) -> list[Span]:
    """Return RAM that is mapped: all that is not no-map, ascending."""
    avoid = Flag.NOMAP | (Flag.HOTPLUG if state.mb.rules.skips_hotplug else 0)
    return [Span(region.base, region.end) for region in state.mb.memory if not region.flags & avoid]


def adjust_lowmem_bounds(state: EarlyBoot, lowmem: Lowmem) -> None:
    """Find where lowmem ends, and up to where memory may be allocated until it is mapped.

    The kernel does this before and after it reads /reserved-memory: a no-map region is a hole the second time.
    """
    _skip_unaligned_start(state)
    limit = memblock_limit = 0
    for bank in mapped_ranges(state):
        if bank.start >= lowmem.vmalloc_limit:
            continue
        limit = max(limit, min(bank.end, lowmem.vmalloc_limit))
        if memblock_limit:
            continue
        if not is_aligned(bank.start, PMD_SIZE):
            memblock_limit = bank.start
        elif not is_aligned(bank.end, PMD_SIZE):
            memblock_limit = limit
    lowmem.limit = state.high_memory = limit
    memblock_limit = round_down(memblock_limit or limit, PMD_SIZE)
    state.step(
        StepKind.MEMORY, "lowmem", f"lowmem ends at 0x{limit:x}; allocations stay below 0x{memblock_limit:x} "
        "until it is mapped", source=_SOURCE,
    )  # fmt: skip
    if not state.config.highmem and state.mb.end_of_dram() > limit:
        _drop_highmem(state, memblock_limit)
    state.mb.current_limit = memblock_limit


def _skip_unaligned_start(state: EarlyBoot) -> None:
    # Lowmem must begin with a whole entry of the first-level table.
    ranges = mapped_ranges(state)
    if not ranges or is_aligned(ranges[0].start, PMD_SIZE):
        return
    start = ranges[0].start
    size = round_up(start, PMD_SIZE) - start
    state.mb.mark_nomap(start, size)
    state.step(StepKind.NOMAP, "lowmem", "the first RAM is not 2 MiB aligned: its beginning is not used",
               base=start, size=size, source=_SOURCE)  # fmt: skip


def _drop_highmem(state: EarlyBoot, start: int) -> None:
    end = state.mb.end_of_dram()
    state.step(StepKind.MEMORY, "lowmem", "no HIGHMEM: RAM above is dropped", base=start, size=end - start,
               source=_SOURCE)  # fmt: skip
    state.say("ignoring-ram", start=state.pa(start), end=state.pa(end))
    state.mb.remove(start, end - start)
