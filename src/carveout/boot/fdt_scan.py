# SPDX-License-Identifier: Apache-2.0
"""The first scan of the flat tree: memory nodes, usable range, elfcorehdr, initrd.

Source: early_init_dt_scan_nodes(), early_init_dt_add_memory_arch(), drivers/of/fdt.c
(kernel-semantics 1.1, 1.6, 6.1 to 6.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import (
    OF_ROOT_NODE_ADDR_CELLS_DEFAULT,
    OF_ROOT_NODE_SIZE_CELLS_DEFAULT,
    c_string,
    number,
)
from carveout.boot.result import StepKind
from carveout.span import Span, round_down, round_up

if TYPE_CHECKING:
    from collections.abc import Callable

    from carveout.board import Board, Chosen, MemoryNode
    from carveout.boot.state import EarlyBoot
    from carveout.fdt import Property
    from carveout.kernel import Behaviour

    AddMemory = Callable[[EarlyBoot, int, int, str], None]

_U64 = (1 << 64) - 1
_SOURCE = "kernel-semantics 6.1, 6.2"


def scan_root_cells(state: EarlyBoot) -> None:
    """Read the root's cells; a missing one counts as 1."""
    cells = state.board.root_cells
    state.root_address_cells = OF_ROOT_NODE_ADDR_CELLS_DEFAULT if cells.address is None else cells.address
    state.root_size_cells = OF_ROOT_NODE_SIZE_CELLS_DEFAULT if cells.size is None else cells.size


def entry_bytes(state: EarlyBoot) -> int:
    """Return the length of one (base, size) entry in the root's cells, in bytes."""
    return 4 * (state.root_address_cells + state.root_size_cells)


def entry_at(state: EarlyBoot, offset: int) -> tuple[int, int]:
    """Return the (base, size) that stands at an offset of the blob, whatever it belongs to."""
    blob = state.board.tree.blob
    middle = offset + 4 * state.root_address_cells
    return number(blob[offset:middle]), number(blob[middle : offset + entry_bytes(state)])


def status_ok(behaviour: Behaviour, status: Property | None) -> bool:
    """Say whether a node is available: status absent, `ok` or `okay` (kernel-semantics 3.2)."""
    if status is None:
        return True
    if behaviour.string_properties == "checked" and not status.value.endswith(b"\0"):
        return True
    return c_string(status.node.tree, status.value_offset) in (b"ok", b"okay")


def find_chosen(board: Board, behaviour: Behaviour) -> Chosen | None:
    """Return the /chosen this kernel looks at (kernel-semantics 1.1)."""
    if behaviour.chosen_lookup == "exact-name":
        return next((c for c in board.chosen if c.node.name in ("chosen", "chosen@0")), None)
    return next(iter(board.chosen), None)


def initrd_of(board: Board, behaviour: Behaviour) -> Span | None:
    """Return the initrd that /chosen names, or None."""
    chosen = find_chosen(board, behaviour)
    if chosen is None or chosen.initrd_start is None or chosen.initrd_end is None:
        return None
    start, end = _cells(chosen.initrd_start), _cells(chosen.initrd_end)
    if start == end or (start > end and behaviour.initrd_reversed == "ignored"):
        return None
    return Span(start, end)


