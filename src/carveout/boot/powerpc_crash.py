# SPDX-License-Identifier: Apache-2.0
"""crashkernel= on powerpc64: before the tree and its regions, at a fixed place.

Source: arch_reserve_crashkernel(), arch/powerpc (kernel-semantics 1.7, 13; the messages of refused requests and
the raised memory limit from boots of 6.1 and 7.2 with QEMU).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.crashkernel_text import crash_request
from carveout.boot.result import StepKind
from carveout.span import MIB, Span, round_up

if TYPE_CHECKING:
    from carveout.boot.powerpc_platform import Platform
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 1.7"
_GUEST_BASE, _BARE_BASE = 512 * MIB, 128 * MIB


def native_u64(state: EarlyBoot, name: str) -> int | None:
    """Return a property of the root as the kernel reads it: 8 bytes, little endian. None: it is not there."""
    prop = state.board.tree.root.prop(name)
    return int.from_bytes(prop.value[:8], "little") if prop is not None and prop.length >= 8 else None


def reserve_crashkernel(state: EarlyBoot, platform: Platform, limit: int) -> tuple[Span | None, int]:
    """Reserve the crash kernel's memory; return it (or None) and the memory limit, which it can raise.

    limit: bytes of RAM, 0 for none.
    """
    wanted = _wanted(state, platform)
    if wanted is None:
        return None, limit
    image = state.scene.kernel_image
    if image is not None and wanted.overlaps(image):
        state.step(StepKind.FAIL, "crashkernel", "it overlaps the running kernel", base=wanted.start,
                   size=wanted.size, source=_SOURCE)  # fmt: skip
        state.say("crash-over-kernel")
        return None, limit
    if state.behaviour.powerpc_crashkernel == "generic":
        return _reserve_generic(state, wanted), limit
    if limit and limit < wanted.end:
        limit = wanted.end
        state.step(StepKind.MEMORY, "memory limit", "raised, so that the crash kernel fits", source=_SOURCE)
        state.say("crash-raised-limit", limit=limit)
    total = limit or state.mb.phys_mem_size()
    state.say("crash-reserving", mib=wanted.size >> 20, base_mib=wanted.start >> 20, ram_mib=total >> 20)
    if not state.mb.is_region_memory(wanted.start, wanted.size):
        state.step(StepKind.FAIL, "crashkernel", "it is not inside one block of RAM", base=wanted.start,
                   size=wanted.size, source=_SOURCE)  # fmt: skip
        state.say("crash-reserve-failed")
        return None, limit
    state.reserve(wanted.start, wanted.size, "crashkernel", "crashkernel= on the command line", _SOURCE)
    return wanted, limit


def _wanted(state: EarlyBoot, platform: Platform) -> Span | None:
    request = crash_request(state)
    size = base = 0
    if request is not None and not request.high:
        size, base = request.size, request.base
    elif state.behaviour.powerpc_root_crashkernel == "read":
        size = native_u64(state, "linux,crashkernel-size") or 0
        base = native_u64(state, "linux,crashkernel-base") or 0
    if size == 0:
        return None
    page = state.config.page_size
    if base == 0:
        base = min(platform.rma_size // 2, _BARE_BASE if platform.bare_metal else _GUEST_BASE)
    aligned = round_up(base, page)
    if aligned != base:
        state.say("crash-base-aligned", page=page)
    return Span.sized(aligned, round_up(size, page))


def _reserve_generic(state: EarlyBoot, wanted: Span) -> Span | None:
    # The place is fixed by the architecture: exactly there, or not at all.
    base = state.mb.alloc_range(wanted.size, state.config.page_size, wanted.start, wanted.end)
    if base == 0:
        state.step(StepKind.FAIL, "crashkernel", "its place is not free RAM", base=wanted.start,
                   size=wanted.size, source=_SOURCE)  # fmt: skip
        state.say("crash-in-use")
        return None
    state.ledger.take(base, wanted.size, "crashkernel")
    state.step(StepKind.ALLOC, "crashkernel", "crashkernel= on the command line", base=base, size=wanted.size,
               source=_SOURCE)  # fmt: skip
    state.say("crash-reserved", base=base, end=base + wanted.size, mib=wanted.size >> 20)
    return wanted
