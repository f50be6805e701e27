# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies for boards and scenes: plausible ones, and ones with arbitrary bytes in their properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hypothesis import strategies as st

from carveout.boot.scene import Scene
from carveout.span import GIB, MIB, Span
from support.boards import (
    DTB_AT,
    IMAGES,
    KERNELS,
    board_of,
    cells,
    cpus,
    memory,
    node,
    region,
    reserved_memory,
    text,
    usual_scene,
    wide,
)

if TYPE_CHECKING:
    from carveout.board import Board
    from carveout.fdt.draft import DraftNode


class Case(NamedTuple):
    """A board, and a scene to boot it in."""

    board: Board
    scene: Scene


BUILDS = tuple(IMAGES)
_PAGE = 0x1000
_banks = st.sampled_from(
    [
        (Span.sized(0x4000_0000, GIB),),
        (Span.sized(0x4000_0000, 256 * MIB), Span.sized(0x6000_0000, 512 * MIB)),
        (Span.sized(0x4000_0000, 512 * MIB), Span.sized(0x6000_0000, 512 * MIB)),
        (Span.sized(0x4000_0000, GIB), Span.sized(4 * GIB, 2 * GIB)),
        (Span.sized(0x4000_0000, 4 * GIB),),
    ]
)
# Places where something is, and some where nothing is.
_bases = st.one_of(
    st.integers(0x4_0000, 0x8_1000).map(lambda page: page * _PAGE),
    st.sampled_from([0x4020_0000, DTB_AT, 0x5000_0000, 0x5020_0000, 0x6000_0000, 0x1000_0000]),
)
_sizes = st.one_of(
    st.sampled_from([_PAGE, 64 * 1024, MIB, 2 * MIB, 3 * MIB, 4 * MIB, 16 * MIB, 64 * MIB]),
    st.integers(1, 8 * MIB),
)
_flags = st.lists(
    st.sampled_from(["no-map", "reusable", "linux,cma-default", "linux,dma-default"]), max_size=2, unique=True
)
_compatibles = st.sampled_from([None, "shared-dma-pool", "shared-dma-pool", "ramoops", "restricted-dma-pool"])
_status = st.sampled_from([None, None, None, "okay", "disabled"])
_windows = st.lists(st.tuples(_bases, _sizes), min_size=1, max_size=2)


@st.composite
def _region(draw: st.DrawFn, number: int) -> DraftNode:
    flags, compatible, status = draw(_flags), draw(_compatibles), draw(_status)
    if draw(st.booleans()):
        base, size = draw(_bases), draw(_sizes)
        return region(
            f"s{number}@{base:x}",
            *flags,
            reg=[(base, size)],
            compatible=compatible,
            status=status,
            phandle=number + 1,
        )
    return region(
        f"d{number}",
        *flags,
        size=draw(_sizes),
        alignment=draw(st.sampled_from([None, None, 0x1000, 0x10_0000, 0x40_0000])),
        alloc_ranges=draw(st.one_of(st.just([]), _windows)),
        compatible=compatible,
        status=status,
        phandle=number + 1,
    )


_command_lines = st.sampled_from(
    ["", "", "cma=16M", "cma=0", "cma=32M@0x58000000", "mem=768M", "crashkernel=64M", "movable_node nokaslr"]
)


@st.composite
def cases(draw: st.DrawFn, *, complete: bool = True) -> Case:
    """A plausible board with up to eight regions, and a scene. complete: the scene says all there is to say."""
    count = draw(st.integers(0, 8))
    regions = [draw(_region(number)) for number in range(count)]
    devices = [
        node(
            f"dev@{number}", {"memory-region": cells(*draw(st.lists(st.integers(1, count + 1), max_size=3)))}
        )
        for number in range(draw(st.integers(0, 2)))
    ]
    banks = draw(_banks)
    reserve = draw(st.lists(st.tuples(_bases, st.integers(1, MIB)), max_size=2))
    board = board_of(
        cpus(),
        memory(*((bank.start, bank.size) for bank in banks)),
        *([reserved_memory(*regions)] if regions else []),
        *devices,
        reserve=reserve,
    )
    kernel, page_size = draw(st.sampled_from(BUILDS))
    changes: dict[str, object] = {
        "page_size": page_size,
        "cmdline": draw(_command_lines),
        "initrd": draw(st.sampled_from([None, Span.sized(0x4900_0000, 8 * MIB + 5)])),
    }
    if not complete:
        for name in draw(st.lists(st.sampled_from(["kernel_image", "dtb_at"]), min_size=1, unique=True)):
            changes[name] = None
    return Case(board, usual_scene(kernel, **changes))


