# SPDX-License-Identifier: Apache-2.0
"""32-bit arm boards and scenes for tests, as the recorded boots have them: RAM at 0x40000000, the kernel in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carveout.boot.cmdline import parse_cmdline
from carveout.boot.memblock import MemblockRules
from carveout.boot.region_drivers import KERNEL_DRIVERS
from carveout.boot.resolve import resolve_scene
from carveout.boot.run import boot
from carveout.boot.scene import Scene
from carveout.boot.state import EarlyBoot
from carveout.span import GIB, MIB, Span
from support.boards import board_of, cpus, memory, reserved_memory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.boot.result import Boot
    from carveout.fdt.draft import DraftNode

PHYS_OFFSET = 0x4000_0000
STEXT = PHYS_OFFSET + 3 * MIB
DTB_AT = 0x4800_0000
RAM = Span.sized(PHYS_OFFSET, GIB)
LOWMEM = 768 * MIB
"""How much of a larger RAM is lowmem, unless vmalloc= says otherwise (kernel-semantics 7.1)."""
KERNELS = ("5.10", "6.1", "6.12", "7.2")
# What Debian's four kernels reserve from _stext on, from the recorded boots.
IMAGE_SIZES = {"5.10": 0x12F_42CC, "6.1": 0x130_7588, "6.12": 0x152_C190, "7.2": 0x17A_CE84}


def arm_scene(series: str, **changes: Any) -> Scene:
    """Return a scene that says all there is to say. changes: fields of Scene."""
    image = Span.sized(STEXT, IMAGE_SIZES[series])
    values: dict[str, Any] = {"kernel": series, "arch": "arm", "kernel_image": image, "dtb_at": DTB_AT}
    return Scene(**{**values, **changes})


def boot_arm(
    kernel: str,
    *regions: DraftNode,
    ram: Iterable[Span] = (RAM,),
    reserve: Iterable[tuple[int, int]] = (),
    **scene: Any,
) -> Boot:
    """Boot an arm board with this RAM and these regions. scene: fields of Scene."""
    banks = [(bank.start, bank.size) for bank in ram]
    nodes = [cpus("arm,cortex-a15"), memory(*banks), *([reserved_memory(*regions)] if regions else ())]
    return boot(board_of(*nodes, reserve=reserve), arm_scene(kernel, **scene))


def arm_state(kernel: str, *banks: Span, **scene: Any) -> EarlyBoot:
    """Return the state of a boot that has just begun, with these banks as RAM. scene: fields of Scene."""
    board = board_of(cpus("arm,cortex-a15"), memory(*((bank.start, bank.size) for bank in banks or (RAM,))))
    resolved, profile = resolve_scene(board, arm_scene(kernel, **scene))
    rules = MemblockRules(phys_bits=32, page_size=4096, smp_cache_bytes=64)
    state = EarlyBoot(
        board=board,
        scene=resolved,
        profile=profile,
        arguments=parse_cmdline(resolved.cmdline),
        rules=rules,
        drivers=KERNEL_DRIVERS,
    )
    for bank in banks:
        state.mb.add(bank.start, bank.size)
    return state
