# SPDX-License-Identifier: Apache-2.0
"""Region drivers: what the kernel's handlers do with a region whose compatible they know.

Each returns 0, or a negative errno. The registry is in link order; every entry whose compatible matches is
considered in this order.
Source: RESERVEDMEM_OF_DECLARE users (kernel-semantics 3.7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.cma import init_reserved_area, min_alignment
from carveout.boot.result import StepKind
from carveout.boot.state import EBUSY, EINVAL, ENODEV
from carveout.span import is_aligned
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from carveout.boot.state import EarlyBoot, RegionState
    from carveout.kernel import Profile

    Handler = Callable[[EarlyBoot, RegionState, int, int], int]

_SOURCE = "kernel-semantics 3.7"


class RegionDriver(NamedTuple):
    """One handler declared in a kernel."""

    compatible: str
    name: str
    setup: Handler
    built: Callable[[Profile], bool]
    """Whether this kernel contains it."""
    validate: Handler | None = None
    """May veto a region before it is reserved (kernels with region_validate)."""


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


REGION_DRIVERS: tuple[RegionDriver, ...] = (
    RegionDriver(
        compatible="shared-dma-pool",
        name="cma",
        setup=cma_setup,
        built=lambda profile: profile.config.dma_cma,
        validate=cma_validate,
    ),
    RegionDriver(
        compatible="shared-dma-pool",
        name="dma",
        setup=coherent_setup,
        built=lambda profile: profile.config.dma_declare_coherent,
    ),
    RegionDriver(
        compatible="restricted-dma-pool",
        name="restricted",
        setup=restricted_setup,
        built=lambda profile: (
            profile.config.dma_restricted_pool and profile.behaviour.restricted_pool == "known"
        ),
    ),
    RegionDriver(
        compatible="nvidia,tegra210-emc-table",
        name="tegra210-emc-table",
        setup=take_note,
        built=lambda profile: profile.config.tegra210_emc_table,
    ),
    *(
        RegionDriver(
            compatible=compatible,
            name="qbman",
            setup=take_note,
            built=lambda profile: (
                profile.config.fsl_dpaa and profile.behaviour.fsl_qbman_handlers == "declared"
            ),
        )
        for compatible in ("fsl,bman-fbpr", "fsl,qman-fqd", "fsl,qman-pfdr")
    ),
)
"""The kernel's own region drivers, in link order."""
