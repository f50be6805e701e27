# SPDX-License-Identifier: Apache-2.0
"""A running machine as a scene: what its files say, what they leave open, and why.

Every file is optional except the tree. What is missing or hidden becomes a sentence, so that a person sees what a
capture lacks; nothing is made up in its place. What the user says himself wins.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from carveout.boot.resolve import resolve_scene
from carveout.errors import EfiMapError, ObservationError
from carveout.observe.banner import command_line, kernel_release
from carveout.observe.iomem import is_hidden, kernel_image, parse_iomem, ram, tree_place
from carveout.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carveout.board import Board
    from carveout.boot.result import Boot
    from carveout.boot.scene import ResolvedScene, Scene
    from carveout.observe.iomem import Resource

VERSION, CMDLINE, IOMEM, CONFIG, DMESG = "proc/version", "proc/cmdline", "proc/iomem", "config", "dmesg"
_EFI_TABLE = "linux,uefi-system-table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """The files of a machine beside its tree, as they were read. None: not there, or not readable."""

    version: str | None = None
    """/proc/version."""
    cmdline: str | None = None
    """/proc/cmdline."""
    iomem: str | None = None
    """/proc/iomem."""
    config: bytes | None = None
    """/proc/config.gz or /boot/config-RELEASE."""
    config_name: str = CONFIG
    dmesg: str | None = None
    """The kernel's log, for the EFI memory map in it."""
    page_size: int | None = None
    """Bytes; of the machine carveout runs on, when that is the one that is looked at."""
    problems: tuple[str, ...] = ()
    """What could not be read, and why, as sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a machine showed: a scene, where each value is from, and what is missing."""

    scene: Scene
    sources: Mapping[str, str]
    """Name of a fact (as in ResolvedScene.facts) to the file it was read from."""
    notes: tuple[str, ...]


def observe(board: Board, capture: Capture, given: Scene) -> Observed:
    """Return the scene of a running machine. board: its tree; given: what the user says, which wins.

    Raises: ObservationError for a file of another form; SceneError, UnsupportedProfile as a boot does.
    """
    looker = _Looker(board, capture, given)
    looker.look()
    return Observed(scene=looker.scene, sources=looker.sources, notes=tuple(looker.notes))


def places_of(board: Board, resources: Sequence[Resource], given: Scene) -> Observed:
    """Return the scene with what /proc/iomem shows of RAM, the kernel and the tree; as `observe` otherwise."""
    looker = _Looker(board, Capture(), given)
    looker.look_at(tuple(resources))
    return Observed(scene=looker.scene, sources=looker.sources, notes=tuple(looker.notes))


def told(boot: Boot, observed: Observed) -> Boot:
    """Return the result with the sources of its scene and what could not be seen."""
    facts = tuple(
        fact._replace(source=observed.sources.get(fact.name, fact.source)) for fact in boot.scene.facts
    )
    return replace(boot, scene=boot.scene._replace(facts=facts), notes=(*observed.notes, *boot.notes))


