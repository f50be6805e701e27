# SPDX-License-Identifier: Apache-2.0
"""What beside regions has words of another time.

Devices, cells that never came to be, the crash kernel's header, and the ranges that powerpc reserves.

Source: binding section 2, rules LG11, LG16, LG17, LG18, LG19.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.board.decode import entries, number
from carveout.change.proposal import Change, GoneNode, NewNode, removing, setting
from carveout.check.context import cells, texts
from carveout.fdt.draft import DraftNode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.change.answers import Answers
    from carveout.check.context import BoardContext
    from carveout.fdt import Node

_DEVICE = "linux,contiguous-region"
_REGIONS = "memory-region"
_CELLS = "#memory-region-cells"
_HEADER = "linux,elfcorehdr"
_RANGES, _RANGE_NAMES = "reserved-ranges", "reserved-names"
_NODE_NAME = re.compile(r"[^0-9A-Za-z,._+-]")

Done = tuple[str, str, tuple[Change, ...]]
"""(path, what was done, the changes)."""


def upgraded_devices(context: BoardContext, answers: Answers) -> Iterator[Done]:
    """Yield devices that name their region as proposals of 2013 did."""
    for prop in context.tree.properties_named(_DEVICE):
        path, today = prop.node.path, prop.node.prop(_REGIONS)
        change = [removing(path, _DEVICE)]
        text = f"{_REGIONS} in place of {_DEVICE}"
        if today is not None and today.value != prop.value:
            choice = answers.ask(
                path,
                f"{_DEVICE} and {_REGIONS} name different regions",
                {_REGIONS: f"keep {_REGIONS}", _DEVICE: f"the value of {_DEVICE}"},
            )
            if choice is None:
                continue
            if choice == _DEVICE:
                change.append(setting(path, _REGIONS, prop.value))
        elif today is None and prop.length:
            change.append(setting(path, _REGIONS, prop.value))
        if today is not None:
            text = f"{_DEVICE} removed"
        yield path, text, tuple(change)


def upgraded_cells(context: BoardContext, answers: Answers) -> Iterator[Done]:
    """Yield regions with #memory-region-cells, and the devices whose lists have numbers because of it."""
    tree = context.tree
    counts: dict[int, int] = {}
    paths = []
    for prop in tree.properties_named(_CELLS):
        paths.append(prop.node.path)
        phandle = prop.node.prop("phandle") or prop.node.prop("linux,phandle")
        if phandle is not None and phandle.length == 4 and prop.length == 4:
            counts[phandle.u32()] = prop.u32()
    is_open = False
    for prop in tree.properties_named(_REGIONS) if any(counts.values()) else ():
        stripped, numbers = _stripped(prop.value, counts)
        if stripped == prop.value:
            continue
        path = prop.node.path
        if any(numbers):
            shown = ", ".join(f"0x{value:x}" for value in numbers)
            choice = answers.ask(
                path,
                f"{_REGIONS} has numbers behind its phandles ({shown}), which no binding gives a meaning",
                {"drop-numbers": "remove them"},
            )
            if choice is None:
                is_open = True
                continue
        yield path, f"numbers removed from {_REGIONS}", (setting(path, _REGIONS, stripped),)
    for path in paths if not is_open else ():
        yield path, f"{_CELLS} removed", (removing(path, _CELLS),)


def _stripped(value: bytes, counts: dict[int, int]) -> tuple[bytes, list[int]]:
    # The list without the numbers that the regions' cells announce, and the numbers.
    kept, numbers = [], []
    values = [value[at : at + 4] for at in range(0, len(value) - len(value) % 4, 4)]
    while values:
        cell = values.pop(0)
        kept.append(cell)
        count = counts.get(number(cell), 0)
        numbers += [number(one) for one in values[:count]]
        values = values[count:]
    return b"".join(kept) + value[len(value) - len(value) % 4 :], numbers


