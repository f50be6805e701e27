# SPDX-License-Identifier: Apache-2.0
"""32-bit arm: does the boot survive what was placed? The hang of paging_init() is found in arm_paging.

Source: kernel-semantics 5.6, rules 2 and 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.arm_paging import described_ram
from carveout.boot.result import StepKind
from carveout.boot.state import KernelPanic
from carveout.span import round_up

if TYPE_CHECKING:
    from carveout.boot.arm_lowmem import Lowmem
    from carveout.boot.state import Area, EarlyBoot
    from carveout.span import Span

_SOURCE = "kernel-semantics 5.6"
_IDLE_KILLED = "Attempted to kill the idle task!"
_INIT_KILLED = "Attempted to kill init! exitcode=0x0000000b"


def read_boot_config(state: EarlyBoot, lowmem: Lowmem) -> None:
    """Look behind the initrd for a boot configuration, through the linear map: dies if that is highmem.

    Raises: KernelPanic.
    """
    initrd = state.initrd
    if initrd is not None and initrd.end > lowmem.limit:
        state.step(StepKind.PANIC, "initrd", f"its end is above lowmem, which ends at 0x{lowmem.limit:x}: it is "
                   "read through the linear map", base=initrd.start, size=initrd.size, source=_SOURCE)  # fmt: skip
        raise KernelPanic(_IDLE_KILLED)


def free_highmem(state: EarlyBoot, lowmem: Lowmem) -> None:
    """Give highmem to the page allocator: a free piece that begins inside the last page below 4 GiB kills the kernel.

    The number of the first whole page behind its start wraps to 0, so all of highmem is freed, used or not.
    Source: free_highpages(), arch/arm/mm/init.c; booted: 5.10.223 and 7.2.13 with 3 GiB from 1 GiB on.
    Raises: KernelPanic.
    """
    page = state.config.page_size
    if state.mb.end_of_dram() <= lowmem.limit:
        return
    for free in state.mb.free_ranges(reverse=True):
        if round_up(free.start, page) <= state.mask:
            return
        state.step(StepKind.PANIC, "highmem", "a free piece begins in the last page below 4 GiB: its page number wraps, "
                   "and highmem that is in use is freed", base=free.start, size=free.size, source=_SOURCE)  # fmt: skip
        state.doubts.append("freeing highmem that is in use killed two kernels that were booted")
        raise KernelPanic(_IDLE_KILLED)


def touch_struct_pages(state: EarlyBoot, lowmem: Lowmem, mem_map: Span) -> str | None:
    """Touch the struct pages of every contiguous area; returns a doubt where no boot shows what happens.

    Raises: KernelPanic when a struct page is not in memory.
    """
    doubt = None
    for area in state.areas:
        place = _struct_pages_end(state, area, mem_map)
        if place is None:
            doubt = doubt or _in_hole(state, area)
        elif place > lowmem.limit:
            state.step(StepKind.PANIC, area.name, "a contiguous area lies outside RAM and has no struct pages",
                       base=area.base, size=area.size, source=_SOURCE)  # fmt: skip
            raise KernelPanic(_INIT_KILLED)
        else:
            state.step(StepKind.CHECK, area.name, "a contiguous area lies outside RAM: other memory is taken for "
                       "its struct pages", base=area.base, size=area.size, source=_SOURCE)  # fmt: skip
            doubt = "a contiguous area outside RAM damages memory: the boot usually goes on, with undefined results"
    return doubt


def _struct_pages_end(state: EarlyBoot, area: Area, mem_map: Span) -> int | None:
    # Where mem_map would have to reach for the area; None if it does reach there.
    ram = described_ram(state)
    end = area.base + area.size
    if end <= ram.end and area.base >= ram.start:
        return None
    pages = (end - ram.start) // state.config.page_size
    return mem_map.start + pages * state.profile.arm.struct_page


def _in_hole(state: EarlyBoot, area: Area) -> str | None:
    # Struct pages exist, but there may be no RAM behind them.
    at, end = area.base, area.base + area.size
    for region in state.mb.memory:
        if region.base <= at < region.end:
            at = region.end
    if at >= end:
        return None
    state.step(StepKind.CHECK, area.name, "a part of a contiguous area is not RAM", base=area.base,
               size=area.size, source=_SOURCE)  # fmt: skip
    return "a contiguous area in a hole of RAM: the kernel floods its log, or hangs"
