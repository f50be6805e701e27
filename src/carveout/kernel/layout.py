# SPDX-License-Identifier: Apache-2.0
"""Sizes fixed when a kernel is built: its structures, and the inner borders of its image.

They decide where early allocations land and so where the default contiguous area goes. They were measured
on the booted Debian kernels (kernel-semantics 4.6); for any other build they are an estimate, and results
that depend on them are `modelled`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


class Arm64Layout(NamedTuple):
    """Build constants of an arm64 kernel, in bytes. Offsets are from `_text`."""

    device_node: int
    """sizeof(struct device_node)."""
    property: int
    """sizeof(struct property)."""
    reserved_mem: int
    """sizeof(struct reserved_mem), for the array of the late pass; 0 where the array is static."""
    node_data: int
    image_size: int
    """`_end - _text`."""
    reserved_from: int
    """What the kernel reserves of its image begins here."""
    init_begin: int
    """End of the part of the image that is mapped apart from the linear map."""
    init_pg_dir: tuple[int, int] | None
    """(offset, size) of the tables given back after paging_init()."""
    segments: tuple[int, ...]
    """Borders of the mapped segments of the image; empty where its tables are not allocated."""
    idmap_pages: int
    section_size: int
    """Bytes of RAM in one sparsemem section."""
    section_usage: int
    """Bytes of usage map per section."""
    vmemmap_origin: int
    """Distance of the start of vmemmap from the 512 GiB border below it."""
    vmemmap_head_mapped: bool
    """Whether the tables at the very start of vmemmap exist already."""
    alias_prop: int = 40
    """sizeof(struct alias_prop), before the stem."""
    tree_align: int = 8
    """Alignment of the structures in the unflattened tree: that of a pointer."""


_VMEMMAP_SPAN = 512 * GIB

ARM64_LAYOUTS: dict[tuple[str, int], Arm64Layout] = {
    ("5.10", 4 * KIB): Arm64Layout(
        device_node=168,
        property=88,
        reserved_mem=0,
        node_data=0x2500,
        image_size=0x1AD0000,
        reserved_from=0,
        init_begin=0x1270000,
        init_pg_dir=(0x1AC8000, 0x5000),
        segments=(0, 0xB80000, 0x1270000, 0x12F0000, 0x17C0000, 0x1AD0000),
        idmap_pages=0,
        section_size=1 * GIB,
        section_usage=0x150,
        vmemmap_origin=_VMEMMAP_SPAN - 2 * MIB,
        vmemmap_head_mapped=True,
    ),
    ("6.1", 4 * KIB): Arm64Layout(
        device_node=208,
        property=96,
        reserved_mem=0,
        node_data=0x2C80,
        image_size=0x2010000,
        reserved_from=0x10000,
        init_begin=0x1650000,
        init_pg_dir=(0x200B000, 0x5000),
        segments=(0x10000, 0xD00000, 0x1650000, 0x1700000, 0x1CA0000, 0x2010000),
        idmap_pages=4,
        section_size=128 * MIB,
        section_usage=56,
        vmemmap_origin=0,
        vmemmap_head_mapped=False,
    ),
    ("6.12", 4 * KIB): Arm64Layout(
        device_node=208,
        property=104,
        reserved_mem=48,
        node_data=0x3740,
        image_size=0x24F0000,
        reserved_from=0,
        init_begin=0x1D10000,
        init_pg_dir=None,
        segments=(),
        idmap_pages=0,
        section_size=128 * MIB,
        section_usage=56,
        vmemmap_origin=511 * GIB,
        vmemmap_head_mapped=False,
    ),
    ("6.12", 16 * KIB): Arm64Layout(
        device_node=208,
        property=104,
        reserved_mem=48,
        node_data=0x3880,
        image_size=0x25A0000,
        reserved_from=0,
        init_begin=0x1D40000,
        init_pg_dir=None,
        segments=(),
        idmap_pages=0,
        section_size=128 * MIB,
        section_usage=32,
        vmemmap_origin=0,
        vmemmap_head_mapped=False,
    ),
    ("7.2", 4 * KIB): Arm64Layout(
        device_node=208,
        property=112,
        reserved_mem=40,
        node_data=0x3800,
        image_size=0x2F00000,
        reserved_from=0,
        init_begin=0,
        init_pg_dir=None,
        segments=(),
        idmap_pages=0,
        section_size=128 * MIB,
        section_usage=56,
        vmemmap_origin=0,
        vmemmap_head_mapped=False,
    ),
    ("7.2", 16 * KIB): Arm64Layout(
        device_node=208,
        property=112,
        reserved_mem=40,
        node_data=0x3940,
        image_size=0x2FA0000,
        reserved_from=0,
        init_begin=0,
        init_pg_dir=None,
        segments=(),
        idmap_pages=0,
        section_size=128 * MIB,
        section_usage=32,
        vmemmap_origin=0,
        vmemmap_head_mapped=False,
    ),
}
"""(series, page size) → constants of Debian's kernel."""

