# SPDX-License-Identifier: Apache-2.0
"""sparse_init() on riscv64: section tables, usage maps and struct pages, and whether there is room for them.

6.12 allocates them in setup_arch(), before the crash kernel; 7.2 later, after all that carveout shows, so there
it is only tried whether they fit.
Source: mm/sparse.c, mm/sparse-vmemmap.c; sizes and order are those of the recorded boots
(kernel-semantics 4.6, 5.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import StepKind
from carveout.boot.riscv_tables import TABLE_LEVELS
from carveout.boot.state import KernelPanic
from carveout.span import GIB, MIB, round_down

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from carveout.boot.memblock import Memblock
    from carveout.boot.state import EarlyBoot
    from carveout.kernel.layout import RiscvLayout

_SOURCE = "kernel-semantics 4.6, 5.6"
_PAGE = 4096
_STRUCT_PAGE = 64
_MEM_SECTION = 32
# 2 TiB. A tree can claim any amount of RAM, and time must stay bounded.
_MOST_SECTIONS = 1 << 14
_PER_ROOT = _PAGE // _MEM_SECTION
_POINTER = 8
_LEAF = 2 * MIB
# What one table of each level maps, above the tables of pages: 1 GiB, 512 GiB, 256 TiB.
_TABLE_SPANS = (GIB, 512 * GIB, 512 * 512 * GIB)
_IDLE_KILLED = "Attempted to kill the idle task!"


def sparse_init(state: EarlyBoot, bits: int, node_data: Mapping[int, int]) -> None:
    """Allocate the memory map of all RAM. bits: width of virtual addresses; node_data: node → its NODE_DATA.

    Raises: KernelPanic when the kernel does not live without what found no room.
    """
    _Sparse(state, state.mb, bits).run(node_data)


def outlives_sparse(state: EarlyBoot, bits: int, node_data: Mapping[int, int]) -> None:
    """Try whether what is allocated after the dump would fit; raises KernelPanic like sparse_init()."""
    _Sparse(state, state.mb.copy(), bits).run(node_data)


class _Sparse:
    """One run over all sections, on the memblock of the boot or on a copy of it."""

    def __init__(self, state: EarlyBoot, mb: Memblock, bits: int) -> None:
        self._state = state
        self._mb = mb
        self._layout: RiscvLayout = state.profile.riscv
        self._levels = TABLE_LEVELS[bits]
        self._tables: set[tuple[int, int]] = set()

    def run(self, node_data: Mapping[int, int]) -> None:
        layout = self._layout
        size = layout.section_size
        count = sum((r.base + r.size - 1) // size - r.base // size + 1 for r in self._mb.memory)
        if count > _MOST_SECTIONS:
            self._state.doubts.append(f"the memory map of {count} sections of RAM is not simulated")
            return
        roots_size = (1 << layout.section_address_bits) // layout.section_size // _PER_ROOT * _POINTER
        if not self._alloc(roots_size, 64, "sparsemem", "array of section roots"):
            self._no_roots(roots_size)
        runs: list[tuple[int, list[int]]] = []
        seen: set[int] = set()
        roots: set[int] = set()
        for nid, number in self._sections():
            if number // _PER_ROOT not in roots:
                roots.add(number // _PER_ROOT)
                self._alloc(_PAGE, 64, "sparsemem", "section roots", nid=nid)
            if number not in seen:
                seen.add(number)
                if not runs or runs[-1][0] != nid:
                    runs.append((nid, []))
                runs[-1][1].append(number)
        first = min(seen, default=0)
        for nid, numbers in runs:
            self._node(nid, numbers, first, node_data.get(nid, 0))

    def _no_roots(self, size: int) -> None:
        state = self._state
        state.step(StepKind.PANIC, "sparsemem", "no room for the array of section roots", size=size,
                   source=_SOURCE)  # fmt: skip
        if state.behaviour.riscv_sparse == "later":
            raise KernelPanic(f"memblocks_present: Failed to allocate 0x{size:016x} bytes")
        state.doubts.append("the array of section roots finds no room, which was never booted on this kernel")
        raise KernelPanic(f"memblocks_present: Failed to allocate {size} bytes align=0x40")

    def _sections(self) -> Iterator[tuple[int, int]]:
        size = self._layout.section_size
        for region in list(self._mb.memory):
            for number in range(region.base // size, (region.base + region.size - 1) // size + 1):
                yield region.nid or 0, number

    def _node(self, nid: int, numbers: list[int], first: int, node_data: int) -> None:
        layout = self._layout
        # The usage maps go into the section that holds NODE_DATA, if they fit.
        goal = round_down(node_data, layout.section_size)
        usage, why = len(numbers) * layout.section_usage, "usage maps of the sections"
        if not self._alloc(usage, 64, "sparsemem", why, start=goal, end=goal + layout.section_size, nid=nid):
            self._alloc(usage, 64, "sparsemem", why, nid=nid)
        memmap = layout.section_size // _PAGE * _STRUCT_PAGE
        size = len(numbers) * memmap
        reason = f"memory map of {len(numbers)} sections"
        has_buffer = bool(self._alloc(size, memmap, "struct pages", reason, nid=nid, exact_nid=True))
        for number in numbers:
            for offset in range((number - first) * memmap, (number - first + 1) * memmap, _LEAF):
                self._need_tables(offset, nid)
                if not has_buffer and not self._piece(nid):
                    self._state.step(StepKind.PANIC, "struct pages", "a section gets no memory map",
                                     source=_SOURCE)  # fmt: skip
                    raise KernelPanic(_IDLE_KILLED)

    def _piece(self, nid: int) -> bool:
        # One large leaf, else as many pages and a table for them.
        if self._alloc(_LEAF, _LEAF, "struct pages", "piece of the memory map", nid=nid):
            return True
        pages = 1 + _LEAF // _PAGE
        return all(
            self._alloc(_PAGE, _PAGE, "struct pages", "page of the memory map", nid=nid) for _ in range(pages)
        )

    def _need_tables(self, offset: int, nid: int) -> None:
        for span in reversed(_TABLE_SPANS[: self._levels - 1]):
            key = (span, offset // span)
            if key not in self._tables:
                self._tables.add(key)
                self._alloc(_PAGE, _PAGE, "page tables", "tables of the memory map", nid=nid)

    def _alloc(
        self,
        size: int,
        align: int,
        who: str,
        reason: str,
        *,
        start: int = 0,
        end: int = 0,
        nid: int | None = None,
        exact_nid: bool = False,
    ) -> int:
        state = self._state
        if self._mb is state.mb:
            return state.allocate(
                size, align, who, reason, start=start, end=end, nid=nid, exact_nid=exact_nid, source=_SOURCE
            )
        return self._mb.alloc(size, align, start=start, end=end, nid=nid, exact_nid=exact_nid)