def upgraded_header(context: BoardContext, left: dict[str, str]) -> Iterator[Done]:
    """Yield the region of the crash kernel's ELF header, which /chosen names today."""
    taken = False
    for region in context.regions:
        if not region.has(_HEADER):
            continue
        chosen = context.tree.node("/chosen")
        step = context.entry_bytes
        if region.raw.reg is None or region.raw.reg.length < step or region.users or taken:
            left[region.path] = f"{_HEADER} is a property of /chosen today; this region cannot become that"
            continue
        taken = True
        value = region.raw.reg.value[:step]
        has = chosen.prop(_HEADER) if chosen is not None else None
        if has is not None and has.value != value:
            left[region.path] = f"/chosen has another {_HEADER}"
            continue
        if chosen is None:
            into: tuple[Change, ...] = (NewNode("/", DraftNode("chosen", {_HEADER: value}), first=False),)
        else:
            into = () if has is not None else (setting("/chosen", _HEADER, value),)
        yield region.path, f"{_HEADER} of /chosen in place of the region", (*into, GoneNode(region.path))


def upgraded_ranges(context: BoardContext, answers: Answers, wanted: bool) -> Iterator[Done]:
    """Yield the ranges of the root that only powerpc kernels read. wanted: also where they are read."""
    prop = context.board.reserved_ranges
    if prop is None or not prop.length:
        return
    if prop.length % 16:
        return  # nobody can tell what it says: rule CV809
    arch = context.board.arch
    if arch in (None, "powerpc64") and not wanted:
        return
    choice = answers.ask(
        "/",
        f"{_RANGES} is read by powerpc kernels only" + (f", and this board is {arch}" if arch else ""),
        {"regions": "make each range a region", "ranges": "leave it as it is"},
    )
    if choice != "regions":
        return
    names = list(texts(context.tree.root.prop(_RANGE_NAMES)))
    found = entries(prop.value, 2, 2)
    changes: list[Change] = [removing("/", _RANGES)]
    if context.tree.root.prop(_RANGE_NAMES) is not None:
        changes.append(removing("/", _RANGE_NAMES))
    nodes = []
    for index, (base, size) in enumerate(found):
        if size:
            name = names[index] if len(names) == len(found) else "reserved"
            reg = cells(base, width=context.address_cells) + cells(size, width=context.size_cells)
            nodes.append(DraftNode(f"{_NODE_NAME.sub('-', name.partition('@')[0])}@{base:x}", {"reg": reg}))
    yield (
        "/",
        f"{len(nodes)} ranges of {_RANGES} are regions",
        (*changes, *into_reserved_memory(context, nodes)),
    )


def into_reserved_memory(
    context: BoardContext, nodes: list[DraftNode], labels: dict[str, str] | None = None
) -> tuple[Change, ...]:
    """Return the changes that put nodes into /reserved-memory, which is made where the tree has none.

    labels: what a .dts may call a node, by its name.
    """
    if not nodes:
        return ()
    parent = context.reserved_memory
    if parent is not None:
        return tuple(
            NewNode(parent.path, node, first=False, label=(labels or {}).get(node.name)) for node in nodes
        )
    made = DraftNode(
        "reserved-memory",
        {
            "#address-cells": cells(context.address_cells, width=1),
            "#size-cells": cells(context.size_cells, width=1),
            "ranges": b"",
        },
    )
    return (
        NewNode("/", made, first=False),
        *(
            NewNode("/reserved-memory", node, first=False, label=(labels or {}).get(node.name))
            for node in nodes
        ),
    )


def not_translated(context: BoardContext) -> Iterator[tuple[str, str]]:
    """Yield what has no equivalent today, with what to do: (path, text)."""
    if context.tree.root.prop("memreserve") is not None:
        yield (
            "/",
            "memreserve of the root is read by FreeBSD only: write regions, or /memreserve/, if Linux boots here too",
        )
    for path, listed in context.devices.items():
        if _is_ion(context.tree.node(path)):
            regions = ", ".join(entry.region for entry in listed if entry.region is not None)
            text = (
                f"no kernel of today has a driver for ION: remove the node; DMA heaps serve {regions or 'pools'} if it is "
                "a shared-dma-pool with reusable"
            )
            yield path, text


def _is_ion(node: Node | None) -> bool:
    while node is not None:
        names = texts(node.prop("compatible"))
        if names and names[0].startswith("linux,ion"):
            return True
        node = node.parent
    return False
