# SPDX-License-Identifier: Apache-2.0
"""Two views of one place: where a device sees memory of the CPU, and the other way round, through dma-ranges.

Source: of_translate_dma_address(), drivers/of/address.c (kernel-semantics 1.2). A bus without dma-ranges, or with an
empty one, passes addresses through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.dma import raw_entries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.fdt import Node

_MAX_DEPTH = 64


def _buses(device: Node) -> Iterator[list[tuple[int, int, int]]]:
    # (address below, address above, size) of each bus over a device that translates, the nearest first.
    bus = device.parent
    for _ in range(_MAX_DEPTH):
        if bus is None or bus.parent is None:
            return
        prop = bus.prop("dma-ranges")
        if prop is not None and prop.length:
            yield raw_entries(prop)
        bus = bus.parent


def device_address(device: Node, cpu_address: int, size: int) -> int | None:
    """Return where a device sees `size` bytes at an address of the CPU, or None when it cannot reach all of them."""
    address = cpu_address
    for entries in reversed(list(_buses(device))):
        for below, above, length in entries:
            if above <= address and address + size <= above + length:
                address = below + (address - above)
                break
        else:
            return None
    return address


def cpu_address(device: Node, address: int, size: int) -> int | None:
    """Return which memory of the CPU a device means by `size` bytes at an address, or None when by nothing."""
    for entries in _buses(device):
        for below, above, length in entries:
            if below <= address and address + size <= below + length:
                address = above + (address - below)
                break
        else:
            return None
    return address


def is_translated(device: Node) -> bool:
    """Say whether a bus over the device gives memory other addresses, or hides some."""
    return any(True for _ in _buses(device))
