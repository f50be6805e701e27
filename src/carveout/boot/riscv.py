# SPDX-License-Identifier: Apache-2.0
"""The boot sequence of riscv64, from the memory nodes to the crash kernel.

Two orders exist. In 5.10 /reserved-memory comes last, when page tables, the unflattened tree and the default
contiguous area are placed already; from 6.1 on it comes before all of these, and before the tree itself is
reserved, so that a dynamic region may land on the tree.
Source: setup_arch(), arch/riscv/kernel/setup.c; setup_bootmem(), misc_mem_init(), arch/riscv/mm/init.c
(kernel-semantics 1.4, 1.7, 7.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cma import reserve_default
from carveout.boot.cma_hugetlb import reserve_hugetlb
from carveout.boot.cma_per_node import reserve_per_node
from carveout.boot.cmdline import memparse
from carveout.boot.crashkernel import reserve_below_4g_first, reserve_crashkernel
from carveout.boot.efi import efi_init
from carveout.boot.fdt_scan import apply_usable_range, scan_memory
from carveout.boot.initrd import reserve_initrd_mem
from carveout.boot.numa import NodeCosts, numa_init
from carveout.boot.region_table import RegionScan
from carveout.boot.result import StepKind
from carveout.boot.riscv_sparse import outlives_sparse, sparse_init
from carveout.boot.riscv_tables import address_bits, setup_vm_final
from carveout.boot.unflatten import unflatten
from carveout.span import GIB, MIB, TIB, round_down, round_up

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot

_SOURCE = "kernel-semantics 1.4"
_FOUR_GIB = 4 * GIB
_SECTION = 2 * MIB
# KERN_VIRT_SIZE: how much of the virtual addresses the linear map may use.
_VIRT_SIZE = {39: 128 * GIB, 48: 64 * TIB, 57: 32768 * TIB}


def boot_riscv(state: EarlyBoot) -> None:
    """Run the sequence; raises KernelPanic or MemblockPanic when the kernel would die."""
    bits = address_bits(state)
    image = state.scene.kernel_image
    if state.behaviour.riscv_lowest_ram == "kernel" and image is not None:
        state.lowest_ram = image.start
    scan_memory(state)
    if state.behaviour.usable_memory_range != "arm64-first":
        apply_usable_range(state)
    efi_init(state)
    scan = RegionScan(state)
    early = state.behaviour.riscv_regions == "before-dtb"
    ram_base = _setup_bootmem(state, scan if early else None, bits)
    state.mb.can_resize = not early
    setup_vm_final(state, ram_base, bits)
    state.mb.can_resize = True
    scan.late()
    unflatten(state)
    if not early:
        scan.early()
    _misc_mem_init(state, bits)


def _setup_bootmem(state: EarlyBoot, scan: RegionScan | None, bits: int) -> int:
    # setup_bootmem(); returns where the linear map begins. scan: /reserved-memory, if this is its time.
    mb = state.mb
    _limit_memory(state, _VIRT_SIZE[bits])
    _reserve_kernel(state)
    ram_base = mb.start_of_dram()
    if state.behaviour.riscv_linear_cap != "none":
        ram_base = round_down(ram_base, _SECTION)
        _cap_to_linear_map(state, ram_base, _VIRT_SIZE[bits])
    limit = min(_FOUR_GIB, mb.end_of_dram())
    state.crash_low_limit, state.zone_borders = limit, (_FOUR_GIB,)
    reserve_initrd_mem(state)
    if scan is not None:
        scan.early()
    _reserve_dtb(state, after_regions=scan is not None)
    reserve_default(state, limit)
    _reserve_more_areas(state)
    return ram_base


def _reserve_more_areas(state: EarlyBoot) -> None:
    # The nodes are not known yet: all are possible, and only node 0 is online (kernel-semantics 7.2).
    reserve_per_node(state, "after", possible=1 << state.config.nodes_shift)
    reserve_hugetlb(state, "single")


def _limit_memory(state: EarlyBoot, virt_size: int) -> None:
    # memblock_enforce_memory_limit(): drops RAM, no-map too, and reservations behind the limit.
    limit = virt_size
    if state.behaviour.riscv_memory_limit == "virt-size-less-4g":
        limit -= _FOUR_GIB
    for value in state.arguments.all("mem"):
        limit = min(limit, round_down(memparse(value)[0], state.config.page_size))
        state.say("memory-limited", mib=limit >> 20)
    before = state.mb.phys_mem_size()
    state.mb.enforce_memory_limit(limit)
    if state.mb.phys_mem_size() != before:
        state.step(
            StepKind.MEMORY, "mem=", f"RAM behind the first 0x{limit:x} bytes is dropped", source=_SOURCE
        )


def _reserve_kernel(state: EarlyBoot) -> None:
    image = state.scene.kernel_image
    if image is None:
        state.step(StepKind.SKIP, "kernel", "the place of the image is not given", source=_SOURCE)
        return
    whole = state.behaviour.riscv_kernel_end == "section"
    size = (round_up(image.end, _SECTION) if whole else image.end) - image.start
    reason = "the image, its end rounded up to 2 MiB" if whole else "the image"
    state.reserve(image.start, size, "kernel", reason, _SOURCE)


def _cap_to_linear_map(state: EarlyBoot, ram_base: int, virt_size: int) -> None:
    # 7.2 does this only when RAM reaches beyond; otherwise it changes nothing.
    if state.mb.end_of_dram() - ram_base > virt_size:
        state.step(StepKind.MEMORY, "linear map", "RAM is wider than the linear map", source=_SOURCE)
        state.doubts.append("RAM is wider than the linear map, which was never booted")
        state.mb.cap_memory_range(ram_base, virt_size)


def _reserve_dtb(state: EarlyBoot, *, after_regions: bool) -> None:
    dtb = state.scene.dtb
    if dtb is None:
        return
    taken = [who for who in state.owners(dtb.start, dtb.size) if who.startswith("/")]
    reason = "the tree itself"
    if after_regions:
        reason += ", after the regions"
    if taken:
        reason += f": it lies in {', '.join(taken)}"
    state.reserve(dtb.start, dtb.size, "dtb", reason, _SOURCE)


def _misc_mem_init(state: EarlyBoot, bits: int) -> None:
    always = state.behaviour.arm64_numa_distance == "always"
    costs = NodeCosts(
        node_data=state.profile.riscv.node_data,
        cpumask=0,
        distances=1 << 2 * state.config.nodes_shift if always else 0,
    )
    node_data = numa_init(state, costs)
    if state.behaviour.riscv_sparse == "in-setup":
        sparse_init(state, bits, node_data)
    _reserve_crashkernel(state)
    reserve_hugetlb(state, "multi")
    if state.behaviour.riscv_sparse == "later":
        outlives_sparse(state, bits, node_data)


def _reserve_crashkernel(state: EarlyBoot) -> None:
    if state.behaviour.riscv_crashkernel == "generic":
        reserve_crashkernel(state)
    elif state.behaviour.riscv_crashkernel == "below-4g-first":
        reserve_below_4g_first(state)
