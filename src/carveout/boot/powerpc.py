# SPDX-License-Identifier: Apache-2.0
"""The boot sequence of powerpc64: what early_init_devtree() reserves, in its order, and what follows.

Theory of operation. The kernel copies itself to address 0 and reserves that first; then come the crash kernel,
the tree, /reserved-memory, the root property `reserved-ranges`, and only now the initrd; last of all the memory
limit cuts off what lies above it, RAM and reservations alike. So a dynamic region can land on the initrd, on a
reserved range, or above the limit.
Source: early_init_devtree(), early_reserve_mem(), arch/powerpc/kernel/prom.c (kernel-semantics 1.5, 7.3, 13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import number
from carveout.boot.fdt_scan import scan_memory
from carveout.boot.memblock import Flag
from carveout.boot.powerpc_crash import native_u64, reserve_crashkernel
from carveout.boot.powerpc_kvm import reserve_kvm_area
from carveout.boot.powerpc_platform import read_platform, region_gaps
from carveout.boot.powerpc_setup import Setup, move_tree
from carveout.boot.region_table import RegionScan, placed
from carveout.boot.result import Outcome, StepKind
from carveout.boot.state import KernelPanic
from carveout.span import GIB, KIB, MIB, Span, round_down, round_up

if TYPE_CHECKING:
    from carveout.boot.state import EarlyBoot, RegionState

_SOURCE = "kernel-semantics 1.5"
_RANGES_SOURCE = "kernel-semantics 7.3"
_VECTORS = 32 * KIB
_RANGE_BYTES = 16
_LIMIT_ALIGN = 16 * MIB
_IOMMU_OFF_END = 2 * GIB
# Length of the mark behind a boot configuration, which the kernel compares first.
_BOOT_CONFIG_MAGIC = 12


def boot_powerpc(state: EarlyBoot) -> None:
    """Run the sequence; raises KernelPanic or MemblockPanic when the kernel would die."""
    # Until memory is set up the kernel does not know how large a block of pages is (kernel-semantics 4.1).
    state.pageblock_order = 0
    if state.behaviour.powerpc_root_cells == "after-chosen":
        state.sees_elfcorehdr = False
    first = _FirstBlock(state)
    scan_memory(state, first.add)
    limit = memory_limit(state)
    platform = read_platform(state, min(first.size, limit) if limit else first.size)
    state.doubts += platform.doubts
    state.scene_doubts += region_gaps(state)
    state.mb.current_limit = platform.current_limit
    _reserve_kernel(state)
    crash, limit = reserve_crashkernel(state, platform, limit)
    _reserve_tree(state)
    scan = RegionScan(state)
    scan.early()
    reserve_ranges(state)
    _reserve_initrd(state)
    enforce_limit(state, limit)
    state.mb.can_resize = True
    state.early = state.mb.snapshot()
    move_tree(state, limit, crash)
    setup = Setup(state, platform)
    setup.early()
    scan.late()
    setup.late()
    reserve_kvm_area(state, platform)
    read_boot_config(state)


class _FirstBlock:
    """Adds RAM as this architecture does, not rounded, and remembers the size of the lowest block."""

    def __init__(self, state: EarlyBoot) -> None:
        self._end = _IOMMU_OFF_END if "linux,iommu-off" in state.board.tree.root else None
        self._base: int | None = None
        self.size = 0

    def add(self, state: EarlyBoot, base: int, size: int, who: str) -> None:
        """Add one block of RAM; without an IOMMU only what lies below 2 GiB."""
        if self._end is not None:
            if base >= self._end:
                state.step(StepKind.SKIP, who, "above 2 GiB, and linux,iommu-off", base=base, size=size)
                return
            size = min(size, self._end - base)
        if self._base is None or base < self._base:
            self._base, self.size = base, size
        state.mb.add(base, size)
        state.step(StepKind.MEMORY, who, "RAM", base=base, size=size, source="kernel-semantics 6.2")


def memory_limit(state: EarlyBoot) -> int:
    """Return the memory limit in bytes, 0 for none: `mem=`, else linux,memory-limit at the root.

    The property is read in the byte order of the kernel, which is little endian, and at the root only: the
    function that looks for /chosen evaluates it on the first node it visits (kernel-semantics 7.3, 13).
    """
    given = state.arguments.size("mem")
    if given is not None:
        return round_up(given, state.config.page_size) & state.mask
    return native_u64(state, "linux,memory-limit") or 0


def _reserve_kernel(state: EarlyBoot) -> None:
    image = state.scene.kernel_image
    if image is None:
        state.step(StepKind.SKIP, "kernel", "the place of the image is not given", source=_SOURCE)
        return
    state.reserve(image.start, image.size, "kernel", "the image", _SOURCE)
    if image.start:
        state.reserve(0, _VECTORS, "kernel", "interrupt vectors: the kernel is not at 0", _SOURCE)


def _reserve_tree(state: EarlyBoot) -> None:
    dtb = state.scene.dtb
    if dtb is not None:
        state.reserve(dtb.start, dtb.size, "dtb", "the tree itself", _SOURCE)


def reserve_ranges(state: EarlyBoot) -> None:
    """Reserve the root property `reserved-ranges`: pairs of 2 + 2 cells, whatever #address-cells says.

    A range of size 0 is passed over, what is left of an incomplete one is ignored.
    """
    prop = state.board.reserved_ranges
    if prop is None:
        return
    value = prop.value
    for at in range(0, len(value) - len(value) % _RANGE_BYTES, _RANGE_BYTES):
        base, size = number(value[at : at + 8]), number(value[at + 8 : at + 16])
        if size == 0:
            continue
        covered = [who for who in state.ledger.owners(base, size) if who != "reserved-ranges"]
        reason = "property of the root" + (f"; on top of {', '.join(covered)}" if covered else "")
        state.reserve(base, size, "reserved-ranges", reason, _RANGES_SOURCE)


def _reserve_initrd(state: EarlyBoot) -> None:
    initrd, page = state.initrd, state.config.page_size
    if initrd is None:
        return
    base = round_down(initrd.start, page)
    size = round_up(initrd.end, page) - base
    covered = state.ledger.owners(base, size)
    reason = "whole pages of the initial ram disk"
    if covered:
        reason += f"; on top of {', '.join(covered)}"
    state.reserve(base, size, "initrd", reason, _SOURCE)


def enforce_limit(state: EarlyBoot, limit: int) -> None:
    """Cut off RAM and reservations behind the memory limit; newer kernels also the tail below 16 MiB of RAM."""
    total = state.mb.phys_mem_size()
    if state.behaviour.powerpc_memory_limit == "16m-down":
        limit = 0 if limit > total else limit
        rounded = round_down(limit or total, _LIMIT_ALIGN)
    else:
        rounded = round_up(limit or total, state.config.page_size)
    before = state.mb.snapshot()
    state.mb.enforce_memory_limit(rounded)
    if state.mb.snapshot() == before:
        return
    state.ledger.give_outside(state.mb.reserved)
    why = "the memory limit" if limit else "RAM is no multiple of 16 MiB"
    state.step(
        StepKind.MEMORY, "memory limit", f"{why}: all behind the first 0x{rounded:x} bytes of RAM is cut off",
        source="kernel-semantics 1.5, 13",
    )  # fmt: skip
    end = state.mb.end_of_dram()
    for region in state.regions:
        if region.outcome is Outcome.PLACED and placed_end(region) > end:
            region.reasons.append(f"{why}: what of it lies behind 0x{end:x} is not reserved")


def placed_end(region: RegionState) -> int:
    """Return the end of a region that has a place, in bytes."""
    base, size = placed(region)
    return base + size


def read_boot_config(state: EarlyBoot) -> None:
    """Die as the kernel does when it looks behind the initrd for a boot configuration and finds no mapping.

    The last bytes of the initrd have to be RAM that is mapped: not no-map, not above the memory limit.
    Source: kernel-semantics 13; boots of 6.1 and 7.2 with QEMU.
    """
    initrd = state.initrd
    if initrd is None or state.early is None:
        return
    at = Span(max(initrd.end - _BOOT_CONFIG_MAGIC, initrd.start), initrd.end)
    page = state.config.page_size
    for region in state.mb.memory:
        mapped = Span(round_up(region.base, page), round_down(region.base + region.size, page))
        if not region.flags & Flag.NOMAP and mapped.start <= at.start and at.end <= mapped.end:
            return
    state.step(StepKind.PANIC, "initrd", "its end is not mapped, and the kernel reads there",
               base=at.start, size=at.size, source="kernel-semantics 13")  # fmt: skip
    raise KernelPanic("Attempted to kill the idle task!")
