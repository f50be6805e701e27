# SPDX-License-Identifier: Apache-2.0
"""A log as a scene: what it says about the kernel, the command line, RAM, and where things lie.

What the user says wins; then the log; then the tree. What neither says stays open, and is named, so that a
difference can be laid at its door. Nothing is made up in its place.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from carveout.boot.resolve import resolve_scene
from carveout.errors import CarveoutError, EfiMapError, UnsupportedProfile
from carveout.kernel.profile import PAGE_SIZES
from carveout.kernel.release import NEWEST, OLDEST, parse_release
from carveout.span import MIB, Span
from carveout.values import NamedTuple, replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from carveout.board import Board
    from carveout.boot.scene import Scene
    from carveout.observe.log import BootLog
    from carveout.observe.log_messages import Said

LOG = "the log"
_BANNER = "the log: Linux version"
_VERSION = re.compile(r"^v?(\d{1,3})\.(\d{1,3})")
_IMAGE_RESERVER = re.compile(r"arm64_memblock_init|arm_memblock_init|setup_bootmem|early_init_devtree")
_LEAST_IMAGE = 2 * MIB
_GIVEN_PRESET = "debian"


class Open(StrEnum):
    """What neither user, log nor tree says."""

    KERNEL = "kernel"
    OLDER = "older"
    """It is older than any that is simulated."""
    CONFIG = "config"
    PAGE_SIZE = "page-size"
    CMDLINE = "cmdline"
    MEMORY = "memory"
    TREE_PLACE = "dtb-at"
    IMAGE_PLACE = "kernel-image"


class LogScene(NamedTuple):
    """A scene that a log helped to fill."""

    scene: Scene
    sources: Mapping[str, str]
    """Name of a fact (as in ResolvedScene.facts) to where it is from."""
    notes: tuple[str, ...]
    open: frozenset[Open]
    stand_in: str | None = None
    """The release that was seen, where carveout simulates another one in its place."""


def scene_from_log(board: Board, log: BootLog | None, given: Scene) -> LogScene:
    """Return the scene of the boot in a log. board: its tree; given: what the user says, which wins."""
    filler = _Filler(board, log, given)
    filler.fill()
    return LogScene(
        scene=filler.scene,
        sources=filler.sources,
        notes=tuple(filler.notes),
        open=filler.open(),
        stand_in=filler.stand_in,
    )


class _Filler:
    # Fills one scene, fact by fact.

    def __init__(self, board: Board, log: BootLog | None, given: Scene) -> None:
        self.board = board
        self.log = log
        self.given = given
        self.scene = given
        self.sources: dict[str, str] = {}
        self.notes: list[str] = []
        self.stand_in: str | None = None
        self.is_older = False

    def fill(self) -> None:
        if self.log is not None:
            self._kernel(self.log)
            self._arch(self.log)
            self._page_size(self.log)
            self._command_line(self.log)
            self._memory(self.log)
            self._places(self.log)

    def open(self) -> frozenset[Open]:
        scene, found = self.scene, set()
        if scene.kernel is None and scene.config is None and scene.vendor is None:
            found.add(Open.KERNEL)
        if self.is_older:
            found.add(Open.OLDER)
        is_build_said = scene.config is not None or scene.vendor is not None or scene.preset != _GIVEN_PRESET
        if not is_build_said and not _is_booted(scene.kernel):
            found.add(Open.CONFIG)
            if scene.page_size is None:
                found.add(Open.PAGE_SIZE)
        if scene.cmdline is None and not any(
            chosen.bootargs is not None and chosen.bootargs.value.strip(b"\0") for chosen in self.board.chosen
        ):
            found.add(Open.CMDLINE)
        if scene.dtb_at is None:
            found.add(Open.TREE_PLACE)
        if scene.kernel_image is None and scene.image_at is None:
            found.add(Open.IMAGE_PLACE)
        if not self._ram_is_said():
            found.add(Open.MEMORY)
        return frozenset(found)

    def _set(self, name: str, source: str, **values: object) -> None:
        self.scene = replace(self.scene, **values)  # type: ignore[arg-type]
        self.sources[name] = source

    def _kernel(self, log: BootLog) -> None:
        if self.scene.kernel is not None or log.release is None:
            return
        release = log.release
        match = _VERSION.match(release)
        if match is None:
            return
        key = int(match[1]), int(match[2])
        if OLDEST <= key <= NEWEST:
            self._set("kernel", _BANNER, kernel=release)
            return
        nearest = OLDEST if key < OLDEST else NEWEST
        series = f"{nearest[0]}.{nearest[1]}"
        self.stand_in = release
        self.is_older = key < OLDEST
        self._set("kernel", f"the nearest that is simulated; the log is of {release}", kernel=series)
        word = "older" if key < OLDEST else "newer"
        self.notes.append(
            f"the log is of Linux {release}, {word} than any kernel that carveout simulates: Linux {series} stands in "
            "for it, and nothing of the comparison is exact"
        )

    def _arch(self, log: BootLog) -> None:
        if self.scene.arch is not None or log.arch is None:
            return
        if self.board.arch is None:
            self._set("arch", LOG, arch=log.arch)
        elif self.board.arch != log.arch:
            self.notes.append(
                f"the log is of a kernel for {log.arch}, the tree is for {self.board.arch}: they do not belong together"
            )
            if self.scene.kernel is not None and self.sources.get("kernel") == _BANNER:
                # Its flavour would contradict the tree.
                match = _VERSION.match(self.scene.kernel)
                if match is not None:
                    self.scene = replace(self.scene, kernel=f"{match[1]}.{match[2]}")

    def _page_size(self, log: BootLog) -> None:
        size, arch = log.page_size, self.scene.arch or self.board.arch
        if self.scene.page_size is not None or size is None or arch is None:
            return
        try:
            flavour = parse_release(self.scene.kernel).page_size if self.scene.kernel else None
        except UnsupportedProfile:
            flavour = None
        if flavour is None and size in PAGE_SIZES.get(arch, ()):
            self._set("page-size", f"{LOG}: sizes of its hash tables", page_size=size)

    def _command_line(self, log: BootLog) -> None:
        if self.scene.cmdline is not None or log.cmdline is None:
            return
        self._set("cmdline", f"{LOG}: Kernel command line", cmdline=log.cmdline)

    def _memory(self, log: BootLog) -> None:
        scene = self.scene
        if scene.memory or scene.efi_map is not None:
            return
        if log.is_efi or scene.efi:
            if not scene.efi:
                self._set("efi", f"{LOG}: efi:", efi=True)
            if _is_efi_map(log.efi_text):
                self._set("efi-map", f"{LOG}: efi=debug", efi_map=log.efi_text)
                return
        if self._ram_is_said():
            return
        spans, source = ram_of(log)
        if spans:
            self._set("memory", source, memory=spans)
            self.notes.append(
                f"RAM is from {source}, since the tree does not give it: what the kernel left out of it, for example because of "
                "mem=, is missing"
            )

    def _ram_is_said(self) -> bool:
        if self.scene.memory or self.scene.efi_map is not None:
            return True
        try:
            resolved, _profile = resolve_scene(self.board, self.scene)
        except CarveoutError:
            return True
        return resolved.memory_source != "unknown"

    def _places(self, log: BootLog) -> None:
        said = {one.family: one for one in log.said}
        initrd = _loader_span(said.get("loader-initrd")) or log.initrd
        if self.scene.initrd is None and initrd is not None and not _tree_has_initrd(self.board):
            self._set("initrd", LOG, initrd=initrd)
        size = len(self.board.tree.blob)
        loaded = said.get("loader-fdt")
        if self.scene.dtb_at is None and loaded is not None and loaded.get("base") is not None:
            self._set("dtb-at", f"{LOG}: the loader's line", dtb_at=loaded.get("base"))
        dump = log.first_dump or log.dump
        if self.scene.dtb_at is None and dump is not None and not self.scene.efi:
            fits = [entry.base for entry in dump.reserved if entry.size == size]
            if len(fits) == 1:
                self._set("dtb-at", f"{LOG}: the one reserved entry of the blob's size", dtb_at=fits[0])
        if self.scene.kernel_image is None and self.scene.image_at is None:
            image = kernel_image(log, self.scene.initrd or _tree_initrd(self.board))
            if image is not None:
                self._set("kernel-image", f"{LOG}: memblock=debug", kernel_image=image)


def ram_of(log: BootLog) -> tuple[tuple[Span, ...], str]:
    """Return the RAM that a log shows, and from which of its lines; empty when it shows none."""
    if log.dump is not None and log.dump.memory:
        return _joined(
            Span.sized(entry.base, entry.size) for entry in log.dump.memory
        ), f"{LOG}: MEMBLOCK configuration"
    if log.ram:
        return log.ram, f"{LOG}: Early memory node ranges"
    if log.e820:
        return tuple(sorted(log.e820)), f"{LOG}: e820"
    zones = _joined(span for span in log.zones.values() if span is not None)
    return zones, f"{LOG}: Zone ranges" if zones else ""


def kernel_image(log: BootLog, initrd: Span | None) -> Span | None:
    """Return what the kernel has reserved for itself, as memblock=debug shows it; None when it does not."""
    found = []
    for op in log.ops:
        if op.op != "reserve" or op.base is None or not _IMAGE_RESERVER.search(op.caller):
            continue
        span = Span.sized(op.base, op.size)
        if span.size >= _LEAST_IMAGE and not (initrd is not None and span.overlaps(initrd)):
            found.append(span)
    return found[0] if found else None


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)


def _loader_span(said: Said | None) -> Span | None:
    if said is None:
        return None
    base, last = said.get("base"), said.get("last")
    # U-Boot's `end` is the first address behind it.
    return Span(base, last) if base is not None and last is not None and base < last else None


def _tree_has_initrd(board: Board) -> bool:
    return _tree_initrd(board) is not None


def _tree_initrd(board: Board) -> Span | None:
    for chosen in board.chosen:
        if chosen.initrd_start is not None and chosen.initrd_end is not None:
            start = int.from_bytes(chosen.initrd_start.value, "big")
            end = int.from_bytes(chosen.initrd_end.value, "big")
            if start < end:
                return Span(start, end)
    return None


def _is_booted(kernel: str | None) -> bool:
    # Whether the text names the very build whose configuration is known; a bare version names only the source.
    if kernel is None:
        return False
    try:
        release = parse_release(kernel)
    except UnsupportedProfile:
        return False
    return release.is_booted and kernel.strip().removeprefix("v").startswith(release.booted.release)


def _is_efi_map(text: str) -> bool:
    if not text:
        return False
    from carveout.boot.efi_map import (
        parse_efi_map,
    )  # only for EFI boots: its expressions take time to compile

    try:
        return bool(parse_efi_map(text).entries)
    except EfiMapError:
        return False
