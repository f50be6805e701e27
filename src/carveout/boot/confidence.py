# SPDX-License-Identifier: Apache-2.0
"""How far a result can be relied on: exact, modelled with the reason, or unknown with the option that settles it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.arm_machine import arm_machine
from carveout.boot.efi import efi_gaps
from carveout.boot.result import Exactness, Outcome, RegionKind
from carveout.kernel.layout import Arm64Layout, ArmLayout, RiscvLayout
from carveout.span import GIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.boot.state import Area, EarlyBoot, RegionState

_UNKNOWN_RAM = "RAM is not known, the tree does not give it: pass --memory SIZE@BASE"
# Parameters whose effect on placement is not simulated (yet), each with what it would change.
_UNMODELLED = {
    "numa": "another idea of the NUMA nodes",
    "kvm_arm.mode": "memory for a protected hypervisor",
}
# The smallest COMMAND_LINE_SIZE of any architecture here (kernel-semantics 10).
_SHORTEST_CMDLINE = 1024
_SEEN_SPAN = 64 * GIB


class Confidence:
    """Judges the parts of one boot."""

    def __init__(self, state: EarlyBoot, doubt: str | None) -> None:
        """Collect what the scene leaves open. doubt: what the sequence itself was not sure of."""
        self._state = state
        self._ram_known = state.scene.memory_source != "unknown"
        self._kernel = list(state.profile.doubts)
        self._build = list(state.profile.build_doubts)
        self._scene = [*_scene_gaps(state), *state.scene_doubts]
        self._default_area = _area_gaps(state)
        # Where the tree is reserved after the regions, its place and size matter only for what follows.
        (self._default_area if _is_after_regions(state) else self._scene).extend(_tree_gaps(state))
        self._doubt = doubt

    def of_region(self, region: RegionState) -> tuple[Exactness, str]:
        """Judge one region; the text is empty when it is exact."""
        if region.outcome is Outcome.UNKNOWN:
            return Exactness.UNKNOWN, _UNKNOWN_RAM
        reasons = [*self._kernel, *region.doubts]
        plain = region.kind is not RegionKind.DYNAMIC and not region.node.no_map
        if not plain:
            reasons += self._scene
        if not self._ram_known and (region.kind is RegionKind.DYNAMIC or region.node.no_map):
            reasons.append(_UNKNOWN_RAM)
        return _judge(reasons)

    def of_area(self, area: Area) -> tuple[Exactness, str]:
        """Judge one contiguous area."""
        if area.region is not None:
            return self.of_region(area.region)
        return _judge([*self._kernel, *self._build, *self._scene, *self._default_area])

    def overall(self, regions: Sequence[Exactness], areas: Sequence[Exactness]) -> Exactness:
        """Return the weakest of all parts."""
        if not self._ram_known or Exactness.UNKNOWN in regions:
            return Exactness.UNKNOWN
        parts = [*regions, *areas]
        gaps = self._kernel or self._build or self._scene or self._default_area or self._doubt
        return Exactness.MODELLED if gaps or Exactness.MODELLED in parts else Exactness.EXACT

    def notes(self) -> tuple[str, ...]:
        """Return what was assumed and what is not known, as sentences."""
        scene = self._state.scene
        notes = [] if self._ram_known else [_UNKNOWN_RAM, "the kernel log is not predicted: RAM is not known"]
        notes += self._kernel
        notes += self._build
        notes += self._state.profile.notes
        notes += self._scene
        notes += self._default_area
        if self._doubt and self._ram_known:
            notes.append(self._doubt)
        notes += [
            f"the contiguous area {area.name} crosses the border of two zones at 0x{area.crossed:x}: never activated"
            for area in self._state.areas
            if area.crossed is not None and area.region is None
        ]
        if scene.memory_source == "tree":
            notes.append("RAM is as in the tree; a boot loader that changes it needs --memory")
        if scene.initrd is None:
            notes.append("no initrd: neither --initrd nor /chosen names one")
        return tuple(notes)


def _judge(reasons: list[str]) -> tuple[Exactness, str]:
    if not reasons:
        return Exactness.EXACT, ""
    return Exactness.MODELLED, "; ".join(dict.fromkeys(reasons))


def _scene_gaps(state: EarlyBoot) -> list[str]:
    scene = state.scene
    gaps = []
    if scene.kernel_image is None:
        gaps.append("the place of the kernel is not known: pass --kernel-image BASE+SIZE")
    if not scene.efi and any("linux,uefi-system-table" in chosen.node for chosen in state.board.chosen):
        gaps.append("/chosen names an EFI system table, so the kernel takes RAM from EFI: pass --efi")
    gaps += efi_gaps(state)
    gaps += [
        f"{name}= on the command line moves the initial ram disk, which is not simulated"
        for name in ("initrd", "initrdmem")
        if state.arguments.last(name) is not None
    ]
    if len(scene.cmdline) >= _SHORTEST_CMDLINE:
        gaps.append("the command line is so long that the kernel may cut it off, which is not simulated")
    if state.initrd_is_reversed:
        gaps.append("linux,initrd-end is below linux,initrd-start, which was never booted on this kernel")
    layout = state.profile.layout
    usual = None
    if isinstance(layout, Arm64Layout):
        usual = layout.image_size - layout.reserved_from
    elif isinstance(layout, ArmLayout):
        usual = layout.image_size
        gaps += _machine_gaps(state)
    elif isinstance(layout, RiscvLayout):
        usual = layout.image_size
    if usual is not None and scene.kernel_image is not None and scene.kernel_image.size != usual:
        gaps.append(
            f"the kernel image has 0x{scene.kernel_image.size:x} bytes, the booted one 0x{usual:x}: another build"
        )
    return gaps


def _is_after_regions(state: EarlyBoot) -> bool:
    early = state.behaviour.riscv_regions == "before-dtb"
    return early and isinstance(state.profile.layout, RiscvLayout)


def _tree_gaps(state: EarlyBoot) -> list[str]:
    gaps = []
    if state.scene.dtb is None:
        gaps.append("the place of the tree in memory is not known: pass --dtb-at BASE")
    if state.board.is_made_here:
        gaps.append("carveout compiled or changed the tree: the blob that is booted may have another size")
    return gaps


def _machine_gaps(state: EarlyBoot) -> list[str]:
    # 32-bit arm: platform code with a part in early memory set-up.
    machine = arm_machine(state.board)
    return [machine.doubt] if machine is not None else []


def _area_gaps(state: EarlyBoot) -> list[str]:
    # What only matters for allocations after the regions: the default area, page tables, struct pages.
    gaps = [
        f"{name}= on the command line: {what} is not simulated"
        for name, what in _UNMODELLED.items()
        if state.arguments.last(name) is not None
    ]
    gaps += dict.fromkeys(state.doubts)
    if state.scene.cpu_va == 52 and state.config.va_bits == 52:
        gaps.append("a processor with 52-bit addresses was never booted")
    if state.board.tree.root.prop("dma-ranges") is not None:
        gaps.append("the root has dma-ranges, which was never booted")
    if _is_randomised(state):
        gaps.append(
            "/chosen has a kaslr-seed: randomised addresses can cost a page-table page more; see nokaslr"
        )
    if state.mb.memory and state.mb.end_of_dram() - state.mb.start_of_dram() > _SEEN_SPAN:
        gaps.append("RAM spans more than 64 GiB, which was never booted")
    return gaps


def _is_randomised(state: EarlyBoot) -> bool:
    if state.arguments.has("nokaslr") or isinstance(state.profile.layout, ArmLayout):
        return False
    return any("kaslr-seed" in chosen.node and any(prop.value) for chosen in state.board.chosen
               if (prop := chosen.node.prop("kaslr-seed")) is not None)  # fmt: skip