class _Looker:
    """Fills one scene, file by file."""

    def __init__(self, board: Board, capture: Capture, given: Scene) -> None:
        self.board = board
        self.capture = capture
        self.scene = given
        self.sources: dict[str, str] = {}
        self.notes = list(capture.problems)

    def look(self) -> None:
        self._kernel()
        self._configuration()
        self._command_line()
        self._firmware()
        self._places()

    def _kernel(self) -> None:
        if self.scene.kernel is not None:
            return
        if self.capture.version is not None:
            try:
                release = kernel_release(self.capture.version)
            except ObservationError as error:
                raise ObservationError(f"{VERSION}: {error}") from error
            self.scene = replace(self.scene, kernel=release)
            self.sources["kernel"] = VERSION

    def _configuration(self) -> None:
        if self.scene.config is None and self.scene.preset == "debian" and self.capture.config is not None:
            self.scene = replace(self.scene, config=self.capture.config)
            self.sources["config"] = self.capture.config_name
        if self.scene.page_size is None and self.capture.page_size is not None:
            self.scene = replace(self.scene, page_size=self.capture.page_size)
            self.sources["page-size"] = "this machine"

    def _command_line(self) -> None:
        if self.scene.cmdline is None and self.capture.cmdline is not None:
            self.scene = replace(self.scene, cmdline=command_line(self.capture.cmdline))
            self.sources["cmdline"] = CMDLINE

    def _firmware(self) -> None:
        is_efi = any(chosen.node.prop(_EFI_TABLE) is not None for chosen in self.board.chosen)
        if not is_efi or self.scene.efi or self.scene.efi_map is not None:
            return
        self.scene = replace(self.scene, efi=True)
        self.sources["efi"] = "the tree: the EFI stub wrote into it"
        if self.capture.dmesg is not None and not self.scene.memory and _has_efi_map(self.capture.dmesg):
            self.scene = replace(self.scene, efi_map=self.capture.dmesg)
            self.sources["efi-map"] = DMESG
        else:
            self.notes.append(
                "booted through EFI: only a kernel log with the memory map in it (efi=debug on the command "
                "line) says what RAM the kernel was given; pass it with --efi-map"
            )

    def _places(self) -> None:
        if self.capture.iomem is None:
            return
        try:
            resources = parse_iomem(self.capture.iomem)
        except ObservationError as error:
            raise ObservationError(f"{IOMEM}: {error}") from error
        self.look_at(resources)

    def look_at(self, resources: tuple[Resource, ...]) -> None:
        """Take what the resources of /proc/iomem say."""
        if not resources:
            self.notes.append(f"{IOMEM} is empty: it does not say where the kernel is")
        elif is_hidden(resources):
            self.notes.append(
                f"{IOMEM} shows zeros instead of addresses, as it does without root: read it as root to learn "
                "where the kernel and the tree are"
            )
        else:
            resolved, _profile = resolve_scene(self.board, self.scene)
            self._memory(resources, resolved)
            self._image(resources, resolved)
            self._tree(resources, resolved)

    def _memory(self, resources: tuple[Resource, ...], resolved: ResolvedScene) -> None:
        if self.scene.memory or self.scene.efi_map is not None:
            return
        seen = ram(resources)
        if seen and (resolved.memory_source == "unknown" or self.scene.efi):
            self.scene = replace(self.scene, memory=seen)
            self.sources["memory"] = f"{IOMEM}: what the kernel kept of it"
            self.notes.append(
                f"RAM is from {IOMEM}, since the tree does not give it: what the kernel left out, for example "
                "because of mem=, is missing"
            )

    def _image(self, resources: tuple[Resource, ...], resolved: ResolvedScene) -> None:
        if self.scene.kernel_image is not None or self.scene.image_at is not None:
            return
        image = kernel_image(resources, resolved.arch)
        if image is None:
            self.notes.append(f"{IOMEM} does not show the kernel: pass --kernel-image BASE+SIZE")
            return
        self.scene = replace(self.scene, kernel_image=image)
        self.sources["kernel-image"] = IOMEM

    def _tree(self, resources: tuple[Resource, ...], resolved: ResolvedScene) -> None:
        if self.scene.dtb_at is not None:
            return
        taken = [span for span in (resolved.initrd, self.scene.kernel_image) if span is not None]
        # The EFI stub puts its copy among other allocations, where no entry can be told to be it.
        place = None if self.scene.efi else tree_place(resources, len(self.board.tree.blob), taken=taken)
        if place is None:
            self.notes.append(
                f"{IOMEM} does not show where the tree lay: pass --dtb-at BASE (the boot loader's fdt_addr)"
            )
            return
        self.scene = replace(self.scene, dtb_at=place)
        self.sources["dtb-at"] = f"{IOMEM}: the one reserved entry that can be it"


def _has_efi_map(log: str) -> bool:
    from carveout.boot.efi_map import (
        parse_efi_map,
    )  # only for EFI boots: its expressions take time to compile

    try:
        return bool(parse_efi_map(log).entries)
    except EfiMapError:
        return False
