# SPDX-License-Identifier: Apache-2.0
"""The kernel's own region drivers: what they do with a region, and with a device that is given one.

Operations on regions return 0, or a negative errno.
Source: RESERVEDMEM_OF_DECLARE users (kernel-semantics 3.7, 5.1).
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice
from typing import TYPE_CHECKING

from carveout.board.dma import dma_limit
from carveout.boot.cma import init_reserved_area, min_alignment
from carveout.boot.driver_registry import Attached, RegionDriver, RegionDrivers
from carveout.boot.memblock import Flag
from carveout.boot.result import MappingKind, StepKind
from carveout.boot.state import EBUSY, EINVAL, ENODEV
from carveout.span import Span, is_aligned

if TYPE_CHECKING:
    from carveout.boot.driver_registry import Binding
    from carveout.boot.state import EarlyBoot, RegionState

_SOURCE = "kernel-semantics 3.7"
_BEYOND = "reserved memory is beyond device's set DMA address range"
# What a platform device has until its driver sets another.
_DEFAULT_DMA_MASK = (1 << 32) - 1
# Where no-map memory is a resource of its own in /proc/iomem.
_SHOWS_NOMAP = ("arm64", "riscv64")


def _cma_flags_refused(region: RegionState) -> bool:
    return not region.node.reusable or region.node.no_map


def cma_validate(state: EarlyBoot, region: RegionState, base: int, size: int) -> int:  # noqa: ARG001
    """Veto the default pool of the tree when `cma=` is given (rmem_cma_validate)."""
    if _cma_flags_refused(region):
        return -ENODEV
    if region.node.cma_default and state.arguments.cma is not None:
        region.reasons.append("cma= on the command line takes the place of linux,cma-default; not reserved")
        state.step(StepKind.SKIP, region.node.path, region.reasons[-1], source=_SOURCE)
        state.say("cma-skipped")
        return -EBUSY
    return 0


def cma_fixup(state: EarlyBoot, region: RegionState, base: int, size: int) -> int:
    """Note a contiguous pool of 32-bit arm, to remap it with the page tables (rmem_cma_fixup)."""
    if _cma_flags_refused(region):
        return -ENODEV
    if state.behaviour.early_fixup == "validated":
        state.early_fixups.append(Span.sized(base, size))
    return 0


def cma_setup(state: EarlyBoot, region: RegionState, base: int, size: int) -> int:
    """Make a contiguous memory area of the region (rmem_cma_setup)."""
    node = region.node
    if state.behaviour.cma_handler_checks == "flags-first":
        error = cma_validate(state, region, base, size)
        if error:
            return error
    else:
        if node.cma_default and state.arguments.cma is not None:
            region.reasons.append("cma= on the command line takes the place of linux,cma-default")
            state.say("cma-bypass", name=node.name)
            return -EBUSY
        if _cma_flags_refused(region):
            if node.reusable:
                region.reasons.append("no-map and reusable exclude each other")
            return -EINVAL
    align = min_alignment(state.profile, state.pageblock_order)
    if not (is_aligned(base, align) and is_aligned(size, align)):
        region.reasons.append(f"base and size of a contiguous pool must be multiples of 0x{align:x}")
        state.step(StepKind.FAIL, node.path, region.reasons[-1], base=base, size=size, source=_SOURCE)
        state.say("cma-alignment")
        return -EINVAL
    error, area = init_reserved_area(state, base, size, node.name, region)
    if area is None:
        region.reasons.append("the kernel cannot make a contiguous area of it")
        state.say("cma-setup-failed")
        return error
    if node.cma_default:
        state.default_area = area
    region.pool = "cma"
    state.step(StepKind.CMA, node.path, "contiguous memory area" + (", the default" if node.cma_default else ""),
               base=base, size=size, source=_SOURCE)  # fmt: skip
    state.say("cma-created", base=state.pa(base), mib=state.mib(size))
    return 0


def coherent_setup(state: EarlyBoot, region: RegionState, base: int, size: int) -> int:
    """Make a per-device coherent pool of the region (rmem_dma_setup)."""
    node = region.node
    if node.reusable:
        if not state.config.dma_cma:
            region.reasons.append(
                "this kernel is built without contiguous memory for devices (CONFIG_DMA_CMA), "
                "and nobody else takes a reusable pool"
            )
        return -ENODEV if state.behaviour.handler_dispatch == "stop" else -EINVAL
    if state.config.coherent_needs_nomap and not node.no_map:
        region.reasons.append("on arm a coherent pool must have no-map")
        state.say("dma-needs-nomap")
        return -EINVAL
    if node.dma_default and state.behaviour.dma_default == "arm" and state.config.coherent_needs_nomap:
        page = state.config.page_size
        if not (is_aligned(base, page) and is_aligned(size, page)):
            region.doubts.append(
                "a default coherent pool that shares a page with RAM was refused later in the one boot that was tried"
            )
    region.pool = "dma"
    state.say("dma-created", base=state.pa(base), mib=state.mib(size))
    return 0


def restricted_setup(state: EarlyBoot, region: RegionState, base: int, size: int) -> int:
    """Make a restricted (bounce buffer) pool of the region (rmem_swiotlb_setup)."""
    node = region.node
    if node.reusable or node.cma_default or node.dma_default or node.no_map:
        region.reasons.append("a restricted pool may not be reusable, no-map or a default pool")
        return -EINVAL
    region.pool = "restricted"
    state.say("restricted-created", base=state.pa(base), mib=state.mib(size))
    return 0


def take_note(state: EarlyBoot, region: RegionState, base: int, size: int) -> int:  # noqa: ARG001
    """Only remember where the region is: the driver uses it later."""
    return 0


# ---- devices (5.1) -----------------------------------------------------------------------------------
def cma_attach(binding: Binding) -> Attached:  # noqa: ARG001 every device may have an area
    """Make the area the one that the device allocates from (rmem_cma_device_init)."""
    return Attached(mapping=MappingKind.COHERENT)


def coherent_attach(binding: Binding) -> Attached:
    """Map the pool, at the first device, and make it the device's (rmem_dma_device_init)."""
    state, entry = binding.state, binding.entry
    # The pool is mapped before the kernel looks whether the device has one already.
    kind = _what_it_touches(binding)
    if kind is not None:
        message = f"memremap attempted on {kind} {state.pa(entry.base)} size: 0x{entry.size:x}"
        # WARN_ONCE(): whichever pool comes first.
        lines = [message] if kind not in state.warned else []
        state.warned.add(kind)
        if state.behaviour.coherent_map_message == "printed":
            pool = f"{state.pa(entry.base)}, size {state.mib(entry.size)} MiB"
            lines.append(f"Reserved memory: failed to init DMA memory pool at {pool}")
        return Attached(errno=EINVAL, message=message, log=tuple(lines))
    log, doubt = _beyond_reach(binding)
    if binding.device.has_coherent_pool and state.behaviour.second_coherent_pool == "busy":
        doubt = doubt or "that a second coherent pool is refused was read, not booted"
        return Attached(errno=EBUSY, message="the device has a coherent pool already", doubt=doubt, log=log)
    if binding.device.has_coherent_pool:
        return Attached(message="the device has a coherent pool already, and keeps using that one", log=log)
    binding.device.has_coherent_pool = True
    return Attached(mapping=MappingKind.WRITE_COMBINED, doubt=doubt, log=log)


