# SPDX-License-Identifier: Apache-2.0
"""32-bit arm: `mem=SIZE[@BASE]`, which replaces all RAM; each use adds a bank.

Source: early_mem(), arm_add_memory(), arch/arm/kernel/setup.c (kernel-semantics 6.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cmdline import memparse
from carveout.boot.result import StepKind
from carveout.span import Span, round_down, round_up

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 6.4"


def apply_mem(state: EarlyBoot, phys_offset: int) -> None:
    """Do what every `mem=` on the command line says, in order; without an address it begins at PHYS_OFFSET."""
    described = [Span.sized(region.base, region.size) for region in state.mb.memory]
    for number, value in enumerate(state.arguments.all("mem")):
        size, rest = memparse(value)
        start = memparse(rest[1:])[0] & state.mask if rest[:1] == "@" else phys_offset
        if number == 0:
            first = state.mb.start_of_dram()
            state.mb.remove(first, state.mb.end_of_dram() - first)
            state.step(
                StepKind.MEMORY, "mem=", "all RAM is forgotten: the command line counts", source=_SOURCE
            )
        arm_add_memory(state, start, size, phys_offset)
    if described and not all(_is_within(Span.sized(r.base, r.size), described) for r in state.mb.memory):
        state.fate_doubts.append(
            "mem= gives RAM that the tree does not have: a kernel that uses it dies if it is not there"
        )


def _is_within(span: Span, banks: list[Span]) -> bool:
    at = span.start
    for bank in banks:
        if bank.start <= at < bank.end:
            at = bank.end
    return at >= span.end


def arm_add_memory(state: EarlyBoot, start: int, size: int, phys_offset: int) -> None:
    """Add one bank in whole pages, without what lies below PHYS_OFFSET or above 4 GiB."""
    page, highest = state.config.page_size, state.mask
    base = round_up(start, page) if start else 0
    size = max(size - (base - start), 0)
    if base > highest:
        state.step(
            StepKind.SKIP, "mem=", "above all physical addresses", base=base, size=size, source=_SOURCE
        )
        return
    size = min(size, highest - base)
    if base < phys_offset:
        below = min(phys_offset - base, size)
        state.step(StepKind.SKIP, "mem=", "below PHYS_OFFSET", base=base, size=below, source=_SOURCE)
        if below == size:
            return
        base, size = phys_offset, size - below
    size = round_down(size, page)
    if size:
        state.mb.add(base, size)
        state.step(StepKind.MEMORY, "mem=", "RAM", base=base, size=size, source=_SOURCE)
