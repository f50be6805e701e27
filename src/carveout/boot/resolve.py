# SPDX-License-Identifier: Apache-2.0
"""Filling the scene: what the user did not say, from the tree or from named defaults, each with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import entries
from carveout.boot.efi import efi_ram
from carveout.boot.fdt_scan import find_chosen, initrd_of, memory_nodes, memory_reg
from carveout.boot.image import image_span
from carveout.boot.scene import Fact, ResolvedScene
from carveout.errors import SceneError
from carveout.kernel import resolve
from carveout.kernel.profile import NEWEST_BOOTED
from carveout.kernel.release import parse_release
from carveout.span import KIB, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carveout.board import Board
    from carveout.boot.efi_map import EfiMap
    from carveout.boot.scene import Scene
    from carveout.kernel import Behaviour, Profile


_ADDRESSES = 1 << 64
_CPU_VA = {"arm64": (48, 52), "riscv64": (39, 48, 57)}


def resolve_scene(board: Board, scene: Scene) -> tuple[ResolvedScene, Profile]:
    """Return the complete scene and the profile of its kernel.

    Raises: UnsupportedProfile, SceneError.
    """
    _check(scene)
    arch, arch_source = _arch(board, scene)
    profile = resolve(
        scene.kernel,
        arch=arch,
        preset=scene.preset,
        page_size=scene.page_size,
        overrides=scene.behaviour,
        config=scene.config,
        vendor=scene.vendor,
    )
    behaviour, page = profile.behaviour, profile.config.page_size
    efi_map = _efi_map(scene)
    memory, memory_source = _memory(board, scene, behaviour, page, efi_map)
    cmdline, cmdline_source = _cmdline(board, scene, profile)
    image = _image(scene, profile)
    dtb = Span.sized(scene.dtb_at, len(board.tree.blob)) if scene.dtb_at is not None else None
    initrd = scene.initrd or initrd_of(board, behaviour)
    page_source = "given" if scene.page_size else "configuration"
    initrd_source = "given" if scene.initrd else "tree" if initrd else "assumed: none, /chosen names none"
    facts = (
        Fact(
            name="kernel",
            value=f"{profile.kernel} ({profile.release})",
            source=_kernel_source(scene, profile),
        ),
        Fact(name="preset", value=profile.preset, source="given" if scene.preset != "debian" else "default"),
        *_build_facts(scene),
        Fact(name="arch", value=arch, source=arch_source),
        Fact(name="page-size", value=f"{page // KIB}K", source=page_source),
        Fact(name="memory", value=_spans(memory), source=memory_source),
        Fact(name="cmdline", value=cmdline, source=cmdline_source),
        Fact(name="kernel-image", value=_placed(image), source=_given(image)),
        Fact(name="dtb-at", value=_placed(dtb), source=_given(dtb)),
        Fact(name="initrd", value=_placed(initrd), source=initrd_source),
        *_efi_facts(scene, efi_map),
        *_machine_facts(scene, arch),
    )
    resolved = ResolvedScene(
        kernel=profile.kernel,
        arch=arch,
        page_size=page,
        preset=profile.preset,
        memory=memory,
        memory_source=memory_source,
        cmdline=cmdline,
        kernel_image=image,
        dtb=dtb,
        initrd=initrd,
        efi=scene.efi or efi_map is not None,
        efi_map=efi_map,
        cpu_va=scene.cpu_va,
        behaviour=dict(scene.behaviour),
        facts=facts,
    )
    return resolved, profile


def _check(scene: Scene) -> None:
    # The command line reads numbers and texts itself; whoever calls from Python can give anything.
    kernel: object = scene.kernel
    if kernel is not None and not isinstance(kernel, str):
        raise SceneError(f"kernel: expected text such as '5.10', not {kernel!r}: numbers lose zeros")
    memory: Sequence[object] = scene.memory
    if isinstance(memory, Span) or not all(isinstance(bank, Span) for bank in memory):
        raise SceneError("memory: expected a tuple of spans, such as (Span.sized(0x40000000, 1 << 30),)")
    banks = [("memory", bank) for bank in scene.memory]
    for name, span in (*banks, ("kernel_image", scene.kernel_image), ("initrd", scene.initrd)):
        if span is not None and not 0 <= span.start < span.end <= _ADDRESSES:
            raise SceneError(
                f"{name}: expected 0 <= start < end within 64 bits, not {span.start:#x} to {span.end:#x}"
            )
    for name, address in (("dtb_at", scene.dtb_at), ("image_at", scene.image_at)):
        if address is not None and not 0 <= address < _ADDRESSES:
            raise SceneError(f"{name}: expected an address of at most 64 bits, not {address:#x}")


def _kernel_source(scene: Scene, profile: Profile) -> str:
    if scene.kernel:
        return "given"
    if scene.vendor is not None:
        return f"the base of vendor kernel {scene.vendor.name}"
    if scene.config is not None and profile.kernel != NEWEST_BOOTED:
        return "the .config"
    return "default: the newest booted kernel"


def _build_facts(scene: Scene) -> tuple[Fact, ...]:
    facts = []
    if scene.config is not None:
        facts.append(Fact(name="config", value=".config", source="given"))
    if scene.vendor is not None:
        facts.append(Fact(name="vendor", value=scene.vendor.name, source="given"))
    if scene.behaviour:
        value = ", ".join(f"{name}={value}" for name, value in scene.behaviour.items())
        facts.append(Fact(name="behaviour", value=value, source="given"))
    return tuple(facts)


def _machine_facts(scene: Scene, arch: str) -> tuple[Fact, ...]:
    # What other architectures have no use for is said, not lost without a word.
    facts = []
    if scene.cpu_va is not None:
        unused = "" if scene.cpu_va in _CPU_VA.get(arch, ()) else f": {arch} has no such width, not used"
        facts.append(Fact(name="cpu-va", value=str(scene.cpu_va), source="given" + unused))
    if scene.opensbi is not None and arch != "riscv64":
        value = ", ".join(_placed(span) for span in scene.opensbi) or "none"
        facts.append(Fact(name="opensbi", value=value, source=f"given: not used on {arch}"))
    return tuple(facts)


def _image(scene: Scene, profile: Profile) -> Span | None:
    if scene.kernel_image is not None or scene.image_at is None or scene.image_size is None:
        return scene.kernel_image
    return image_span(profile, scene.image_at, scene.image_size)


def _arch(board: Board, scene: Scene) -> tuple[str, str]:
    arch, source = _named_arch(board, scene)
    if scene.image_arch is not None and scene.image_arch != arch:
        raise SceneError(f"--image is an {scene.image_arch} kernel, the scene is for {arch}")
    return arch, source


def _named_arch(board: Board, scene: Scene) -> tuple[str, str]:
    flavour = parse_release(scene.kernel).arch if scene.kernel else None
    if scene.arch is not None:
        if flavour is not None and flavour != scene.arch:
            raise SceneError(f"--kernel {scene.kernel} is for {flavour}, --arch says {scene.arch}")
        return scene.arch, "given"
    if flavour is not None:
        return flavour, "given with the kernel"
    if board.arch is not None:
        return board.arch, "tree"
    if scene.image_arch is not None:
        return scene.image_arch, "kernel image"
    raise SceneError(
        "the cpu nodes of the tree do not tell the architecture; pass --arch, for example --arch arm64"
    )


def _efi_map(scene: Scene) -> EfiMap | None:
    if scene.efi_map is None:
        return None
    if scene.memory:
        raise SceneError("--memory and --efi-map both say what RAM is: give one of them")
    from carveout.boot.efi_map import (
        parse_efi_map,
    )  # only for EFI boots: its expressions take time to compile

    return parse_efi_map(scene.efi_map)


def _efi_facts(scene: Scene, efi_map: EfiMap | None) -> tuple[Fact, ...]:
    if efi_map is not None:
        return (Fact(name="efi-map", value=f"{len(efi_map.entries)} entries", source="given"),)
    return (Fact(name="efi", value="yes, memory map not given", source="given"),) if scene.efi else ()


def _memory(
    board: Board, scene: Scene, behaviour: Behaviour, page_size: int, efi_map: EfiMap | None
) -> tuple[tuple[Span, ...], str]:
    if efi_map is not None:
        return efi_ram(efi_map, page_size), "efi-map"
    if scene.memory:
        return tuple(sorted(scene.memory)), "given"
    spans = tree_memory(board, behaviour)
    return spans, "tree" if spans else "unknown"


def tree_memory(board: Board, behaviour: Behaviour) -> tuple[Span, ...]:
    """Return the RAM the memory nodes give, without entries of size 0, ascending."""
    address = 1 if board.root_cells.address is None else board.root_cells.address
    size = 1 if board.root_cells.size is None else board.root_cells.size
    found: list[Span] = []
    for node in memory_nodes(board, behaviour):
        prop = memory_reg(node, behaviour, 4 * (address + size))
        if prop is not None:
            found.extend(Span.sized(b, s) for b, s in entries(prop.value, address, size) if s)
    return tuple(sorted(found))


def _cmdline(board: Board, scene: Scene, profile: Profile) -> tuple[str, str]:
    if scene.cmdline is not None:
        return scene.cmdline, "given"
    chosen = find_chosen(board, profile.behaviour)
    if chosen is not None and chosen.bootargs is not None:
        text = chosen.bootargs.value.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
        if text:
            return text, "tree"
    return profile.config.cmdline, "assumed: /chosen has no bootargs"


def _given(value: object) -> str:
    return "given" if value is not None else "not given: not modelled"


def _placed(span: Span | None) -> str:
    return "" if span is None else f"0x{span.start:x}+0x{span.size:x}"


def _spans(spans: tuple[Span, ...]) -> str:
    return ", ".join(f"0x{span.size:x}@0x{span.start:x}" for span in spans)
