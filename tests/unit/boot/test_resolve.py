# SPDX-License-Identifier: Apache-2.0
"""Filling the scene: what was given, what the tree says, what is a named default, and which is which."""

from __future__ import annotations

import re
from typing import Any

import pytest

from carveout.boot.resolve import resolve_scene
from carveout.boot.scene import Scene
from carveout.errors import SceneError, UnsupportedProfile
from carveout.kernel.vendor import Vendor
from carveout.span import GIB, Span
from support.boards import KERNELS, RAM, blob_of, board_of, cells, cpus, memory, node, text, usual_board, wide


def facts(*nodes: Any, **scene: Any) -> dict[str, tuple[str, str]]:
    resolved, _ = resolve_scene(board_of(*nodes), Scene(**scene))
    return {fact.name: (fact.value, fact.source) for fact in resolved.facts}


# ---- architecture and kernel -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("nodes", "scene", "value", "source"),
    [
        pytest.param([cpus()], {}, "arm64", "tree", id="tree"),
        pytest.param([], {"arch": "arm64"}, "arm64", "given", id="given"),
        pytest.param([cpus("arm,cortex-a9")], {"arch": "arm64"}, "arm64", "given", id="given-wins"),
        pytest.param([], {"kernel": "6.12.107+deb13-arm64"}, "arm64", "given with the kernel", id="flavour"),
    ],
)
def test_architecture(nodes: list[Any], scene: dict[str, Any], value: str, source: str) -> None:
    assert facts(*nodes, **scene)["arch"] == (value, source)


@pytest.mark.parametrize(
    ("scene", "message"),
    [
        pytest.param({}, "pass --arch, for example --arch arm64", id="nobody-says"),
        pytest.param(
            {"kernel": "6.1.0-50-arm64", "arch": "arm"},
            "--kernel 6.1.0-50-arm64 is for arm64, --arch says arm",
            id="contradiction",
        ),
    ],
)
def test_architecture_errors(scene: dict[str, Any], message: str) -> None:
    with pytest.raises(SceneError, match=re.escape(message)):
        resolve_scene(board_of(), Scene(**scene))


def test_unknown_architecture() -> None:
    with pytest.raises(UnsupportedProfile, match="--arch sparc"):
        resolve_scene(board_of(), Scene(arch="sparc"))


def test_kernel_and_its_source() -> None:
    assert facts(cpus())["kernel"] == ("7.2 (7.2.13+deb14)", "default: the newest booted kernel")
    assert facts(cpus(), kernel="6.12")["kernel"] == ("6.12 (6.12.107+deb13)", "given")


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        pytest.param({"kernel": "6.12"}, ("4K", "configuration"), id="configuration"),
        pytest.param({"kernel": "6.12", "page_size": 16384}, ("16K", "given"), id="given"),
        pytest.param({"kernel": "6.12.107+deb13-arm64-16k"}, ("16K", "configuration"), id="flavour"),
    ],
)
def test_page_size(scene: dict[str, Any], expected: tuple[str, str]) -> None:
    assert facts(cpus(), **scene)["page-size"] == expected


# ---- memory ------------------------------------------------------------------------------------------------
def source_of(kernel: str, *nodes: Any, **scene: Any) -> tuple[tuple[Span, ...], str]:
    resolved, _ = resolve_scene(board_of(cpus(), *nodes), Scene(kernel=kernel, **scene))
    return resolved.memory, resolved.memory_source


UNKNOWN: tuple[tuple[Span, ...], str] = ((), "unknown")
TREE = ((RAM,), "tree")
USUAL = (RAM.start, RAM.size)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("nodes", "known"),
    [
        pytest.param([memory(USUAL)], KERNELS, id="usual"),
        pytest.param([], (), id="no-node"),
        pytest.param([memory((0, 0))], (), id="size-0"),
        pytest.param([memory(USUAL, extra={"status": text("disabled")})], ("5.10",), id="disabled"),
        pytest.param([node("soc", {}, memory(USUAL))], ("5.10",), id="below-soc"),
        pytest.param([memory(USUAL, extra={"linux,usable-memory": b""})], (), id="nothing-usable"),
        # 6.1: 7.2 rejects what is no whole number of entries
        pytest.param(
            [memory(extra={"reg": wide(*USUAL) + cells(0)})], ("5.10", "6.1", "6.12"), id="partial-entry"
        ),
        pytest.param(
            [memory(USUAL, extra={"linux,usable-memory": cells(1)})], ("7.2",), id="malformed-usable-memory"
        ),
    ],
)
def test_ram_is_what_this_kernel_would_read(kernel: str, nodes: list[Any], known: tuple[str, ...]) -> None:
    assert source_of(kernel, *nodes) == (TREE if kernel in known else UNKNOWN)


