# SPDX-License-Identifier: Apache-2.0
"""powerpc64 on bare metal: the contiguous area that KVM keeps for its guests, and what comes before it.

There is never a default area on this architecture. KVM's is made after the memory map (until 6.12), or still
later, after the first percpu chunk and the large hash tables.
Source: kvm_cma_reserve(), arch/powerpc/kvm (kernel-semantics 13); initmem_init(), sparse_init(),
alloc_large_system_hash() (sizes and order measured on boots with memblock=debug of 6.1 and 7.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cma import declare_contiguous
from carveout.boot.result import StepKind
from carveout.span import GIB, KIB, MIB, round_down, round_up

if TYPE_CHECKING:
    from carveout.boot.powerpc_platform import Platform
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 13; boots with memblock=debug"
_MAP = "struct pages"
_SECTION, _SECTION_BITS, _PHYS_BITS = 16 * MIB, 24, 51
_MEM_SECTION, _SECTION_USAGE, _STRUCT_PAGE = 32, 32, 64
_LINE = 128
_FLUSH, _FLUSH_ALIGN = 64 * KIB, 32 * KIB
_RADIX_BLOCK, _HASH_BLOCK = 2 * MIB, 16 * MIB
# The kernel asks above all RAM first; only the second try, from 0, can succeed.
_ABOVE_ALL = 1 << 60
_PERCPU_ATOM_HASH = 1 * MIB
_PERCPU_SMALL_RADIX = (8, 8, 4, 8, 0x130, 0x108, 0x500, 0x508, 0x140)
_PERCPU_SMALL_HASH = (8, 8, 4, 8, 0x160, 0x108, 0x500, 0x508, 0x140)
_PERCPU_AREAS = 4 * KIB
# Bytes of RAM for one bucket of 8 bytes, as powers of two: directory entries and inodes.
_HASH_SCALES = (("dentry hash", 13), ("inode hash", 14))
_BUCKET = 8
_DEFAULT_RATIO = 5
_SEEN_RAM = 6 * GIB


def reserve_kvm_area(state: EarlyBoot, platform: Platform) -> None:
    """Make KVM's area where the kernel does: on bare metal, `kvm_cma_resv_ratio` percent of RAM, by default 5."""
    if not platform.bare_metal or not state.config.cma:
        return
    ratio = kvm_ratio(state)
    size = round_up(state.mb.phys_mem_size() * ratio // 100, state.config.page_size) if ratio else 0
    if size == 0:
        state.step(StepKind.SKIP, "kvm_cma", "kvm_cma_resv_ratio=0: no area for KVM", source=_SOURCE)
        return
    _note_doubts(state, platform)
    late = state.behaviour.powerpc_kvm_area == "late"
    memory_map = _MemoryMap(state, platform)
    memory_map.node_data()
    if late:
        state.allocate(
            _FLUSH,
            _FLUSH_ALIGN,
            "flush area",
            "to flush the L1 cache",
            end=platform.real_limit,
            source=_SOURCE,
        )
    memory_map.allocate()
    set_pageblock_order(state, platform)
    if late:
        _start_kernel(state, platform)
    state.say("kvm-cma", mib=state.mib(size))
    declare_contiguous(
        state, base=0, size=size, limit=0, fixed=False, name="kvm_cma", who="kvm_cma",
        why=f"{ratio} % of RAM for KVM guests",
    )  # fmt: skip


def kvm_ratio(state: EarlyBoot) -> int:
    """Return the percentage that KVM keeps: kvm_cma_resv_ratio=, or its default."""
    value = state.arguments.last("kvm_cma_resv_ratio")
    if value is None:
        return _DEFAULT_RATIO
    try:
        return int(value, 0)
    except ValueError:
        return _DEFAULT_RATIO


def set_pageblock_order(state: EarlyBoot, platform: Platform) -> None:
    """Set how many pages a block has: a huge page of the MMU in use, 2 MiB with radix, 16 MiB with hash."""
    block = _RADIX_BLOCK if platform.radix else _HASH_BLOCK
    state.pageblock_order = (block // state.config.page_size).bit_length() - 1


def _note_doubts(state: EarlyBoot, platform: Platform) -> None:
    layout = state.profile.powerpc
    if not layout.booted_on_bare_metal:
        state.doubts.append("this kernel was not booted on bare metal: some sizes are of another build")
    if layout.hash_slots and not platform.radix:
        state.doubts.append("this kernel was not booted on bare metal with the hash MMU")
    if state.mb.end_of_dram() > _SEEN_RAM:
        state.doubts.append("bare metal with RAM above 6 GiB was never booted")


class _MemoryMap:
    """sparse_init(): section tables, usage maps and struct pages of one node."""

    def __init__(self, state: EarlyBoot, platform: Platform) -> None:
        self._state = state
        self._page = state.config.page_size
        self._nid = 0 if state.config.numa else None
        self._radix = platform.radix
        self._block = _RADIX_BLOCK if platform.radix else _HASH_BLOCK
        self._node_data = 0
        sections: dict[int, None] = {}
        for region in state.mb.memory:
            last = (region.base + region.size - 1) // _SECTION
            sections.update(dict.fromkeys(range(region.base // _SECTION, last + 1)))
        self._sections = list(sections)

    def node_data(self) -> None:
        """Allocate the node's own data."""
        size = self._state.profile.powerpc.node_data
        self._node_data = self._take(size, _LINE, "numa", "NODE_DATA", nid=self._nid)

    def allocate(self) -> None:
        """Allocate the tables, then the struct pages: from one buffer, or block by block."""
        per_root = self._page // _MEM_SECTION
        roots = (1 << (_PHYS_BITS - _SECTION_BITS)) // per_root * 8
        self._take(roots, _LINE, "sparsemem", "array of section roots")
        for _ in dict.fromkeys(number // per_root for number in self._sections):
            self._take(self._page, _LINE, "sparsemem", "section roots", nid=self._nid)
        buffered = self._state.behaviour.powerpc_memory_map == "buffer"
        self._usage_maps(near_node_data=buffered)
        memmap = _SECTION // self._page * _STRUCT_PAGE
        blocks = len({number * memmap // self._block for number in self._sections})
        if not self._radix or self._state.behaviour.powerpc_vmemmap_list == "always":
            self._map_listed(blocks, buffered=buffered)
        else:
            self._map_radix(blocks, buffered=buffered)

    def _take(
        self,
        size: int,
        align: int,
        who: str,
        why: str,
        *,
        start: int = 0,
        end: int = 0,
        nid: int | None = None,
    ) -> int:
        return self._state.allocate(size, align, who, why, start=start, end=end, nid=nid, source=_SOURCE)

    def _usage_maps(self, *, near_node_data: bool) -> None:
        size, why = len(self._sections) * _SECTION_USAGE, "usage maps of the sections"
        if near_node_data:
            goal = round_down(self._node_data, _SECTION)
            if self._take(size, _LINE, "sparsemem", why, start=goal, end=goal + _SECTION, nid=self._nid):
                return
        self._take(size, _LINE, "sparsemem", why, nid=self._nid)

    def _buffer(self, blocks: int) -> bool:
        # One buffer for all sections, each rounded up; what is not used is given back at once.
        rounded = _HASH_BLOCK if not self._radix and self._page > 4 * KIB else _RADIX_BLOCK
        state, size = self._state, len(self._sections) * rounded
        base = state.allocate(
            size, rounded, _MAP, f"memory map of {len(self._sections)} sections", start=_ABOVE_ALL,
            nid=self._nid, exact_nid=self._nid is not None, source=_SOURCE,
        )  # fmt: skip
        used = blocks * self._block
        if base and used < size:
            self._spare = base + used, size - used
        return bool(base)

    _spare: tuple[int, int] | None = None

    def _map_listed(self, blocks: int, *, buffered: bool) -> None:
        # A page that lists the blocks comes after the first of them.
        has_buffer = buffered and self._buffer(blocks)
        for index in range(blocks):
            if not has_buffer:
                self._one_block()
            if index == 0:
                self._take(self._page, self._page, _MAP, "list of blocks", start=_ABOVE_ALL, nid=self._nid)
                if self._radix:
                    self._tables()
        self._give_back()

    def _map_radix(self, blocks: int, *, buffered: bool) -> None:
        has_buffer = buffered and self._buffer(blocks)
        self._tables()
        if not has_buffer:
            for _ in range(blocks):
                self._one_block()
        self._give_back()

    def _one_block(self) -> None:
        self._take(self._block, self._block, _MAP, "block of struct pages", start=_ABOVE_ALL, nid=self._nid)

    def _tables(self) -> None:
        # Two levels, which serve the first GiB of struct pages.
        for _ in range(2):
            self._take(self._page, self._page, "page tables", "tables of the memory map", nid=self._nid)

    def _give_back(self) -> None:
        if self._spare is not None:
            self._state.free(*self._spare, _MAP, "unused part of the buffer", _SOURCE)
            self._spare = None


def _start_kernel(state: EarlyBoot, platform: Platform) -> None:
    # start_kernel() up to mm_core_init(): the command line twice, the first percpu chunk, two hash tables.
    page = state.config.page_size
    for _ in range(2):
        length = len(state.scene.cmdline.encode("utf-8", "surrogateescape")) + 1
        state.allocate(length, _LINE, "command line", "copy", source=_SOURCE)
    who = "percpu"
    info = state.allocate(page, page, who, "allocation plan", source=_SOURCE)
    areas = state.allocate(_PERCPU_AREAS, _LINE, who, "list of areas", source=_SOURCE)
    unit = state.profile.powerpc.percpu_unit
    atom = page if platform.radix else _PERCPU_ATOM_HASH
    chunk = state.allocate(
        round_up(unit, atom), atom, who, "first chunk", start=_ABOVE_ALL, nid=0 if state.config.numa else None,
        source=_SOURCE,
    )  # fmt: skip
    if round_up(unit, atom) > unit:
        state.free(chunk + unit, round_up(unit, atom) - unit, who, "rest of the chunk", _SOURCE)
    for size in _PERCPU_SMALL_RADIX if platform.radix else _PERCPU_SMALL_HASH:
        state.allocate(size, _LINE, who, "tables", source=_SOURCE)
    state.free(info, page, who, "allocation plan", _SOURCE)
    state.free(areas, _PERCPU_AREAS, who, "list of areas", _SOURCE)
    free = sum(span.size for span in state.mb.free_ranges())
    for who, scale in _HASH_SCALES:
        buckets = 1 << max((free >> scale) - 1, 0).bit_length()
        state.allocate(buckets * _BUCKET, _LINE, who, f"{buckets} buckets", source=_SOURCE)