def _beyond_reach(binding: Binding) -> tuple[tuple[str, ...], str | None]:
    # The kernel's warning of a pool that the device cannot reach, and what that depends on.
    entry = binding.entry
    last = entry.base + entry.size - 1
    if binding.state.behaviour.coherent_reach == "silent":
        return (), None
    limit = dma_limit(binding.device.node)
    if limit is not None and last > limit:
        return (_BEYOND,), "the kernel's warning of its reach was read, not booted"
    if last > _DEFAULT_DMA_MASK:
        return (
            _BEYOND,
        ), "the kernel warns of its reach unless the driver has set a wider DMA mask before it asks"
    return (), None


def _what_it_touches(binding: Binding) -> str | None:
    # What keeps memremap() from mapping a pool: mapped RAM, or a mixture of that and other known memory.
    state, entry, memory = binding.state, binding.entry, binding.memory
    first = max(bisect_right(memory, entry.base, key=lambda region: region.base) - 1, 0)
    touched = []
    for region in islice(memory, first, None):
        if region.base >= entry.base + entry.size:
            break
        if entry.base < region.base + region.size:
            touched.append(bool(region.flags & Flag.NOMAP))
    if all(touched):
        return None
    # arm and powerpc do not tell no-map memory from a hole (5.5).
    return "mixed range" if any(touched) and state.profile.arch in _SHOWS_NOMAP else "ram"


def restricted_attach(binding: Binding) -> Attached:
    """Send all transfers of the device through the pool (rmem_swiotlb_device_init)."""
    state, entry = binding.state, binding.entry
    if state.high_memory is not None and entry.base >= state.high_memory:
        line = "Restricted DMA pool must be accessible within the linear mapping."
        return Attached(errno=EINVAL, message=line, log=(line,))
    return Attached(mapping=MappingKind.BOUNCE)


def emc_table_attach(binding: Binding) -> Attached:  # noqa: ARG001 any region can be mapped
    """Map the table to copy it (tegra210_emc_table_device_init)."""
    return Attached(mapping=MappingKind.CACHED)


KERNEL_DRIVERS = RegionDrivers(
    rows=(
        RegionDriver(
            compatible="shared-dma-pool",
            name="cma",
            setup=cma_setup,
            built=lambda profile: profile.config.dma_cma,
            validate=cma_validate,
            fixup=cma_fixup,
            device_init=cma_attach,
            aligns=True,
        ),
        RegionDriver(
            compatible="shared-dma-pool",
            name="dma",
            setup=coherent_setup,
            built=lambda profile: profile.config.dma_declare_coherent,
            device_init=coherent_attach,
        ),
        RegionDriver(
            compatible="restricted-dma-pool",
            name="restricted",
            setup=restricted_setup,
            built=lambda profile: (
                profile.config.dma_restricted_pool and profile.behaviour.restricted_pool == "known"
            ),
            device_init=restricted_attach,
        ),
        RegionDriver(
            compatible="nvidia,tegra210-emc-table",
            name="tegra210-emc-table",
            setup=take_note,
            built=lambda profile: profile.config.tegra210_emc_table,
            device_init=emc_table_attach,
        ),
        *(
            RegionDriver(
                compatible=compatible,
                name=name,
                setup=take_note,
                built=lambda profile: (
                    profile.config.fsl_dpaa and profile.behaviour.fsl_qbman_handlers == "declared"
                ),
            )
            for compatible, name in (
                ("fsl,bman-fbpr", "bman_fbpr"),
                ("fsl,qman-fqd", "qman_fqd"),
                ("fsl,qman-pfdr", "qman_pfdr"),
            )
        ),
    )
)
"""The kernel's own region drivers, in link order."""
