# SPDX-License-Identifier: Apache-2.0
"""Two views of one place: where a device sees memory of the CPU, and where the CPU sees registers of a device.

Source: of_translate_dma_address(), drivers/of/address.c (kernel-semantics 1.2). A bus without dma-ranges, or with an
empty one, passes addresses through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import cells_of, entries
from carveout.board.dma import raw_entries
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.fdt import Node

_MAX_DEPTH = 64


class Registers(NamedTuple):
    """One entry of a device's `reg`."""

    name: str | None
    """In reg-names."""
    address: int
    """On the device's bus."""
    cpu: int | None
    """The CPU's; None when a bus above has no `ranges` for it."""
    size: int


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


def device_address(device: Node, cpu: int, size: int) -> int | None:
    """Return where a device sees `size` bytes at an address of the CPU, or None when it cannot reach all of them."""
    address = cpu
    for ranges in reversed(list(_buses(device))):
        for below, above, length in ranges:
            if above <= address and address + size <= above + length:
                address = below + (address - above)
                break
        else:
            return None
    return address


def registers(device: Node) -> tuple[Registers, ...]:
    """Return the entries of a device's `reg`, with the addresses of the CPU through `ranges` of the buses above."""
    prop, bus = device.prop("reg"), device.parent
    if prop is None or bus is None:
        return ()
    found = entries(prop.value, cells_of(bus, "#address-cells", 1), cells_of(bus, "#size-cells", 1))
    named = device.prop("reg-names")
    names = named.value.rstrip(b"\0").split(b"\0") if named is not None else []
    return tuple(
        Registers(
            names[at].decode("utf-8", "surrogateescape") if at < len(names) else None,
            address,
            _through_ranges(bus, address, size),
            size,
        )
        for at, (address, size) in enumerate(found)
    )


def _through_ranges(bus: Node, address: int, size: int) -> int | None:
    at: Node | None = bus
    for _ in range(_MAX_DEPTH):
        if at is None or at.parent is None:
            return address
        prop = at.prop("ranges")
        if prop is None:
            return None
        if prop.length:
            for below, above, length in raw_entries(prop):
                if below <= address and address + size <= below + length:
                    address = above + (address - below)
                    break
            else:
                return None
        at = at.parent
    return None
