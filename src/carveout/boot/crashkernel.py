# SPDX-License-Identifier: Apache-2.0
"""crashkernel=: memory set aside for a kernel that runs after a crash.

Source: kernel/crash_core.c, kernel/crash_reserve.c, arch/arm64/mm/init.c (kernel-semantics 1.7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from carveout.boot.cmdline import memparse
from carveout.boot.result import StepKind
from carveout.span import MIB, is_aligned, round_up

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 1.7"
_ALIGN = 2 * MIB
_LOW_DEFAULT = 128 * MIB
_RAM_ROUNDING = 128 * MIB
_HIGH_MAX = 1 << 48


class CrashRequest(NamedTuple):
    """What crashkernel= asks for, in bytes."""

    size: int
    base: int
    high: bool
    low_size: int | None


def crash_request(state: EarlyBoot) -> CrashRequest | None:
    """Read crashkernel=; of several of one form the last counts. None: nothing is asked for."""
    plain: str | None = None
    high: str | None = None
    low: str | None = None
    for value in state.arguments.all("crashkernel"):
        if value.endswith(",high"):
            high = value[:-5]
        elif value.endswith(",low"):
            low = value[:-4]
        elif not value.endswith(",cma"):
            plain = value
    low_size = memparse(low)[0] if low is not None else None
    if plain is not None:
        size, base = _plain(state, plain)
        return CrashRequest(size, base, high=False, low_size=low_size) if size else None
    if high is not None and state.behaviour.crashkernel != "arm64-low":
        size = memparse(high)[0]
        return CrashRequest(size, 0, high=True, low_size=low_size) if size else None
    return None


def _plain(state: EarlyBoot, text: str) -> tuple[int, int]:
    # SIZE[@BASE], or START-[END]:SIZE,...[@BASE] chosen by the amount of RAM.
    ranges, _, offset = text.partition("@")
    base = memparse(offset)[0] if offset else 0
    ram = round_up(state.mb.phys_mem_size(), _RAM_ROUNDING)
    if ":" not in ranges:
        size = memparse(ranges)[0]
        if state.behaviour.crashkernel == "generic" and size >= state.mb.phys_mem_size():
            return 0, 0
        return size, base
    for part in ranges.split(","):
        window, _, wanted = part.partition(":")
        start, _, end = window.partition("-")
        if memparse(start)[0] <= ram and (not end or ram < memparse(end)[0]):
            return memparse(wanted)[0], base
    return 0, 0


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
        windows = [(0, low_limit), (low_limit, _HIGH_MAX)]
        found = 0
        for start, end in reversed(windows) if request.high else windows:
            found = _take(state, size, start, end)
            if found:
                break
        if not found:
            state.say("crash-failed", size=size)
            return
    if found >= low_limit:
        low_size = _LOW_DEFAULT if request.low_size is None else request.low_size
        if low_size and not _reserve_low(state, low_size):
            state.free(found, size, "crashkernel", "its low part found no room")
            return
    _success(state, found, size)


def _reserve_low(state: EarlyBoot, size: int) -> bool:
    base = _take(state, size, 0, state.crash_low_limit)
    if not base:
        state.say("crash-low-failed", size=size)
        return False
    state.say("crash-low-reserved", base=base, end=base + size, mib=size >> 20)
    return True