_SUBSECTION = 2 * MIB
_RCU_HEAD = 16
_PAGEBLOCK_BITS = 4
_HUGE_PAGE = {4 * KIB: 2 * MIB, 16 * KIB: 32 * MIB, 64 * KIB: 512 * MIB}


def section_usage(section_size: int, pageblock_size: int) -> int:
    """Return the bytes of usage map per section: a bitmap of subsections and one of pageblocks, and a header."""
    bitmaps = (section_size // _SUBSECTION, max(section_size // pageblock_size, 1) * _PAGEBLOCK_BITS)
    return _RCU_HEAD + sum((bits + 63) // 64 * 8 for bits in bitmaps)


def derive_arm64(base: Arm64Layout, page_size: int) -> Arm64Layout:
    """Return what a layout would be with another page size: an estimate, from how the kernel computes it."""
    section = base.section_size
    if page_size == 64 * KIB:
        section = max(section, 512 * MIB)
    return base._replace(
        section_size=section,
        section_usage=section_usage(section, _HUGE_PAGE[page_size]),
        vmemmap_origin=0,
        vmemmap_head_mapped=False,
    )


class PowerpcLayout(NamedTuple):
    """Build constants of a powerpc64 kernel, in bytes, measured on its boots with memblock=debug."""

    device_node: int
    """sizeof(struct device_node)."""
    property: int
    """sizeof(struct property)."""
    reserved_mem: int
    """sizeof(struct reserved_mem), for the array of the late pass; 0 where the array is static."""
    image_size: int
    """What the kernel reserves for itself, from address 0."""
    paca: int
    """sizeof(struct paca_struct), in whole cache lines."""
    stack: int
    """One interrupt or emergency stack."""
    work_area: int
    """The arena for RTAS work areas; 0 where the kernel has none."""
    hash_slots: bool
    """Whether a guest with the hash MMU keeps a byte for each page of RAM."""
    node_data: int
    """NODE_DATA of the first node."""
    alias_prop: int = 40
    """sizeof(struct alias_prop), before the stem."""
    tree_align: int = 8
    """Alignment of the structures in the unflattened tree: that of a pointer."""
    percpu_unit: int = 0
    """The first percpu chunk, where it comes before KVM's contiguous area."""
    booted_on_bare_metal: bool = True
    """False: what only matters there, the last two sizes, is of the other page size's build."""


_POWERPC_72 = PowerpcLayout(
    device_node=208,
    property=112,
    reserved_mem=40,
    image_size=0x2AED000,
    paca=0x500,
    stack=0x8000,
    work_area=0x40000,
    hash_slots=False,
    node_data=0x8280,
    percpu_unit=0x29000,
)
_POWERPC_612 = _POWERPC_72._replace(
    reserved_mem=48, image_size=0x287F000, hash_slots=True, node_data=0x8200, percpu_unit=0
)

POWERPC_LAYOUTS: dict[tuple[str, int], PowerpcLayout] = {
    ("6.1", 64 * KIB): PowerpcLayout(
        device_node=208,
        property=104,
        reserved_mem=0,
        image_size=0x2880000,
        paca=0xD00,
        stack=0x4000,
        work_area=0,
        hash_slots=False,
        node_data=0x5500,
    ),
    ("6.12", 4 * KIB): _POWERPC_612,
    ("6.12", 64 * KIB): _POWERPC_612._replace(image_size=0x2990000, paca=0xD00, booted_on_bare_metal=False),
    ("7.2", 4 * KIB): _POWERPC_72,
    ("7.2", 64 * KIB): _POWERPC_72._replace(image_size=0x2B90000, paca=0xD00, booted_on_bare_metal=False),
}
"""(series, page size) → constants of Debian's kernel."""


class RiscvLayout(NamedTuple):
    """Build constants of a riscv64 kernel, in bytes, measured on its boots with memblock=debug."""

    device_node: int
    """sizeof(struct device_node)."""
    property: int
    """sizeof(struct property)."""
    reserved_mem: int
    """sizeof(struct reserved_mem), for the array of the late pass; 0 where the array is static."""
    node_data: int
    section_size: int
    """Bytes of RAM in one sparsemem section."""
    section_usage: int
    """Bytes of usage map per section."""
    section_address_bits: int
    """Width of the physical addresses that sections are numbered over."""
    image_size: int
    """From _start to _end, as the kernel reserves it."""
    alias_prop: int = 40
    """sizeof(struct alias_prop), before the stem."""
    tree_align: int = 8
    """Alignment of the structures in the unflattened tree: that of a pointer."""


_RISCV_612 = RiscvLayout(
    device_node=208,
    property=104,
    reserved_mem=48,
    node_data=0x2440,
    section_size=128 * MIB,
    section_usage=56,
    section_address_bits=56,
    image_size=32 * MIB,
)

RISCV_LAYOUTS: dict[tuple[str, int], RiscvLayout] = {
    ("6.12", 4 * KIB): _RISCV_612,
    ("7.2", 4 * KIB): _RISCV_612._replace(reserved_mem=40, node_data=0x2A00, image_size=36 * MIB),
}
"""(series, page size) → constants of Debian's kernel."""


class ArmLayout(NamedTuple):
    """Build constants of a 32-bit arm kernel without LPAE, in bytes. Offsets are from PHYS_OFFSET."""

    device_node: int
    """sizeof(struct device_node)."""
    property: int
    """sizeof(struct property)."""
    reserved_mem: int
    """sizeof(struct reserved_mem), for the array of the late pass; 0 where the array is static."""
    image_size: int
    """`_end - _stext`: what the kernel reserves for itself."""
    alias_prop: int = 40
    """sizeof(struct alias_prop), before the stem."""
    tree_align: int = 8
    """Alignment of the structures in the unflattened tree: that of a pointer."""
    stext: int = 0x300000
    """Where the kernel begins: the first section behind its entry point."""
    swapper_pg_dir: tuple[int, int] = (0x204000, 0x4000)
    """(offset, size) of the first-level page table, in front of the entry point."""
    page_offset: int = 0xC0000000
    """PAGE_OFFSET: the virtual address of PHYS_OFFSET (VMSPLIT_3G)."""
    vmalloc_end: int = 0xFF800000
    vmalloc_gap: int = 8 * MIB
    """VMALLOC_OFFSET: the hole between lowmem and vmalloc space."""
    vmalloc_default: int = 240 * MIB
    struct_page: int = 36
    mem_map_align: int = 8 * MIB
    """Both ends of the RAM that mem_map describes are rounded to this: the largest block of pages."""
    paging_pages: tuple[int, int] = (3, 3)
    """Pages that paging_init() takes at the top of lowmem for the vectors and its tables, above and below a page
    that stays free; measured on one machine."""


_ARM_612 = ArmLayout(
    device_node=108, property=56, reserved_mem=24, alias_prop=20, tree_align=4, image_size=0x152C190
)

ARM_LAYOUTS: dict[tuple[str, int], ArmLayout] = {
    ("5.10", 4 * KIB): _ARM_612._replace(device_node=88, property=44, reserved_mem=0, image_size=0x12F42CC),
    ("6.1", 4 * KIB): _ARM_612._replace(property=48, reserved_mem=0, image_size=0x1307588),
    ("6.12", 4 * KIB): _ARM_612,
    ("7.2", 4 * KIB): _ARM_612._replace(reserved_mem=20, image_size=0x17ACE84, paging_pages=(3, 2)),
}
"""(series, page size) → constants of Debian's armmp kernel."""

Layout = Arm64Layout | ArmLayout | PowerpcLayout | RiscvLayout
"""Build constants of any architecture; the first three fields, alias_prop and tree_align are in all of them."""

LAYOUTS: dict[str, Mapping[tuple[str, int], Layout]] = {
    "arm": ARM_LAYOUTS,
    "arm64": ARM64_LAYOUTS,
    "powerpc64": POWERPC_LAYOUTS,
    "riscv64": RISCV_LAYOUTS,
}
"""Architecture → its builds."""
