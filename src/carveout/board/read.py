# SPDX-License-Identifier: Apache-2.0
"""From a tree to a Board: find the nodes that matter for memory and keep what they say.

Which of two candidates a kernel looks at (`reserved-memory` or `reserved-memory@0`, say) differs between
kernels, so all candidates are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import checked_strings, first_cell, is_reachable
from carveout.board.dma import read_dma_ranges
from carveout.board.model import (
    Board,
    Cells,
    Chosen,
    Consumer,
    LegacyRegion,
    MemoryNode,
    RegionNode,
    ReservedMemoryNode,
)
from carveout.fdt.phandles import PHANDLE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from carveout.fdt import Node, Property, Tree

# Names proposed on the lists in 2013 which never became the binding (binding.md sections 1 and 2).
_LEGACY_COMPATIBLES = (
    b"reserved-memory-region",
    b"linux,contiguous-memory-region",
    b"shareable-memory-region",
    b"contiguous-memory",
    b"fsl,qman-backing-store",
    b"reserved-memory",
)
_RESERVED_MEMORY = b"reserved-memory"
_NAME_LENGTH = len(_RESERVED_MEMORY)
# One of these is in each of them but the last.
_LEGACY_WORDS = (b"-memory-region", b"contiguous-memory", b"qman-backing-store")
_LEGACY_PROPERTIES = ("linux,default-contiguous-region", "linux,contiguous-region", "linux,default-cma")

# Compatible of a cpu node → architecture, for what `device_type = "cpu"` nodes carry in practice.
_CPU_PREFIXES = (
    (b"arm,armv8", "arm64"),
    (b"arm,cortex-a3", "arm64"),
    (b"arm,cortex-a5", "arm64"),
    (b"arm,cortex-a6", "arm64"),
    (b"arm,cortex-a7", "arm64"),
    (b"arm,cortex-x", "arm64"),
    (b"arm,kryo", "arm64"),
    (b"arm,neoverse", "arm64"),
    (b"arm,rainier", "arm64"),
    (b"apm,", "arm64"),
    (b"apple,", "arm64"),
    (b"cavium,thunder", "arm64"),
    (b"brcm,brahma-b53", "arm64"),
    (b"brcm,vulcan", "arm64"),
    (b"fujitsu,", "arm64"),
    (b"hisilicon,", "arm64"),
    (b"nvidia,", "arm64"),
    (b"phytium,", "arm64"),
    (b"qcom,kryo", "arm64"),
    (b"qcom,oryon", "arm64"),
    (b"samsung,mongoose", "arm64"),
    (b"ampere", "arm64"),
    (b"arm,", "arm"),
    (b"brcm,brahma-b15", "arm"),
    (b"marvell,", "arm"),
    (b"qcom,krait", "arm"),
    (b"qcom,scorpion", "arm"),
    (b"faraday,", "arm"),
    (b"intel,", "arm"),
    (b"riscv", "riscv64"),
    (b"power", "powerpc64"),
)
# 32-bit cores whose names begin like a 64-bit one.
_CPU_EXACT = {
    b"arm,cortex-a5": "arm",
    b"arm,cortex-a7": "arm",
    b"arm,cortex-a32": "arm",
}


def read_board(tree: Tree, *, is_made_here: bool = False) -> Board:
    """Return what a tree says about memory. Never fails: a malformed node is a fact like any other.

    is_made_here: the tree is not the blob that will be booted, but was compiled or changed on the way here.
    """
    root = tree.root
    reserved = tuple(_reserved_memory(node) for node in tree.top("reserved-memory"))
    model = root.prop("model")
    compatible = root.prop("compatible")
    return Board(
        tree=tree,
        arch=_arch(tree),
        model=_text(model) if model is not None else None,
        compatible=_texts(compatible),
        root_cells=_cells(root),
        memory=tuple(_memory_nodes(tree)),
        reserve_map=tree.reserve_map,
        chosen=tuple(_chosen(node) for node in tree.top("chosen")),
        reserved_memory=reserved,
        reserved_ranges=root.prop("reserved-ranges"),
        consumers=tuple(_consumers(tree)),
        dma_ranges=read_dma_ranges(tree),
        legacy=tuple(_legacy(tree, len(reserved))),
        is_made_here=is_made_here,
    )


def _text(prop: Property) -> str:
    return prop.value.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _texts(prop: Property | None) -> tuple[str, ...]:
    if prop is None:
        return ()
    return tuple(text.decode("utf-8", "surrogateescape") for text in checked_strings(prop))


def _cells(node: Node) -> Cells:
    return Cells(
        address=first_cell(node.prop("#address-cells")),
        size=first_cell(node.prop("#size-cells")),
    )


def _phandle(properties: Mapping[str, Property]) -> int | None:
    for name in PHANDLE_NAMES:
        prop = properties.get(name)
        if prop is not None and prop.length == 4:
            return first_cell(prop)
    return None


def _memory_nodes(tree: Tree) -> Iterator[MemoryNode]:
    for prop in tree.properties_named("device_type"):
        node = prop.node
        if prop.value.split(b"\0", 1)[0] != b"memory":
            continue
        nid = node.prop("numa-node-id")
        yield MemoryNode(
            path=node.path,
            node=node,
            depth=node.depth,
            reg=node.prop("reg"),
            usable=node.prop("linux,usable-memory"),
            status=node.prop("status"),
            hotpluggable="hotpluggable" in node,
            numa_node_id=first_cell(nid),
        )


def _chosen(node: Node) -> Chosen:
    return Chosen(
        path=node.path,
        node=node,
        bootargs=node.prop("bootargs"),
        initrd_start=node.prop("linux,initrd-start"),
        initrd_end=node.prop("linux,initrd-end"),
        elfcorehdr=node.prop("linux,elfcorehdr"),
        usable_memory_range=node.prop("linux,usable-memory-range"),
    )


def _reserved_memory(node: Node) -> ReservedMemoryNode:
    regions: list[RegionNode] = []
    pending = [(child, 1) for child in reversed(node.children)]
    while pending:
        child, depth = pending.pop()
        regions.append(_region(child, depth))
        pending.extend((below, depth + 1) for below in reversed(child.children))
    return ReservedMemoryNode(
        path=node.path,
        node=node,
        cells=_cells(node),
        ranges=node.prop("ranges"),
        regions=tuple(regions),
    )


def _region(node: Node, depth: int) -> RegionNode:
    # One pass over the properties; like the kernel's lookup, the first of two equal names counts.
    found = node.first_properties
    get = found.get
    return RegionNode(
        path=node.path,
        name=node.name,
        node=node,
        depth=depth,
        reg=get("reg"),
        size=get("size"),
        alignment=get("alignment"),
        alloc_ranges=get("alloc-ranges"),
        status=get("status"),
        compatible=get("compatible"),
        iommu_addresses=get("iommu-addresses"),
        no_map="no-map" in found,
        reusable="reusable" in found,
        cma_default="linux,cma-default" in found,
        dma_default="linux,dma-default" in found,
        no_map_fixup="no-map-fixup" in found,
        phandle=_phandle(found),
    )


def _consumers(tree: Tree) -> Iterator[Consumer]:
    for prop in tree.properties_named("memory-region"):
        node = prop.node
        names = _texts(node.prop("memory-region-names"))
        compatible = _texts(node.prop("compatible"))
        enabled = is_reachable(node)
        data = prop.value
        for index in range(len(data) // 4):
            phandle = int.from_bytes(data[4 * index : 4 * index + 4], "big")
            target = tree.by_phandle(phandle)
            yield Consumer(
                path=node.path,
                node=node,
                index=index,
                phandle=phandle,
                name=names[index] if index < len(names) else None,
                region=target.path if target is not None else None,
                compatible=compatible,
                enabled=enabled,
                names=names,
            )


def _may_be_legacy(tree: Tree, nodes: int) -> bool:
    # A look at the bytes saves reading every compatible of an ordinary tree. `reserved-memory` is also the name
    # of the node: `nodes` of them are normal.
    start, end = tree.structure.start, tree.structure.end
    return (
        any(tree.offsets_of(name) for name in _LEGACY_PROPERTIES)
        or any(tree.blob.find(words, start, end) >= 0 for words in _LEGACY_WORDS)
        or sum(tree.blob.startswith(b"\0", at + _NAME_LENGTH) for at in tree.places_of(_RESERVED_MEMORY))
        > nodes
    )


def _legacy(tree: Tree, nodes: int) -> Iterator[LegacyRegion]:
    if not _may_be_legacy(tree, nodes):
        return
    found: dict[str, list[str]] = {}
    for prop in tree.properties_named("compatible"):
        value = prop.value
        if b"memory" not in value and b"backing-store" not in value:
            continue
        for text in value.rstrip(b"\0").split(b"\0"):
            if text in _LEGACY_COMPATIBLES:
                found.setdefault(prop.node.path, []).append(text.decode("ascii"))
    for name in _LEGACY_PROPERTIES:
        for prop in tree.properties_named(name):
            found.setdefault(prop.node.path, []).append(name)
    # v7 of the patches kept the regions in /memory/reserved-memory.
    for node in tree.top("memory"):
        if (below := node.child("reserved-memory")) is not None:
            for region in below.children:
                found.setdefault(region.path, []).append("/memory/reserved-memory")
    for path, names in found.items():
        yield LegacyRegion(path=path, names=tuple(names))


def _arch(tree: Tree) -> str | None:
    cpus = tree.node("/cpus")
    if cpus is None:
        return None
    for node in cpus.children:
        prop = node.prop("compatible")
        strings = checked_strings(prop) if prop is not None else ()
        for text in strings:
            arch = _arch_of(text.lower())
            if arch is not None:
                return arch
        if "riscv,isa" in node or "riscv,isa-base" in node:
            return "riscv64"
        if "ibm,processor-segment-sizes" in node or "ibm,pa-features" in node:
            return "powerpc64"
    return None


def _arch_of(compatible: bytes) -> str | None:
    exact = _CPU_EXACT.get(compatible)
    if exact is not None:
        return exact
    for prefix, arch in _CPU_PREFIXES:
        if compatible.startswith(prefix):
            return arch
    return None