def _cells(prop: Property) -> int:
    # Whole cells only: of_read_number() is given the length divided by 4.
    return number(prop.value[: prop.length // 4 * 4])


def scan_memory(state: EarlyBoot, add: AddMemory | None = None) -> None:
    """Add the RAM: what the scene gives, else what the memory nodes say. add: how; by default add_memory()."""
    add = add or add_memory
    if state.scene.memory_source == "given":
        for span in state.scene.memory:
            add(state, span.start, span.size, "--memory")
        return
    for node in memory_nodes(state.board, state.behaviour):
        _scan_node(state, node, add)


def memory_nodes(board: Board, behaviour: Behaviour) -> list[MemoryNode]:
    """Return the memory nodes this kernel reads."""
    if behaviour.memory_nodes == "any-depth":
        return list(board.memory)
    return [node for node in board.memory if node.depth == 1 and status_ok(behaviour, node.status)]


def memory_reg(node: MemoryNode, behaviour: Behaviour, step: int) -> Property | None:
    """Return the property this kernel takes the RAM of a memory node from, or None (kernel-semantics 6.1).

    step: bytes of one (base, size) entry in the root's cells.
    """
    strict = behaviour.memory_reg_length == "strict"
    for prop in (node.usable, node.reg):
        if prop is not None and step and not (strict and prop.length % step):
            return prop
        if prop is not None and not strict:
            return None
    return None


def _scan_node(state: EarlyBoot, node: MemoryNode, add: AddMemory) -> None:
    step = entry_bytes(state)
    prop = memory_reg(node, state.behaviour, step)
    if prop is None:
        if node.reg is not None:
            state.step(
                StepKind.SKIP, node.path, "the length of reg is not a multiple of an entry", source=_SOURCE
            )
        return
    for index in range(prop.length // step):
        base, size = entry_at(state, prop.value_offset + index * step)
        if size == 0:
            continue
        add(state, base, size, node.path)
        if node.hotpluggable:
            state.mb.mark_hotplug(base, size)


def add_memory(state: EarlyBoot, base: int, size: int, who: str) -> None:
    """Add one block of RAM as early_init_dt_add_memory_arch() does: whole pages only."""
    page = state.config.page_size
    given = base, size
    if size < page - (base & (page - 1)):
        state.step(StepKind.SKIP, who, "smaller than a page", base=base, size=size, source=_SOURCE)
        state.say("ignoring-block", start=base, end=(base + size) & _U64)
        return
    if base & (page - 1):
        size -= page - (base & (page - 1))
        base = round_up(base, page) & _U64
    size = round_down(size, page)
    highest = state.mask
    if base > highest:
        state.step(StepKind.SKIP, who, "above all physical addresses", base=base, size=size, source=_SOURCE)
        state.say("ignoring-block", start=base, end=(base + size) & _U64)
        return
    if (base + size - 1) & _U64 > highest:
        state.step(StepKind.SKIP, who, "its end is above all physical addresses", base=base, size=size)
        state.say("ignoring-range", start=highest + 1, end=(base + size) & _U64)
        size = highest - base + 1
    if base < state.lowest_ram:
        lowest = state.lowest_ram
        if base + size < lowest:
            state.step(StepKind.SKIP, who, "below the lowest RAM of the kernel", base=base, size=size)
            state.say("ignoring-block", start=base, end=base + size)
            return
        state.step(StepKind.SKIP, who, "it begins below the lowest RAM of the kernel", base=base, size=size)
        state.say("ignoring-range", start=base, end=lowest)
        base, size = lowest, base + size - lowest
    state.mb.add(base, size)
    reason = "RAM" if given == (base, size) else "RAM, cut to whole pages"
    state.step(StepKind.MEMORY, who, reason, base=base, size=size, source=_SOURCE)


def apply_usable_range(state: EarlyBoot) -> None:
    """Cut RAM down to linux,usable-memory-range (kernel-semantics 6.3)."""
    chosen = find_chosen(state.board, state.behaviour)
    prop = chosen.usable_memory_range if chosen is not None else None
    if prop is None:
        return
    ranges = _usable_ranges(state, prop)
    if not ranges:
        return
    if ranges[0][1]:
        _cap(state, *ranges[0])
    for base, size in ranges[1:2]:
        state.mb.add(base, size)
        state.step(
            StepKind.MEMORY, "linux,usable-memory-range", "second range added", base=base, size=size,
            source="kernel-semantics 6.3",
        )  # fmt: skip


def _cap(state: EarlyBoot, base: int, size: int) -> None:
    if not state.mb.memory and state.behaviour.cap_without_memory == "warns":
        state.say("no-memory-to-cap")
    state.mb.cap_memory_range(base, size)
    state.step(
        StepKind.MEMORY, "linux,usable-memory-range", "RAM outside is dropped", base=base, size=size,
        source="kernel-semantics 6.3",
    )  # fmt: skip


def _usable_ranges(state: EarlyBoot, prop: Property) -> list[tuple[int, int]]:
    cells = state.root_address_cells + state.root_size_cells
    step = 4 * cells
    if cells == 0:
        return []
    how = state.behaviour.usable_memory_range
    if how == "arm64-first":
        # Compared in bytes with a number of cells; a short property is read beyond its end.
        return [entry_at(state, prop.value_offset)] if prop.length >= cells else []
    if how == "generic-strict":
        if prop.length % step:
            return []
        starts = range(0, prop.length, step)
    else:
        if prop.length % cells:
            return []
        # An entry counts while its start is inside the property; what is missing comes from behind it.
        starts = range(0, prop.length, step)
    return [entry_at(state, prop.value_offset + at) for at in list(starts)[:2]]


def elfcorehdr_of(state: EarlyBoot) -> tuple[int, int] | None:
    """Return (base, size) of linux,elfcorehdr as this kernel reads it, or None."""
    chosen = find_chosen(state.board, state.behaviour)
    prop = chosen.elfcorehdr if chosen is not None else None
    if prop is None or not state.config.crash_dump or not state.sees_elfcorehdr:
        return None
    cells = state.root_address_cells + state.root_size_cells
    if state.behaviour.elfcorehdr == "first-strict":
        if prop.length != 4 * cells:
            return None
    elif prop.length < cells:
        return None
    base, size = entry_at(state, prop.value_offset)
    return (base, size) if size else None


def reserve_elfcorehdr(state: EarlyBoot) -> None:
    """Reserve the ELF core header of a crashed kernel (kernel-semantics 1.6)."""
    found = elfcorehdr_of(state)
    if found is None:
        return
    base, size = found
    suffix = "-arm64" if state.behaviour.elfcorehdr == "arm64-after-regions" else ""
    if state.mb.is_region_reserved(base, size):
        state.step(StepKind.FAIL, "elfcorehdr", "overlaps something reserved", base=base, size=size)
        state.say("elfcorehdr-overlap" + suffix)
        return
    state.reserve(base, size, "elfcorehdr", "linux,elfcorehdr in /chosen", "kernel-semantics 1.6")
    state.say("elfcorehdr" + suffix, kib=size >> 10, base=base)


def reserve_memreserve(state: EarlyBoot) -> None:
    """Reserve the entries of the memory reservation block, up to the first of size 0."""
    if state.scene.efi:
        state.step(
            StepKind.SKIP, "memreserve", "the EFI stub deletes all entries", source="kernel-semantics 1.0"
        )
        return
    for entry in state.board.reserve_map:
        if entry.size == 0:
            break
        state.reserve(
            entry.address & state.mask, entry.size & state.mask, "memreserve",
            "memory reservation block", "kernel-semantics 1.6",
        )  # fmt: skip
