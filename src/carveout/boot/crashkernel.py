# SPDX-License-Identifier: Apache-2.0
"""crashkernel=: memory set aside for a kernel that runs after a crash.

Source: kernel/crash_core.c, kernel/crash_reserve.c, arch/arm64/mm/init.c (kernel-semantics 1.7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.crashkernel_text import CrashRequest, crash_request
from carveout.boot.result import StepKind
from carveout.boot.state import KernelPanic
from carveout.kernel.layout import RiscvLayout
from carveout.span import GIB, MIB, is_aligned, round_up

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 1.7"
_ALIGN = 2 * MIB
_LOW_DEFAULT = 128 * MIB
_HIGH_MAX = 1 << 48
_FOUR_GIB = 4 * GIB


def reserve_crashkernel(state: EarlyBoot) -> None:
    """Reserve what crashkernel= asks for, and print the outcome."""
    request = crash_request(state)
    if request is None:
        return
    page = state.config.page_size
    request = request._replace(size=round_up(request.size, page))
    if state.behaviour.crashkernel == "arm64-low":
        _reserve_low_only(state, request)
    elif state.behaviour.crashkernel == "arm64-high-low":
        _reserve_high_low(state, request)
    else:
        _reserve_generic(state, request)


def _take(state: EarlyBoot, size: int, start: int, end: int) -> int:
    base = state.mb.alloc_range(size, _ALIGN, start, end)
    if base:
        state.ledger.take(base, size, "crashkernel")
        state.step(StepKind.ALLOC, "crashkernel", "crashkernel= on the command line", base=base, size=size,
                   source=_SOURCE)  # fmt: skip
    else:
        state.step(StepKind.FAIL, "crashkernel", "no room for crashkernel=", size=size, source=_SOURCE)
    return base


def _success(state: EarlyBoot, base: int, size: int) -> None:
    state.say("crash-reserved", base=base, end=base + size, mib=size >> 20)


def _reserve_low_only(state: EarlyBoot, request: CrashRequest) -> None:
    size, base = request.size, request.base
    if base == 0:
        base = state.mb.find(size, _ALIGN, 0, state.crash_low_limit)
        if base == 0:
            state.step(StepKind.FAIL, "crashkernel", "no room for crashkernel=", size=size, source=_SOURCE)
            state.say("crash-failed", size=size)
            return
    elif not state.mb.is_region_memory(base, size):
        state.say("crash-not-memory")
        return
    elif state.mb.is_region_reserved(base, size):
        state.say("crash-overlaps")
        return
    elif not is_aligned(base, _ALIGN):
        state.say("crash-misaligned")
        return
    state.reserve(base, size, "crashkernel", "crashkernel= on the command line", _SOURCE)
    _success(state, base, size)


def _reserve_high_low(state: EarlyBoot, request: CrashRequest) -> None:
    size, base = request.size, request.base
    low_limit = state.crash_low_limit
    end = base + size if base else (1 << state.config.pa_bits) if request.high else low_limit
    found = _take(state, size, base, end)
    if not found:
        state.say("crash-failed", size=size)
        return
    if request.high and found >= low_limit and request.low_size and not _reserve_low(state, request.low_size):
        state.free(found, size, "crashkernel", "its low part found no room")
        return
    _success(state, found, size)


def _reserve_generic(state: EarlyBoot, request: CrashRequest) -> None:
    size, low_limit = request.size, state.crash_low_limit
    if request.base:
        found = _take(state, size, request.base, request.base + size)
        if not found:
            state.say("crash-in-use")
            return
    else:
        high_max = state.mb.end_of_dram() if isinstance(state.profile.layout, RiscvLayout) else _HIGH_MAX
        windows = [(0, low_limit), (low_limit, high_max)]
        if request.high:
            windows.reverse()
        # Where nothing is above the limit there is no second attempt, not even below it for SIZE,high.
        found = 0
        for start, end in windows if low_limit < high_max else windows[:1]:
            found = _take(state, size, start, end)
            if found:
                break
        if not found and low_limit >= high_max and not request.high:
            _search_for_ever(state, size)
        if not found:
            state.say("crash-failed", size=size)
            return
    if found >= low_limit:
        low_size = _low_size(state, request)
        if low_size and not _reserve_low(state, low_size):
            state.free(found, size, "crashkernel", "its low part found no room")
            return
    _success(state, found, size)


def _search_for_ever(state: EarlyBoot, size: int) -> None:
    # Having looked below the limit, the kernel looks above it, where there is nothing, and takes that for the first time.
    state.step(StepKind.PANIC, "crashkernel", "RAM ends at or below the limit, and the search above it is repeated "
               "for ever", size=size, source=_SOURCE)  # fmt: skip
    state.doubts.append("that the search for a crash kernel never ends was seen on 7.2.13 only")
    raise KernelPanic(None)


def _low_size(state: EarlyBoot, request: CrashRequest) -> int:
    # How much is taken below the limit beside a crash kernel above it. SIZE,low counts only with SIZE,high.
    if request.base:
        state.doubts.append("crashkernel=SIZE@BASE above the DMA limit was never booted")
        return 0
    if request.high and request.low_size is not None:
        return request.low_size
    return _LOW_DEFAULT


def reserve_below_4g_first(state: EarlyBoot) -> None:
    """Reserve as riscv did before the generic code: below 4 GiB if possible, else anywhere (1.7)."""
    request = crash_request(state)
    if request is None or request.high:
        return
    size = round_up(request.size, state.config.page_size)
    start, end = request.base, request.base + size if request.base else 0
    low_end = min(end, _FOUR_GIB - 1) if end else _FOUR_GIB - 1
    base = _take(state, size, start, low_end) or _take(state, size, start, end)
    if base:
        state.say("crash-reserved-riscv", base=base, end=base + size, mib=size >> 20)
    else:
        state.say("crash-failed-riscv", kib=size >> 10)


def _reserve_low(state: EarlyBoot, size: int) -> bool:
    base = _take(state, size, 0, state.crash_low_limit)
    if not base:
        state.say("crash-low-failed", size=size)
        return False
    state.say("crash-low-reserved", base=base, end=base + size, mib=size >> 20)
    return True
