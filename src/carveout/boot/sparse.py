# SPDX-License-Identifier: Apache-2.0
"""sparse_init() on arm64: the section tables, the usage maps and the struct pages (vmemmap).

Source: mm/sparse.c, mm/sparse-vmemmap.c (kernel-semantics 4.6, step 9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import StepKind
from carveout.span import GIB, is_aligned, round_down, round_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot.state import EarlyBoot
    from carveout.kernel.layout import Arm64Layout

_SOURCE = "kernel-semantics 4.6"
_STRUCT_PAGE = 64
# 2 TiB in the smallest sections. A tree can claim any amount of RAM, and time must stay bounded.
_MOST_SECTIONS = 1 << 14
_MEM_SECTION = 32
_PHYS_BITS = 48
_GIB_SLOT = GIB
_PGD_SLOT = 512 * GIB
# The kernel asks for memory above all RAM first; only the second try, from 0, can succeed.
_ABOVE_ALL = 1 << 63


def sparse_init(state: EarlyBoot, memstart: int, node_data: dict[int, int]) -> None:
    """Allocate the memory map of all sections. node_data: node → address of its NODE_DATA."""
    layout = state.profile.arm64
    page = state.config.page_size
    count = sum((r.base + r.size - 1) // layout.section_size - r.base // layout.section_size + 1
                for r in state.mb.memory)  # fmt: skip
    if count > _MOST_SECTIONS:
        state.doubts.append(f"the memory map of {count} sections of RAM is not simulated")
        return
    bits = 52 if state.scene.cpu_va == 52 and state.config.va_bits == 52 else _PHYS_BITS
    per_root = page // _MEM_SECTION
    root_array = (1 << bits) // layout.section_size // per_root * 8
    state.allocate(root_array, 64, "sparsemem", "array of section roots", start=_ABOVE_ALL, needed=True,
                   source=_SOURCE)  # fmt: skip
    # The kernel works off runs of sections of one node.
    runs: list[tuple[int, list[int]]] = []
    seen: set[int] = set()
    roots: set[int] = set()
    for nid, number in _sections(state, layout):
        if number // per_root not in roots:
            roots.add(number // per_root)
            state.allocate(page, 64, "sparsemem", "section roots", start=_ABOVE_ALL, nid=nid, needed=True,
                           source=_SOURCE)  # fmt: skip
        if number not in seen:
            seen.add(number)
            if not runs or runs[-1][0] != nid:
                runs.append((nid, []))
            runs[-1][1].append(number)
    tables = _VmemmapTables(state, layout)
    for nid, numbers in runs:
        _init_node(state, layout, nid, numbers, memstart, node_data.get(nid, 0), tables)


def _sections(state: EarlyBoot, layout: Arm64Layout) -> Iterator[tuple[int, int]]:
    for region in list(state.mb.memory):
        nid = region.nid or 0
        first = region.base // layout.section_size
        last = (region.base + region.size - 1) // layout.section_size
        for number in range(first, last + 1):
            yield nid, number


def _init_node(
    state: EarlyBoot,
    layout: Arm64Layout,
    nid: int,
    numbers: list[int],
    memstart: int,
    node_data: int,
    tables: _VmemmapTables,
) -> None:
    page = state.config.page_size
    leaf = page * (page // 8)
    memmap = layout.section_size // page * _STRUCT_PAGE
    rounded = round_up(memmap, leaf)
    _usage_maps(state, layout, nid, len(numbers), node_data)
    size = len(numbers) * rounded
    # The buffer is aligned to the memmap of one section.
    buffer = state.allocate(
        size, rounded, "struct pages", f"memory map of {len(numbers)} sections", start=_ABOVE_ALL, nid=nid,
        exact_nid=True, cleared=False, source=_SOURCE,
    )  # fmt: skip
    cursor = buffer
    for number in numbers:
        offset = (number * layout.section_size - memstart) // page * _STRUCT_PAGE
        cursor = _populate(state, tables, nid, offset, memmap, cursor, buffer + size if buffer else 0)
    if buffer and cursor < buffer + size:
        state.free(cursor, buffer + size - cursor, "struct pages", "unused part of the buffer", _SOURCE)


def _usage_maps(state: EarlyBoot, layout: Arm64Layout, nid: int, count: int, node_data: int) -> None:
    # First in the section that holds NODE_DATA, then anywhere below its end, then anywhere.
    goal = round_down(node_data, layout.section_size)
    limit = goal + layout.section_size
    size = count * layout.section_usage
    why = "usage maps of the sections"
    if not state.allocate(size, 64, "sparsemem", why, start=goal, end=limit, nid=nid, source=_SOURCE):
        state.allocate(size, 64, "sparsemem", why, nid=nid, needed=True, source=_SOURCE)


class _VmemmapTables:
    """Which table pages of vmemmap exist; a missing one is taken when it is first needed."""

    def __init__(self, state: EarlyBoot, layout: Arm64Layout) -> None:
        self._state = state
        self._origin = layout.vmemmap_origin
        page = state.config.page_size
        leaf = page * (page // 8)
        self.leaf = leaf
        self._widths = (_PGD_SLOT, _GIB_SLOT) if page == 4096 else (leaf * (page // 8), leaf)
        self._have: set[tuple[int, int]] = set()
        if layout.vmemmap_head_mapped:
            self._have.update((width, self._origin // width) for width in self._widths)

    def need(self, offset: int, nid: int) -> None:
        page = self._state.config.page_size
        for width in self._widths:
            key = (width, (self._origin + offset) // width)
            if key not in self._have:
                self._have.add(key)
                self._state.allocate(page, page, "page tables", "tables of the memory map", start=_ABOVE_ALL,
                                     nid=nid, needed=True, source=_SOURCE)  # fmt: skip


def _populate(
    state: EarlyBoot,
    tables: _VmemmapTables,
    nid: int,
    offset: int,
    memmap: int,
    cursor: int,
    end: int,
) -> int:
    # Map one section's struct pages: from the buffer while it lasts, else piece by piece. Returns the cursor.
    page = state.config.page_size
    piece = tables.leaf if is_aligned(memmap, tables.leaf) else page
    for at in range(offset, offset + memmap, piece):
        tables.need(at, nid)
        if cursor and cursor + piece <= end:
            cursor += piece
            continue
        if not state.allocate(piece, piece, "struct pages", "piece of the memory map", start=_ABOVE_ALL, nid=nid,
                              needed=True, cleared=False, source=_SOURCE):  # fmt: skip
            state.step(StepKind.FAIL, "struct pages", "a section gets no memory map", source=_SOURCE)
            break
    return cursor
