# SPDX-License-Identifier: Apache-2.0
"""The text of crashkernel=: sizes, places, ranges of RAM, suffixes; what is printed about text that is none of these.

Source: parse_crashkernel_simple(), parse_crashkernel_suffix(), parse_crashkernel_mem(), kernel/crash_core.c and
kernel/crash_reserve.c (kernel-semantics 1.7); the messages are those of boots with such text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cmdline import memparse
from carveout.kernel.layout import Arm64Layout, RiscvLayout
from carveout.span import MIB, round_up
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot

_RAM_ROUNDING = 128 * MIB
_U64 = 1 << 64


class CrashRequest(NamedTuple):
    """What crashkernel= asks for, in bytes."""

    size: int
    base: int
    high: bool
    low_size: int | None


def crash_request(
    state: EarlyBoot, ram: int | None = None, *, with_empty: bool = False
) -> CrashRequest | None:
    """Read crashkernel=; of several of one form the last counts. None: nothing is asked for, or in vain.

    ram: what the kernel calls the RAM of the system, in bytes; by default all of it. Prints what the kernel prints.
    with_empty: return also what is well formed and asks for 0 bytes.
    """
    values = state.arguments.all("crashkernel")
    with_cma = state.behaviour.crashkernel_suffixes == "high-low-cma"
    plain = [
        value for value in values if not value.endswith((",high", ",low", *((",cma",) if with_cma else ())))
    ]
    if (
        with_cma
        and _last(values, ",cma")
        and not isinstance(state.profile.layout, (Arm64Layout, RiscvLayout))
    ):
        # arm64 and riscv64 were booted: they have no such area.
        state.doubts.append("crashkernel=SIZE,cma is not simulated")
    ram = state.mb.phys_mem_size() if ram is None else ram
    if plain:
        found = _plain(state, plain[-1], ram)
        if found is None or not (found[0] or with_empty):
            return None
        return CrashRequest(*found, high=False, low_size=None)
    high = _last(values, ",high")
    if high is None or state.behaviour.crashkernel == "arm64-low":
        return None
    size = _suffixed(state, high, ",high") or 0
    low, low_size = _last(values, ",low"), None
    if size and low is not None:
        low_size = _suffixed(state, low, ",low")
        if low_size is None:
            return None
    return CrashRequest(size, 0, high=True, low_size=low_size) if size else None


def _last(values: tuple[str, ...], suffix: str) -> str | None:
    return next((value for value in reversed(values) if value.endswith(suffix)), None)


def _suffixed(state: EarlyBoot, text: str, suffix: str) -> int | None:
    # SIZE and the suffix, nothing between. None: it is not so.
    size, rest = memparse(text)
    if rest == text:
        state.say("crash-no-size")
        return None
    if rest != suffix:
        state.say("crash-char", char=rest[0])
        return None
    return size


def _plain(state: EarlyBoot, text: str, ram: int) -> tuple[int, int] | None:
    # SIZE[@BASE], or START-[END]:SIZE,...[@BASE] chosen by the amount of RAM. None: it is no such text.
    if ":" in text:
        return _by_ram(state, text, ram)
    size, rest = memparse(text)
    if rest == text:
        state.say("crash-no-size")
        return None
    base = 0
    if rest.startswith("@"):
        # What follows the base is not looked at.
        base = memparse(rest[1:])[0]
    elif rest:
        state.say("crash-char", char=rest[0])
        return None
    if state.behaviour.crashkernel == "generic" and size >= ram:
        return None
    return size, base


def _by_ram(state: EarlyBoot, text: str, ram: int) -> tuple[int, int] | None:
    # The size of the first range that holds the amount of RAM. Ranges behind it are not looked at.
    amount, rest, size = round_up(ram, _RAM_ROUNDING), text, 0
    while True:
        found = _range(state, rest, ram)
        if found is None:
            return None
        start, end, wanted, rest = found
        if start <= amount < end:
            size = wanted
            break
        if not rest.startswith(","):
            break
        rest = rest[1:]
    if not size:
        state.say("crash-zero")
        return 0, 0
    _, at, place = rest.partition("@")
    if not at:
        return size, 0
    base, left = memparse(place)
    if left == place:
        state.say(
            "crash-value-after"
            if state.behaviour.crashkernel_value_message == "named"
            else "crash-value-bare"
        )
        return None
    return size, base


def _range(state: EarlyBoot, text: str, ram: int) -> tuple[int, int, int, str] | None:
    # (start, end, size, what follows) of the range that the text begins with. None: it begins with none.
    start, rest = memparse(text)
    if rest == text:
        state.say("crash-value")
        return None
    if not rest.startswith("-"):
        state.say("crash-no-dash")
        return None
    end, rest = _U64, rest[1:]
    if not rest.startswith(":"):
        end, left = memparse(rest)
        if left == rest:
            state.say("crash-value")
            return None
        if end <= start:
            state.say("crash-end")
            return None
        rest = left
    if not rest.startswith(":"):
        state.say("crash-no-colon")
        return None
    size, left = memparse(rest[1:])
    if left == rest[1:]:
        bare = state.behaviour.crashkernel_value_message == "bare"
        state.say("crash-value-bare" if bare else "crash-value")
        return None
    if size >= ram:
        state.say("crash-invalid-size")
        return None
    return start, end, size, left
