# SPDX-License-Identifier: Apache-2.0
"""Small powerpc64 trees and scenes: a guest with 1 GiB at 0, or bare metal with 2 GiB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carveout.board import read_board
from carveout.boot.run import boot
from carveout.boot.scene import Scene
from carveout.fdt import parse
from carveout.span import GIB, MIB, Span
from support.boards import blob_of, cells, node, reserved_memory, text, wide

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from carveout.boot.result import Boot
    from carveout.fdt.draft import DraftNode

DTB_AT = 128 * MIB
INITRD = Span.sized(144 * MIB, 0x122342)
# What each booted kernel reserves of itself, from address 0 (boot.kernel_image of the recorded boots).
IMAGES = {
    "6.1": Span(0, 0x2880000),
    "6.12": Span(0, 0x287F000),
    "7.2": Span(0, 0x2AED000),
}
PAGES = {"6.1": 64 << 10, "6.12": 4 << 10, "7.2": 4 << 10}
KERNELS = tuple(IMAGES)


def vec5(mmu: str) -> bytes:
    """Return ibm,architecture-vec-5 as negotiated for `radix` or `hash`."""
    value = bytearray(0x1C)
    value[0] = 0x1B
    value[0x18] = 0x40 if mmu == "radix" else 0
    return bytes(value)


def power_cpus(count: int = 1, **extra: bytes) -> DraftNode:
    """Return /cpus with POWER9 processors."""
    properties = {
        "device_type": text("cpu"),
        "ibm,processor-segment-sizes": cells(0x1C, 0x28, 0xFFFFFFFF, 0xFFFFFFFF),
        "cpu-version": cells(0x4E1200),
        **extra,
    }
    names = [f"PowerPC,POWER9@{number}" for number in range(count)]
    return node("cpus", {"#address-cells": cells(1), "#size-cells": cells(0)},
                *(node(name, properties) for name in names))  # fmt: skip


def guest(
    *regions: DraftNode,
    ram: Iterable[tuple[int, int]] = ((0, GIB),),
    mmu: str | None = "radix",
    chosen: Mapping[str, bytes] | None = None,
    root: Mapping[str, bytes] | None = None,
    others: Iterable[DraftNode] = (),
    reserve: Iterable[tuple[int, int]] = (),
) -> bytes:
    """Return the tree of a guest. mmu: what was negotiated; None: nothing is said."""
    negotiated = {} if mmu is None else {"ibm,architecture-vec-5": vec5(mmu)}
    return blob_of(
        power_cpus(),
        node("chosen", {**negotiated, **(chosen or {})}),
        *(_memory(bank) for bank in ram),
        *([reserved_memory(*regions)] if regions else ()),
        *others,
        reserve=reserve,
        root={"#address-cells": cells(2), "#size-cells": cells(2), **(root or {})},
    )


def bare_metal(*regions: DraftNode, ram: Iterable[tuple[int, int]] = ((0, 2 * GIB),)) -> bytes:
    """Return the tree of a machine without a hypervisor."""
    return guest(*regions, ram=ram, mmu=None, others=[node("ibm,opal", {"compatible": text("ibm,opal-v3")})])


def _memory(bank: tuple[int, int]) -> DraftNode:
    return node(f"memory@{bank[0]:x}", {"device_type": text("memory"), "reg": wide(*bank)})


def power_boot(blob: bytes, booted: str = "7.2", cmdline: str = "", **scene: Any) -> Boot:
    """Boot a tree on a booted kernel; image and place of the tree are as in the recorded boots."""
    values: dict[str, Any] = {
        "kernel": booted,
        "kernel_image": IMAGES[booted],
        "dtb_at": DTB_AT,
        "cmdline": cmdline,
        **scene,
    }
    return boot(read_board(parse(blob)), Scene(**values))