def test_given_ram_replaces_the_nodes_and_is_sorted() -> None:
    low, high = Span.sized(GIB, GIB), Span.sized(4 * GIB, GIB)
    assert source_of("6.12", memory(USUAL), memory=(high, low)) == ((low, high), "given")


def test_ram_in_other_cells() -> None:
    tree = board_of(
        cpus(),
        memory(extra={"reg": cells(*USUAL)}),
        root={"#address-cells": cells(1), "#size-cells": cells(1)},
    )
    assert resolve_scene(tree, Scene())[0].memory == (RAM,)


# ---- the rest ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("nodes", "scene", "expected"),
    [
        pytest.param([], {"cmdline": "quiet"}, ("quiet", "given"), id="given"),
        pytest.param([], {"cmdline": ""}, ("", "given"), id="given-empty"),
        pytest.param([], {}, ("", "assumed: /chosen has no bootargs"), id="nothing"),
        pytest.param([node("chosen", {"bootargs": text("ro")})], {}, ("ro", "tree"), id="tree"),
        pytest.param(
            [node("chosen", {"bootargs": text("ro")})], {"cmdline": "rw"}, ("rw", "given"), id="both"
        ),
        pytest.param(
            [node("chosen", {"bootargs": b"\0"})],
            {},
            ("", "assumed: /chosen has no bootargs"),
            id="tree-empty",
        ),
    ],
)
def test_command_line(nodes: list[Any], scene: dict[str, Any], expected: tuple[str, str]) -> None:
    assert facts(cpus(), *nodes, **scene)["cmdline"] == expected


def test_nothing_is_assumed_about_places() -> None:
    found = facts(cpus())
    assert found["kernel-image"] == found["dtb-at"] == ("", "not given: not modelled")
    assert found["initrd"] == ("", "assumed: none, /chosen names none")
    assert found["memory"] == ("", "unknown")


def test_places_that_are_given() -> None:
    board = usual_board()
    scene = Scene(
        kernel_image=Span.sized(0x4020_0000, 0x1000),
        dtb_at=0x4800_0000,
        initrd=Span(0x5000_0000, 0x5000_1000),
    )
    resolved, _ = resolve_scene(board, scene)
    found = {fact.name: (fact.value, fact.source) for fact in resolved.facts}
    assert found["kernel-image"] == ("0x40200000+0x1000", "given")
    # The size of the tree is its totalsize, which is the length of the blob here.
    assert found["dtb-at"] == (f"0x48000000+0x{len(board.tree.blob):x}", "given")
    assert found["initrd"] == ("0x50000000+0x1000", "given")


def test_totalsize_with_padding() -> None:
    # 1.2 step 1: fdt_totalsize, padding included.
    blob = blob_of(cpus())
    padded = bytearray(blob + bytes(0x100))
    padded[4:8] = len(padded).to_bytes(4, "big")
    import carveout

    resolved, _ = resolve_scene(carveout.load(bytes(padded)), Scene(dtb_at=0))
    assert resolved.dtb == Span(0, len(blob) + 0x100)


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        # 1.2 g: 6.1 reserves from _stext, 64 KiB into the image.
        pytest.param("5.10", Span(0x4020_0000, 0x4120_0000), id="5.10"),
        pytest.param("6.1", Span(0x4021_0000, 0x4120_0000), id="6.1"),
        pytest.param("6.12", Span(0x4020_0000, 0x4120_0000), id="6.12"),
        pytest.param("7.2", Span(0x4020_0000, 0x4120_0000), id="7.2"),
    ],
)
def test_image_from_its_header(kernel: str, expected: Span) -> None:
    scene = Scene(kernel=kernel, image_at=0x4020_0000, image_size=0x100_0000)
    assert resolve_scene(board_of(cpus()), scene)[0].kernel_image == expected


