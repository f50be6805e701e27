# SPDX-License-Identifier: Apache-2.0
"""powerpc64: what the kernel allocates between the scan of the tree and its contiguous areas, one by one.

None of it moves a region of /reserved-memory. It decides where KVM's contiguous area goes on bare metal, and
what the list of reservations looks like.
Source: move_device_tree(), allocate_paca(), radix_init_pgtable(), rtas_initialize(), setup_arch(), under
arch/powerpc (sizes and order measured on boots with memblock=debug of 6.1, 6.12 and 7.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.memblock import Flag
from carveout.boot.result import StepKind
from carveout.boot.state import KernelPanic
from carveout.boot.unflatten import unflatten
from carveout.span import GIB, KIB, MIB, Span, round_down, round_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot.powerpc_platform import Platform
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 1.5; boots with memblock=debug"
_CPU = "per-CPU data"
_TABLES = "page tables"
_LPPACA, _SLB_SHADOW = 0x400, 0x80
_PLATFORM_DATA = 0x200
_PARTITION_TABLE = 64 * KIB
_RTAS_BUFFER, _RTAS_END = 64 * KIB, GIB
_MACHINE_CHECK_END = 4 * GIB
_MACHINE_CHECKS = 0x888
_HUGE, _GIANT, _GIANT_TABLE = 2 * MIB, GIB, 512 * GIB
_PROCESS_ENTRY = 16
# The hash table has an entry group of 128 bytes for every two pages of RAM, and at least 2048 groups.
_HASH_PAGE = 16 * MIB
_GROUP, _MIN_GROUPS = 128, 1 << 11


def move_tree(state: EarlyBoot, limit: int, crash: Span | None) -> None:
    """Copy the tree away from where it cannot stay: above the limit, or under crash kernel or initrd."""
    dtb = state.scene.dtb
    if dtb is None:
        return
    over = crash is not None and dtb.overlaps(crash)
    initrd, page = state.initrd, state.config.page_size
    if initrd is not None:
        over = over or dtb.overlaps(Span(round_down(initrd.start, page), round_up(initrd.end, page)))
    cut = bool(limit) and dtb.end > limit
    if over or cut or not state.mb.intersects_memory(dtb.end - 1, 1):
        state.allocate(dtb.size, page, "dtb", "the tree is moved: its place is not safe", source=_SOURCE)


def _map_with_hash(state: EarlyBoot) -> None:
    # Bare metal maps RAM with pages of 16 MiB; both boots of 6.1 in which the last one was cut by mem= hung.
    if state.behaviour.powerpc_memory_limit == "page-up" and state.mb.end_of_dram() % _HASH_PAGE:
        state.doubts.append(
            "RAM that is no multiple of 16 MiB hung both boots that were tried with the hash MMU"
        )
        state.step(StepKind.PANIC, "linear map", "the last page of 16 MiB is not all RAM", source=_SOURCE)
        raise KernelPanic(None)


class Setup:
    """The allocations of one boot, in two parts around the unflattening of the tree."""

    def __init__(self, state: EarlyBoot, platform: Platform) -> None:
        """Prepare; nothing is allocated yet."""
        self._state = state
        self._platform = platform
        self._pointers = self._shadow = 0

    def early(self) -> None:
        """Allocate what comes before the tree is unflattened: per-CPU data and the tables of the MMU."""
        state, platform = self._state, self._platform
        layout, end = state.profile.powerpc, platform.real_limit
        self._pointers = state.allocate(
            8 * state.config.nr_cpus, 128, _CPU, "array of pointers", source=_SOURCE
        )
        # The boot CPU's own data are the only allocations from the bottom: just behind the kernel.
        state.mb.bottom_up = True
        try:
            state.allocate(layout.paca, 128, _CPU, "paca of the boot CPU", end=end, source=_SOURCE)
            if not platform.bare_metal:
                state.allocate(_LPPACA, _LPPACA, _CPU, "lppaca of the boot CPU", end=end, source=_SOURCE)
            self._shadow = state.allocate(_SLB_SHADOW, 128, _CPU, "SLB shadow", end=end, source=_SOURCE)
        finally:
            state.mb.bottom_up = False
        if platform.radix:
            _radix_tables(state, platform)
        else:
            _hash_tables(state, platform)
        if platform.bare_metal:
            state.allocate(_PARTITION_TABLE, _PARTITION_TABLE, _TABLES, "partition table", source=_SOURCE)
        # The MMU is on: all RAM can be reached.
        state.mb.current_limit = state.mask

    def late(self) -> None:
        """Allocate what setup_arch() needs from the unflattened tree on, up to the dump of memblock."""
        state, platform = self._state, self._platform
        unflatten(state)
        if platform.has_rtas:
            _rtas(state, platform)
        if platform.bare_metal and not platform.radix:
            state.allocate(_PLATFORM_DATA, 8, _CPU, "platform data", source=_SOURCE)
        possible, used = state.config.nr_cpus, platform.cpus
        numbers = state.allocate(4 * possible, 4, _CPU, "numbers of the CPUs", source=_SOURCE)
        state.free(self._pointers + 8 * used, 8 * (possible - used), _CPU, "unused pointers", _SOURCE)
        if platform.radix:
            state.free(self._shadow, _SLB_SHADOW, _CPU, "radix needs no SLB", _SOURCE)
        state.free(numbers, 4 * used, _CPU, "numbers of the CPUs", _SOURCE)
        if state.config.numa:
            state.mb.set_node(0, state.mask, 0)
        _stacks(state, platform)
        state.allocate(
            _MACHINE_CHECKS, 8, _CPU, "machine checks", end=platform.real_limit, nid=_node(state),
            source=_SOURCE,
        )  # fmt: skip


def _node(state: EarlyBoot) -> int | None:
    return 0 if state.config.numa else None


def _rtas(state: EarlyBoot, platform: Platform) -> None:
    page, end = state.config.page_size, min(platform.rma_size, _RTAS_END)
    state.allocate(_RTAS_BUFFER, page, "rtas", "buffer", end=end, source=_SOURCE)
    arena = state.profile.powerpc.work_area
    if arena:
        state.allocate(arena, page, "rtas", "work areas", end=end, source=_SOURCE)


def _radix_tables(state: EarlyBoot, platform: Platform) -> None:
    page = state.config.page_size
    for end in list(table_ends(state)):
        if not state.allocate(page, page, _TABLES, "tables of the linear map", end=end, source=_SOURCE):
            raise KernelPanic(None)
    size = _PROCESS_ENTRY << platform.pid_bits
    state.allocate(size, size, _TABLES, "process table", end=state.mask, source=_SOURCE)


def table_ends(state: EarlyBoot) -> Iterator[int]:
    """Yield, for each page-table page of the radix linear map, below which address it has to lie.

    Pages of 1 GiB and 2 MiB are used where a block of RAM holds them whole; the first GiB is never one page, as
    the end of the kernel's text lies in it.
    """
    page = state.config.page_size
    have: set[tuple[int, int]] = set()
    for region in state.mb.memory:
        if region.flags & Flag.NOMAP:
            continue
        start, end = round_up(region.base, page), round_down(region.base + region.size, page)
        for width, at in _table_slots(start, end):
            if (width, at) not in have:
                have.add((width, at))
                yield end


def _table_slots(start: int, end: int) -> Iterator[tuple[int, int]]:
    # (width that one table covers, number of the table) in the order of the addresses.
    at = start
    while at < end:
        yield _GIANT_TABLE, at // _GIANT_TABLE
        if at % _GIANT == 0 and end - at >= _GIANT and at:
            at = min(round_down(end, _GIANT), round_down(at, _GIANT_TABLE) + _GIANT_TABLE)
            continue
        yield _GIANT, at // _GIANT
        border = round_down(at, _GIANT) + _GIANT
        stop = min(end, border)
        if at % _HUGE or stop - at < _HUGE:
            yield _HUGE, at // _HUGE
            at = min(stop, round_down(at, _HUGE) + _HUGE)
        else:
            at = round_down(stop, _HUGE)


def _hash_tables(state: EarlyBoot, platform: Platform) -> None:
    page = state.config.page_size
    if platform.bare_metal:
        ram = 1 << (state.mb.phys_mem_size() - 1).bit_length()
        size = max(ram // (2 * page), _MIN_GROUPS) * _GROUP
        state.allocate(size, size, _TABLES, "hash table", end=state.mask, source=_SOURCE)
        _map_with_hash(state)
    if state.profile.powerpc.hash_slots:
        state.allocate(
            state.mb.end_of_dram() // page, 1, _TABLES, "a byte for each page", end=platform.real_limit,
            source=_SOURCE,
        )  # fmt: skip


def _stacks(state: EarlyBoot, platform: Platform) -> None:
    size = state.profile.powerpc.stack
    # Interrupt stacks only have to be reachable, emergency stacks also in real mode.
    reach, real = platform.bolted_limit, platform.real_limit
    last = real if platform.bare_metal else min(real, _MACHINE_CHECK_END)
    for end in (reach, reach, real, real, last):
        state.allocate(
            size, size, "stacks", "interrupts and emergencies", end=end, nid=_node(state), source=_SOURCE
        )
