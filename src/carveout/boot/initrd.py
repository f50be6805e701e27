# SPDX-License-Identifier: Apache-2.0
"""Reserving the initial ram disk where it has to lie in one piece of free RAM (arm, riscv).

Source: arm_initrd_init(), arch/arm/mm/init.c (5.10); reserve_initrd_mem(), init/initramfs.c (from 6.1 on)
(kernel-semantics 1.3, 1.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import StepKind
from carveout.span import round_down, round_up

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 1.3"


def reserve_initrd_mem(state: EarlyBoot) -> None:
    """Reserve the whole pages of the initrd, or drop it when they are not free RAM in one region."""
    initrd, page = state.initrd, state.config.page_size
    if initrd is None:
        return
    base = round_down(initrd.start, page)
    size = round_up(initrd.end, page) - base
    if not state.mb.is_region_memory(base, size):
        key, reason = "initrd-not-memory", "not inside one region of RAM: dropped"
    elif state.mb.is_region_reserved(base, size):
        continued = state.behaviour.initrd_in_use_message == "continued"
        key = "initrd-in-use-continued" if continued else "initrd-in-use"
        reason = f"{', '.join(state.owners(base, size))} is there already: dropped"
    else:
        state.reserve(base, size, "initrd", "whole pages of the initial ram disk", _SOURCE)
        return
    state.step(StepKind.SKIP, "initrd", reason, base=base, size=size, source=_SOURCE)
    state.say(key, base=base, size=size)
    state.initrd = None