# ---- arbitrary bytes ---------------------------------------------------------------------------------------
_names = st.sampled_from(
    [
        "reg", "size", "alignment", "alloc-ranges", "status", "compatible", "no-map", "reusable", "phandle",
        "linux,phandle", "ranges", "#address-cells", "#size-cells", "device_type", "memory-region", "name",
        "memory-region-names", "linux,cma-default", "linux,usable-memory", "hotpluggable", "numa-node-id",
        "linux,usable-memory-range", "linux,elfcorehdr", "linux,initrd-start", "linux,initrd-end", "bootargs",
        "dma-ranges", "distance-matrix", "kaslr-seed", "linux,uefi-mmap-start", "linux,uefi-mmap-size", "serial0",
        "iommu-addresses", "reserved-ranges", "riscv,isa", "mmu-type",
    ]
)  # fmt: skip
_numbers = st.sampled_from(
    [
        0,
        1,
        0xFFF,
        0x1000,
        0x2000_0000,
        0x4000_0000,
        0x5000_0000,
        0x8000_0000,
        1 << 32,
        1 << 63,
        (1 << 64) - 0x1000,
    ]
)
_values = st.one_of(
    st.binary(max_size=20),
    st.lists(_numbers, max_size=4).map(lambda numbers: wide(*numbers)),
    st.lists(st.integers(0, 9), max_size=4).map(lambda numbers: cells(*numbers)),
    st.sampled_from(
        [b"okay\0", b"disabled", b"memory\0", b"cpu\0", b"shared-dma-pool\0", b"restricted-dma-pool\0",
         b"numa-distance-map-v1\0", b"\xff\xfe\0", b"/reserved-memory\0", b"cma=64M@0x50000000 mem=1G\0"]
    ),
)  # fmt: skip
_properties = st.dictionaries(_names, _values, max_size=5)
_wild_regions = st.lists(
    st.builds(node, st.sampled_from(["a", "b@1", "c@50000000", "d", "e"]), _properties),
    max_size=5,
    unique_by=lambda found: found.name,
)


@st.composite
def wild_cases(draw: st.DrawFn) -> Case:
    """A board with arbitrary bytes in the properties that matter, and a scene that may make no sense."""
    parent = node(
        draw(st.sampled_from(["reserved-memory", "reserved-memory", "reserved-memory@0"])),
        {
            "#address-cells": cells(2),
            "#size-cells": cells(2),
            "ranges": b"",
            **draw(st.one_of(st.just({}), _properties)),
        },
        *draw(_wild_regions),
    )
    ram = memory((0x4000_0000, GIB), extra=draw(st.one_of(st.just({}), _properties)))
    others = [
        node(name, draw(_properties))
        for name in draw(
            st.lists(
                st.sampled_from(["chosen", "aliases", "soc", "distance-map", "memory@1"]),
                max_size=4,
                unique=True,
            )
        )
    ]
    processor = draw(st.sampled_from(["arm,cortex-a53", "arm,cortex-a9", "riscv", "PowerPC,POWER9", "none"]))
    usual_root = {"#address-cells": cells(2), "#size-cells": cells(2), "compatible": text("vendor,board")}
    board = board_of(
        cpus(processor),
        ram,
        parent,
        *others,
        root={**usual_root, **draw(st.one_of(st.just({}), _properties))},
        reserve=draw(st.lists(st.tuples(_numbers, _numbers).filter(any), max_size=3)),
    )
    places = st.one_of(st.none(), st.builds(Span, _numbers, _numbers))
    scene = Scene(
        kernel=draw(st.sampled_from([None, *KERNELS, "6.6", "6.18", "6.12.107+deb13-arm64-16k", "nonsense"])),
        arch=draw(st.sampled_from([None, None, "arm64", "arm", "riscv64", "powerpc64", "vax"])),
        page_size=draw(st.sampled_from([None, None, None, 4096, 16384, 65536, 3])),
        memory=tuple(draw(st.lists(st.builds(Span, _numbers, _numbers), max_size=2))),
        cmdline=draw(st.one_of(st.none(), st.text(max_size=20), _command_lines)),
        kernel_image=draw(places),
        dtb_at=draw(st.one_of(st.none(), _numbers)),
        initrd=draw(places),
        efi=draw(st.booleans()),
        cpu_va=draw(st.sampled_from([None, 39, 48, 52])),
    )
    return Case(board, scene)
