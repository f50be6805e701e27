# SPDX-License-Identifier: Apache-2.0
"""32-bit arm: crashkernel=, from lowmem only, after struct pages and the unflattened tree.

Source: reserve_crashkernel(), arch/arm/kernel/setup.c (kernel-semantics 1.7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.crashkernel_text import crash_request
from carveout.boot.result import StepKind
from carveout.span import MIB

if TYPE_CHECKING:
    from carveout.boot.arm_lowmem import Lowmem
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 1.7"
_ALIGN = 128 * MIB
_SECTION = 1 * MIB


def reserve_crashkernel(state: EarlyBoot, lowmem: Lowmem) -> None:
    """Reserve what crashkernel= asks for, and print the outcome."""
    ram = state.mb.current_limit - state.mb.start_of_dram()
    request = crash_request(state, ram, with_empty=state.behaviour.arm_empty_crashkernel == "reserved")
    if request is None or request.high:
        return
    size, base = request.size, request.base
    if base:
        found = state.mb.find(size, _SECTION, base, base + size)
    else:
        found = state.mb.find(size, _ALIGN, _ALIGN, min(lowmem.limit, state.mask))
    if not found or (base and found != base):
        reason = "its place is not free" if base else "no room in lowmem at a multiple of 128 MiB"
        state.step(StepKind.FAIL, "crashkernel", reason, base=base or None, size=size, source=_SOURCE)
        state.say("crash-in-use" if base else "crash-not-found")
        return
    state.reserve(found, size, "crashkernel", "crashkernel= on the command line", _SOURCE)
    state.say("crash-reserving", mib=size // MIB, base_mib=found // MIB, ram_mib=ram // MIB)
