# SPDX-License-Identifier: Apache-2.0
"""The boot sequence of arm64, from the first reservation to the default contiguous area.

Source: setup_arch(), arch/arm64/kernel/setup.c; arm64_memblock_init(), bootmem_init(),
arch/arm64/mm/init.c (kernel-semantics 1.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.arm64_tables import paging_init, text_start
from carveout.boot.cma import reserve_default
from carveout.boot.cma_hugetlb import reserve_hugetlb
from carveout.boot.cma_per_node import reserve_per_node
from carveout.boot.cmdline import memparse
from carveout.boot.crashkernel import reserve_crashkernel
from carveout.boot.efi import efi_init
from carveout.boot.fdt_scan import apply_usable_range, reserve_elfcorehdr, scan_memory
from carveout.boot.numa import NodeCosts, numa_init
from carveout.boot.region_table import RegionScan
from carveout.boot.result import StepKind
from carveout.boot.sparse import sparse_init
from carveout.boot.state import KernelPanic
from carveout.boot.unflatten import unflatten
from carveout.span import GIB, MIB, Span, round_down, round_up

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot

_U32 = 0xFFFFFFFF
_DISTANCE_TABLE = 0x100
_CPUMASK = 64
_SOURCE = "kernel-semantics 1.2"
# 4 KiB and 16 KiB pages align the linear map to 1 GiB, 64 KiB pages to 512 MiB (MEMSTART_ALIGN).
_MEMSTART_ALIGN = {4096: GIB, 16384: GIB, 65536: 512 * MIB}
_DTB_ALIGN = 8
_DTB_LIMIT = 2 * MIB


def boot_arm64(state: EarlyBoot) -> None:
    """Run the sequence; raises KernelPanic or MemblockPanic when the kernel would die."""
    _reserve_dtb(state)
    scan_memory(state)
    _doubt_initrd(state)
    if state.behaviour.usable_memory_range != "arm64-first":
        apply_usable_range(state)
    for text in state.arguments.all("mem"):
        state.say("memory-limited", mib=round_down(memparse(text)[0], state.config.page_size) >> 20)
    efi_init(state)
    scan = RegionScan(state)
    memstart = _memblock_init(state, scan)
    paging_init(state, memstart)
    scan.late()
    unflatten(state)
    node_data = numa_init(state, _node_costs(state))
    reserve_hugetlb(state, "single")
    reserve_per_node(state, "before")
    if state.behaviour.arm64_sparse == "before-cma":
        sparse_init(state, memstart, node_data)
    limit = dma_phys_limit(state)
    state.crash_low_limit = limit
    state.zone_borders = (limit, 4 * GIB)
    reserve_per_node(state, "config-before")
    reserve_default(state, limit)
    reserve_per_node(state, "after")
    reserve_crashkernel(state)
    reserve_hugetlb(state, "multi")


def _reserve_dtb(state: EarlyBoot) -> None:
    dtb = state.scene.dtb
    if dtb is None:
        return
    if dtb.start % _DTB_ALIGN or dtb.size > _DTB_LIMIT:
        state.step(
            StepKind.PANIC, "dtb", "it must lie at a multiple of 8 and have at most 2 MiB: the kernel stops without "
            "a word", base=dtb.start, size=dtb.size, source=_SOURCE,
        )  # fmt: skip
        state.doubts.append("a tree that is misplaced or too large was never booted")
        raise KernelPanic(None)
    state.reserve(dtb.start, dtb.size, "dtb", "the tree itself, before anything else", _SOURCE)


def _memblock_init(state: EarlyBoot, scan: RegionScan) -> int:
    # arm64_memblock_init(); returns the start of the linear map.
    mb = state.mb
    if state.behaviour.usable_memory_range == "arm64-first":
        apply_usable_range(state)
    mb.remove(1 << state.config.pa_bits, state.mask)
    align = _MEMSTART_ALIGN[state.config.page_size]
    memstart = round_down(mb.start_of_dram(), align)
    linear_size = _linear_size(state)
    memstart = _cut_to_linear_map(state, memstart, linear_size, align)
    _limit_memory(state)
    _reserve_initrd(state, linear_size)
    _reserve_kernel(state)
    scan.early()
    if state.behaviour.elfcorehdr == "arm64-after-regions":
        reserve_elfcorehdr(state)
    return memstart


def _node_costs(state: EarlyBoot) -> NodeCosts:
    behaviour = state.behaviour
    return NodeCosts(
        node_data=state.profile.arm64.node_data,
        cpumask=_CPUMASK if behaviour.arm64_node_cpumask == "allocated" else 0,
        distances=_DISTANCE_TABLE if behaviour.arm64_numa_distance == "always" else 0,
    )


def _linear_size(state: EarlyBoot) -> int:
    # Half of the virtual addresses in use: 48 bits, 47 with 16 KiB pages, 52 only on a CPU that has them.
    bits = state.config.va_bits
    if bits == 52 and state.scene.cpu_va != 52:
        bits = 47 if state.config.page_size == 16384 else 48
    return 1 << (bits - 1)


def _cut_to_linear_map(state: EarlyBoot, memstart: int, linear_size: int, align: int) -> int:
    mb = state.mb
    start, end = mb.start_of_dram(), mb.end_of_dram()
    if state.behaviour.arm64_linear_map_warning == "warns" and end - start > linear_size:
        state.step(StepKind.MEMORY, "linear map", "RAM is wider than the linear map", source=_SOURCE)
        state.say("linear-map-small")
    image = state.scene.kernel_image
    mb.remove(max(memstart + linear_size, image.end if image is not None else 0), state.mask)
    if memstart + linear_size < mb.end_of_dram():
        memstart = round_up(mb.end_of_dram() - linear_size, align)
        mb.remove(0, memstart)
    return memstart


def _limit_memory(state: EarlyBoot) -> None:
    limit = state.arguments.size("mem")
    if limit is None:
        return
    limit = round_down(limit, state.config.page_size)
    state.mb.mem_limit_remove_map(limit)
    state.ledger.give_outside(state.mb.reserved)
    state.step(
        StepKind.MEMORY,
        "mem=",
        f"RAM behind the first 0x{limit:x} bytes is dropped",
        source="kernel-semantics 6.4",
    )
    text, image = text_start(state), state.scene.kernel_image
    if text is not None and image is not None:
        state.mb.add(text, image.end - text)


def _reserve_initrd(state: EarlyBoot, linear_size: int) -> None:
    initrd, page = state.initrd, state.config.page_size
    if initrd is None:
        return
    base = round_down(initrd.start, page)
    size = round_up(initrd.end, page) - base
    start = state.mb.start_of_dram()
    if base < start or base + size > start + linear_size:
        state.step(
            StepKind.SKIP, "initrd", "outside the linear map: dropped", base=base, size=size, source=_SOURCE
        )
        state.say("initrd-unreachable")
        state.initrd = None
        return
    if state.behaviour.arm64_initrd == "re-add":
        state.mb.remove(base, size)
        state.mb.add(base, size)
    else:
        state.mb.add(base, size)
        state.mb.clear_nomap(base, size)
    state.reserve(base, size, "initrd", "whole pages of the initial ram disk", _SOURCE)


def _doubt_initrd(state: EarlyBoot) -> None:
    # The kernel makes RAM of wherever the initrd is, and reads it soon after: not in RAM, it died in all boots. What
    # mem= and linux,usable-memory-range cut off is RAM, though.
    initrd = state.initrd
    if initrd is None or initrd.size <= 0 or state.scene.efi:
        return
    if not _is_ram(state, initrd):
        state.fate_doubts.append(
            "the initial ram disk is not wholly in RAM: a kernel that finds no memory there dies when it reads it"
        )


def _is_ram(state: EarlyBoot, span: Span) -> bool:
    at = span.start
    for region in state.mb.memory:
        if region.base <= at < region.base + region.size:
            at = region.base + region.size
    return at >= span.end


def _reserve_kernel(state: EarlyBoot) -> None:
    image = state.scene.kernel_image
    if image is None:
        state.step(StepKind.SKIP, "kernel", "the place of the image is not given", source=_SOURCE)
        return
    state.reserve(
        image.start, image.size, "kernel", f"image from {state.behaviour.arm64_kernel_start}", _SOURCE
    )


def dma_phys_limit(state: EarlyBoot) -> int:
    """Return arm64_dma_phys_limit: where memory for the most limited device ends, in bytes.

    Source: zone_sizes_init(), arch/arm64/mm/init.c (kernel-semantics 1.2).
    """
    start, end = state.mb.start_of_dram(), state.mb.end_of_dram()
    reach = max_cpu_address(state)
    if not state.config.zone_dma:
        if not state.config.zone_dma32:
            return 1 << state.config.pa_bits
        reach = _U32
    if state.behaviour.arm64_dma_limit == "power-of-two":
        bits = min(32, reach.bit_length())
        mask = (1 << bits) - 1
        if start > _U32:
            mask = state.mask
        elif start > mask:
            mask = _U32
        return min(mask, end - 1) + 1
    if start < _U32:
        reach = min(reach, _U32)
    return min(reach, end - 1) + 1


def max_cpu_address(state: EarlyBoot) -> int:
    """Return of_dma_get_max_cpu_address(): the highest address every device can reach, by dma-ranges."""
    result = state.mask
    for ranges in state.board.dma_ranges:
        if not ranges.enabled:
            continue
        if ranges.unread:
            state.doubts.append(
                f"dma-ranges of {ranges.path} is not what its cells say, which was never booted"
            )
        highest = 0
        for base, size in ranges.entries:
            end = (base + size) & state.mask
            if end > highest:
                highest = (end - 1) & state.mask
        result = min(result, highest)
    return result