@pytest.mark.parametrize("missing", ["image_at", "image_size"])
def test_half_an_image_is_none(missing: str) -> None:
    values = {"image_at": 0x4020_0000, "image_size": 0x100_0000}
    del values[missing]
    assert resolve_scene(board_of(cpus()), Scene(**values))[0].kernel_image is None  # type: ignore[arg-type]


def test_two_sources_of_ram_contradict_each_other() -> None:
    with pytest.raises(SceneError, match="--memory and --efi-map"):
        resolve_scene(board_of(cpus()), Scene(memory=(RAM,), efi_map="x"))


# ---- the build ---------------------------------------------------------------------------------------------
CONFIG = b"""\
# Linux/arm64 6.1.176 Kernel Configuration
CONFIG_ARM64=y
CONFIG_ARM64_4K_PAGES=y
CONFIG_ARM64_VA_BITS=48
CONFIG_ARM64_PA_BITS=48
CONFIG_NR_CPUS=256
CONFIG_CMDLINE=""
CONFIG_OF_RESERVED_MEM=y
CONFIG_BLK_DEV_INITRD=y
CONFIG_SPARSEMEM_VMEMMAP=y
CONFIG_ARCH_FORCE_MAX_ORDER=11
"""


def test_a_config_and_a_vendor_are_named() -> None:
    found = facts(cpus(), config=CONFIG, vendor=Vendor(name="bsp", base="6.1"))
    assert found["kernel"] == ("6.1 (6.1.0-50)", "the base of vendor kernel bsp")
    assert found["config"] == (".config", "given")
    assert found["vendor"] == ("bsp", "given")


def test_a_config_can_name_the_kernel() -> None:
    value, source = facts(cpus(), config=CONFIG)["kernel"]
    assert (value.split()[0], source) == ("6.1.176", "the .config")


def test_the_image_can_name_the_architecture() -> None:
    assert facts(image_arch="arm64")["arch"] == ("arm64", "kernel image")
    with pytest.raises(SceneError, match="--image is an riscv64 kernel, the scene is for arm64"):
        resolve_scene(board_of(cpus()), Scene(image_arch="riscv64"))


@pytest.mark.parametrize(
    ("scene", "fact"),
    [
        pytest.param({"cpu_va": 52}, ("cpu-va", "52", "given"), id="used"),
        pytest.param(
            {"cpu_va": 39}, ("cpu-va", "39", "given: arm64 has no such width, not used"), id="width"
        ),
        pytest.param(
            {"opensbi": (Span.sized(0x8000_0000, 0x8_0000),)},
            ("opensbi", "0x80000000+0x80000", "given: not used on arm64"),
            id="opensbi",
        ),
        pytest.param({"opensbi": ()}, ("opensbi", "none", "given: not used on arm64"), id="no-opensbi"),
        pytest.param(
            {"behaviour": {"memreserve": "first"}}, ("behaviour", "memreserve=first", "given"), id="behaviour"
        ),
    ],
)
def test_what_was_given_is_among_the_facts_used_or_not(
    scene: dict[str, Any], fact: tuple[str, str, str]
) -> None:
    resolved, _ = resolve_scene(board_of(cpus()), Scene(**scene))
    assert [tuple(found) for found in resolved.facts if found.name == fact[0]] == [fact]


@pytest.mark.parametrize(
    ("scene", "said"),
    [
        pytest.param({"kernel": 5.10}, "kernel: expected text such as '5.10', not 5.1", id="kernel"),
        pytest.param({"memory": Span(0, GIB)}, "memory: expected a tuple of spans", id="one-span"),
        pytest.param({"memory": ((0, GIB),)}, "memory: expected a tuple of spans", id="tuples"),
        pytest.param({"memory": (Span(GIB, 0),)}, "memory: expected 0 <= start < end", id="backwards"),
        pytest.param({"kernel_image": Span(5, 5)}, "kernel_image: expected 0 <= start < end", id="empty"),
        pytest.param({"initrd": Span(0, 1 << 65)}, "initrd: expected 0 <= start < end", id="wide"),
        pytest.param({"dtb_at": -4096}, "dtb_at: expected an address", id="negative"),
        pytest.param({"dtb_at": 1 << 64}, "dtb_at: expected an address", id="beyond"),
    ],
)
def test_a_scene_from_python_is_looked_at(scene: dict[str, Any], said: str) -> None:
    with pytest.raises(SceneError, match=re.escape(said)):
        resolve_scene(board_of(cpus()), Scene(**scene))
