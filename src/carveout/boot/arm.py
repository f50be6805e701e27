# SPDX-License-Identifier: Apache-2.0
"""The boot sequence of 32-bit arm, from the memory nodes to the crash kernel.

/reserved-memory and the default contiguous area come before lowmem is mapped; the late pass of newer kernels
over static regions comes after it, so that a default pool in the tree is seen too late.
Source: setup_arch(), arch/arm/kernel/setup.c; arm_memblock_init(), arch/arm/mm/init.c (kernel-semantics 1.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.arm_crashkernel import reserve_crashkernel
from carveout.boot.arm_lowmem import Lowmem, adjust_lowmem_bounds, phys_offset, vmalloc_limit
from carveout.boot.arm_machine import arm_machine
from carveout.boot.arm_memory_limit import apply_mem
from carveout.boot.arm_paging import allocate_mem_map, paging_init
from carveout.boot.arm_survival import free_highmem, read_boot_config, touch_struct_pages
from carveout.boot.cma import reserve_default
from carveout.boot.efi import efi_init
from carveout.boot.fdt_scan import apply_usable_range, scan_memory
from carveout.boot.initrd import reserve_initrd_mem
from carveout.boot.region_table import RegionScan
from carveout.boot.result import StepKind
from carveout.boot.unflatten import unflatten
from carveout.span import Span

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 1.3"
# Without LPAE.
_PHYS_BITS = 32


def boot_arm(state: EarlyBoot) -> None:
    """Run the sequence; raises KernelPanic or MemblockPanic when the kernel would die."""
    if state.config.phys_bits != _PHYS_BITS or "lpae" in state.scene.kernel:
        state.scene_doubts.append(
            "LPAE kernels were never booted: the page tables and limits are those without it"
        )
    start = state.lowest_ram = phys_offset(state)
    scan_memory(state)
    if state.behaviour.usable_memory_range != "arm64-first":
        apply_usable_range(state)
    dtb = state.scene.dtb
    if dtb is not None:
        state.reserve(dtb.start, dtb.size, "dtb", "the tree itself", _SOURCE)
    apply_mem(state, start)
    lowmem = Lowmem(phys_offset=start, vmalloc_limit=vmalloc_limit(state, start))
    efi_init(state)
    adjust_lowmem_bounds(state, lowmem)
    scan = RegionScan(state)
    _memblock_init(state, scan, lowmem)
    state.early = state.mb.snapshot()
    adjust_lowmem_bounds(state, lowmem)
    state.zone_borders = (lowmem.limit,)
    _setup_memory(state, scan, lowmem)


def _setup_memory(state: EarlyBoot, scan: RegionScan, lowmem: Lowmem) -> None:
    # paging_init() and what follows in setup_arch() and start_kernel().
    paging_init(state, lowmem)
    early = state.behaviour.arm_mem_map == "paging-init"
    mem_map = allocate_mem_map(state) if early else None
    scan.late()
    unflatten(state)
    reserve_crashkernel(state, lowmem)
    if mem_map is None:
        mem_map = allocate_mem_map(state)
    read_boot_config(state, lowmem)
    free_highmem(state, lowmem)
    doubt = touch_struct_pages(state, lowmem, mem_map)
    if doubt is not None:
        state.doubts.append(doubt)


def _memblock_init(state: EarlyBoot, scan: RegionScan, lowmem: Lowmem) -> None:
    # arm_memblock_init(): kernel, initrd, first-level table, regions, default area.
    image = state.scene.kernel_image
    if image is None:
        state.step(StepKind.SKIP, "kernel", "the place of the image is not given", source=_SOURCE)
    else:
        state.reserve(image.start, image.size, "kernel", "image from _stext", _SOURCE)
        if not state.mb.is_region_memory(image.start, image.size):
            state.doubts.append("the kernel does not lie in RAM, which was never booted")
    if state.initrd is not None:
        state.initrd = Span.sized(state.initrd.start & state.mask, state.initrd.size & state.mask)
    reserve_initrd_mem(state)
    if image is not None:
        offset, size = state.profile.arm.swapper_pg_dir
        state.reserve(lowmem.phys_offset + offset, size, "page tables", "swapper_pg_dir", _SOURCE)
    scan.early()
    reserve_default(state, dma_limit(state, lowmem))


def dma_limit(state: EarlyBoot, lowmem: Lowmem) -> int:
    """Return arm_dma_limit, the last address that every device can reach."""
    machine = arm_machine(state.board)
    if machine is None or machine.dma_zone_size is None or not state.config.zone_dma:
        return state.mask
    return (lowmem.phys_offset + machine.dma_zone_size - 1) & state.mask
