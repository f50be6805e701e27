# SPDX-License-Identifier: Apache-2.0
"""Board and scene → Boot: run the sequence of the architecture and gather what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.arm64 import boot_arm64
from carveout.boot.cma_activation import activate_areas
from carveout.boot.cmdline import parse_cmdline
from carveout.boot.confidence import Confidence
from carveout.boot.consumers import Consumers
from carveout.boot.devices import devices_of, region_devices
from carveout.boot.fdt_scan import scan_root_cells
from carveout.boot.memblock import Flag, MemblockPanic, MemblockRules
from carveout.boot.region_drivers import KERNEL_DRIVERS
from carveout.boot.region_nodes import make_states
from carveout.boot.region_table import RegionScan
from carveout.boot.resolve import resolve_scene
from carveout.boot.result import (
    Boot,
    BootOutcome,
    Claim,
    CmaArea,
    EarlyMemory,
    MemoryRange,
    Outcome,
    PlacedRegion,
    RegionKind,
    ReservedRange,
    StepKind,
)
from carveout.boot.scene import Scene
from carveout.boot.state import EarlyBoot, KernelPanic
from carveout.boot.survival import verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from carveout.board import Board
    from carveout.boot.driver_registry import RegionDrivers
    from carveout.boot.memblock import MemblockRegion
    from carveout.boot.opensbi import Firmware
    from carveout.boot.scene import ResolvedScene
    from carveout.boot.state import RegionState
    from carveout.kernel import Profile


def _boot_arm(state: EarlyBoot) -> None:
    # Imported here, so that other boards do not wait for it; so is the next.
    from carveout.boot.arm import boot_arm

    boot_arm(state)


def _boot_powerpc(state: EarlyBoot) -> None:
    from carveout.boot.powerpc import boot_powerpc

    boot_powerpc(state)


def _boot_riscv(state: EarlyBoot) -> None:
    from carveout.boot.riscv import boot_riscv

    boot_riscv(state)


def _add_opensbi(board: Board, scene: Scene, resolved: ResolvedScene) -> Firmware:
    from carveout.boot.opensbi import add_opensbi

    return add_opensbi(board, scene, resolved)


_SEQUENCES: dict[str, Callable[[EarlyBoot], None]] = {
    "arm": _boot_arm,
    "arm64": boot_arm64,
    "powerpc64": _boot_powerpc,
    "riscv64": _boot_riscv,
}
# What firmware does to the tree that the kernel finds there.
_FIRMWARE: dict[str, Callable[[Board, Scene, ResolvedScene], Firmware]] = {"riscv64": _add_opensbi}
_MEMBLOCK_ENTRIES = 128
# Architectures whose kernels, built with EFI, may have a longer list of RAM (2.2).
_EFI_ARRAY = ("arm64",)
# Architectures whose list of reserved memory has an entry for each CPU, for its GIC tables (2.2).
_PER_CPU_ENTRIES = ("arm64",)


def boot(board: Board, scene: Scene | None = None, *, drivers: RegionDrivers = KERNEL_DRIVERS) -> Boot:
    """Simulate the early boot of a kernel on a board.

    drivers: the region drivers of the kernel; `KERNEL_DRIVERS.with_driver(...)` adds one of your own.
    Raises: UnsupportedProfile, SceneError when the scene names what carveout does not know or contradicts itself;
    RegionDriverError when a driver of your own does what no driver can do.
    """
    return carry_out(prepare(board, scene or Scene(), drivers=drivers))


def prepare(board: Board, scene: Scene, *, drivers: RegionDrivers = KERNEL_DRIVERS) -> EarlyBoot:
    """Return the state of a boot before its first step. Raises as `boot` does."""
    resolved, profile = resolve_scene(board, scene)
    firmware = _FIRMWARE[profile.arch](board, scene, resolved) if profile.arch in _FIRMWARE else None
    if firmware is not None:
        if firmware.board is not board:
            board = firmware.board
            resolved, profile = resolve_scene(board, scene)
        resolved = resolved._replace(facts=(*resolved.facts, firmware.fact))
    arguments = parse_cmdline(resolved.cmdline)
    state = EarlyBoot(
        board=board,
        scene=resolved,
        profile=profile,
        arguments=arguments,
        rules=_rules(profile, resolved, skips_hotplug=arguments.has("movable_node")),
        drivers=drivers,
    )
    if firmware is not None and firmware.doubt is not None:
        state.scene_doubts.append(firmware.doubt)
    scan_root_cells(state)
    make_states(state)
    return state


def carry_out(state: EarlyBoot) -> Boot:
    """Run a prepared boot from its first step to its last."""
    outcome, failure, doubt = _run(state)
    return _gather(state, outcome, failure, doubt)


def _rules(profile: Profile, scene: ResolvedScene, *, skips_hotplug: bool) -> MemblockRules:
    config, behaviour = profile.config, profile.behaviour
    has_efi_array = config.efi and profile.arch in _EFI_ARRAY
    return MemblockRules(
        phys_bits=config.phys_bits,
        page_size=scene.page_size,
        smp_cache_bytes=profile.smp_cache_bytes,
        memory_capacity=int(behaviour.arm64_memory_array) if has_efi_array else _MEMBLOCK_ENTRIES,
        reserved_capacity=_MEMBLOCK_ENTRIES + (config.nr_cpus + 1 if profile.arch in _PER_CPU_ENTRIES else 0),
        growth_panics=behaviour.memblock_full == "panic",
        marks_allocations=behaviour.memblock_alloc_flag == "RSRV_KERN",
        skips_hotplug=skips_hotplug,
    )


def _run(state: EarlyBoot) -> tuple[BootOutcome, str | None, str | None]:
    if state.scene.memory_source == "unknown":
        _static_only(state)
        return BootOutcome.OK, None, "RAM is not known"
    try:
        _SEQUENCES[state.profile.arch](state)
    except MemblockPanic as panic:
        state.step(StepKind.PANIC, "memblock", "an array of memblock is full", source="kernel-semantics 2.2")
        return BootOutcome.PANIC, panic.text, None
    except KernelPanic as panic:
        if panic.text is None:
            return BootOutcome.HANG, None, None
        return BootOutcome.PANIC, panic.text, None
    judged = verdict(state)
    if judged[0] is BootOutcome.OK:
        activate_areas(state)
    return judged


def _static_only(state: EarlyBoot) -> None:
    # Without RAM nothing can be placed: only what the tree fixes is shown, and no log is claimed.
    state.ram_is_unknown = True
    scan = RegionScan(state)
    try:
        scan.early()
        scan.late()
    except MemblockPanic:
        state.step(StepKind.PANIC, "memblock", "an array of memblock is full", source="kernel-semantics 2.2")


def _gather(state: EarlyBoot, outcome: BootOutcome, failure: str | None, doubt: str | None) -> Boot:
    confidence = Confidence(state, doubt)
    regions = tuple(_region(region, confidence) for region in state.regions)
    areas = tuple(
        CmaArea(
            name=area.name,
            base=area.base,
            size=area.size,
            is_default=area is state.default_area,
            exactness=(judged := confidence.of_area(area))[0],
            why=judged[1],
            from_region=area.region.node.path if area.region is not None else None,
            activated=area.crossed is None,
        )
        for area in state.areas
    )
    consumers = Consumers(state, confidence).results()
    return Boot(
        scene=state.scene,
        profile=state.profile,
        regions=regions,
        cma=areas,
        memory=tuple(_memory_range(region) for region in state.mb.memory),
        reserved=tuple(
            ReservedRange(base=r.base, size=r.size, who=who, flags=r.flags, nid=r.nid)
            for r, who in zip(state.mb.reserved, state.ledger.names_of(state.mb.reserved), strict=True)
        ),
        claims=tuple(
            Claim(base=start, size=end - start, who=who) for start, end, who in sorted(state.ledger.claims)
        ),
        consumers=consumers,
        outcome=outcome,
        failure=failure,
        log_lines=tuple(state.log),
        trace=tuple(state.trace),
        notes=confidence.notes(),
        exactness=confidence.overall([r.exactness for r in regions], [a.exactness for a in areas]),
        ram_known=state.scene.memory_source != "unknown",
        early=_early(state),
        lowmem_end=state.high_memory,
        devices=devices_of(state, consumers),
        region_devices=region_devices(state, confidence),
    )


def _early(state: EarlyBoot) -> EarlyMemory | None:
    if state.early is None:
        return None
    memory, reserved = state.early
    return EarlyMemory(
        memory=tuple(_memory_range(region) for region in memory),
        reserved=tuple(
            ReservedRange(base=r.base, size=r.size, who="", flags=r.flags, nid=r.nid) for r in reserved
        ),
    )


def _memory_range(region: MemblockRegion) -> MemoryRange:
    return MemoryRange(
        base=region.base,
        size=region.size,
        nomap=bool(region.flags & Flag.NOMAP),
        flags=region.flags,
        nid=region.nid,
    )


def _region(region: RegionState, confidence: Confidence) -> PlacedRegion:
    node = region.node
    exactness, doubt = confidence.of_region(region)
    shown = region.outcome not in (Outcome.ALLOC_FAILED, Outcome.IGNORED, Outcome.UNKNOWN)
    compatible = node.compatible
    texts = compatible.value.rstrip(b"\0").split(b"\0") if compatible is not None else []
    return PlacedRegion(
        path=node.path,
        name=node.name,
        kind=region.kind,
        base=region.base if shown else None,
        size=region.size if shown else None,
        requested_size=region.requested_size,
        requested_base=region.requested_base,
        align=region.align if region.kind is RegionKind.DYNAMIC else None,
        alloc_ranges=region.windows,
        nomap=node.no_map,
        reusable=node.reusable,
        pool=region.pool,
        driver=region.driver,
        outcome=region.outcome,
        exactness=exactness,
        why="; ".join([*dict.fromkeys(region.reasons), *([doubt] if doubt else [])]),
        hole=region.hole,
        compatible=tuple(text.decode("utf-8", "surrogateescape") for text in texts),
        phandle=node.phandle,
        label=node.node.tree.label_of(node.path),
        extra=tuple(region.extra),
        doubt=doubt,
    )
