# SPDX-License-Identifier: Apache-2.0
"""The device tree of a scenario: QEMU's own tree for the machine, with the scenario's nodes put in."""

from __future__ import annotations

import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from carveout.fdt import parse
from carveout.fdt.draft import DraftNode
from carveout.fdt.writer import build
from carveout.span import MIB

if TYPE_CHECKING:
    from collections.abc import Iterable

    from carveout.span import Span

    from .scenario import Cell, Edit, Region, Scenario

_SEEDS = ("rng-seed", "kaslr-seed")
_RESERVED_MEMORY = "reserved-memory"


class TreeError(Exception):
    """The tree of a scenario cannot be made."""


@lru_cache(maxsize=64)
def base_tree(qemu: str, cpu: str, ram: int, smp: int) -> bytes:
    """Return the tree that QEMU makes for its `virt` machine. ram: bytes. Raises: TreeError."""
    with tempfile.TemporaryDirectory() as folder:
        dtb = Path(folder) / "base.dtb"
        command = [qemu, "-M", f"virt,dumpdtb={dtb}", "-cpu", cpu, "-smp", str(smp)]
        command += ["-m", f"{ram // MIB}M", "-display", "none", "-nic", "none"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not dtb.exists():
            raise TreeError(f"{qemu} gives no tree: {done.stderr.strip()[:200]}")
        return dtb.read_bytes()


def scenario_tree(
    scenario: Scenario,
    base: bytes,
    *,
    ram_base: int,
    bootargs: str | None = None,
    initrd: Span | None = None,
) -> bytes:
    """Return the blob to boot with.

    bootargs, initrd: put into /chosen; None where the loader does it.
    """
    root = DraftNode.from_node(parse(base).root)
    for _path, node in root.walk():
        for name in _SEEDS:
            node.properties.pop(name, None)
    chosen = root.child("chosen") or root.add("chosen")
    if bootargs is not None:
        chosen.properties["bootargs"] = bootargs.encode() + b"\0"
    if initrd is not None:
        chosen.properties["linux,initrd-start"] = cells(initrd.start, 2)
        chosen.properties["linux,initrd-end"] = cells(initrd.end, 2)
    if scenario.memory:
        _replace_memory(root, scenario, ram_base)
    if scenario.regions:
        root.children.append(_reserved_memory(scenario, ram_base))
    for edit in scenario.edits:
        _edit(root, edit, ram_base)
    return build(root, reserve_map=[(ram_base + at, size) for at, size in scenario.memreserve])


def cells(value: int, count: int) -> bytes:
    """Return a number as this many cells; higher bits are lost, as they would be in source."""
    return (value & ((1 << 32 * count) - 1)).to_bytes(4 * count, "big")


def _edit(root: DraftNode, edit: Edit, ram_base: int) -> None:
    node = root
    for part in edit.path.split("/"):
        if part:
            node = _child_named(node, part) or node.add(part)
    if edit.value is None:
        node.properties.pop(edit.name, None)
    elif edit.name:
        raw = edit.value if isinstance(edit.value, bytes) else _numbers(edit.value, ram_base)
        node.properties[edit.name] = raw


def _child_named(node: DraftNode, name: str) -> DraftNode | None:
    plain = (child for child in node.children if child.name.partition("@")[0] == name)
    return node.child(name) or next(plain, None)


def _numbers(values: Iterable[Cell], ram_base: int) -> bytes:
    return b"".join(cells(ram_base * one.from_ram + one.value, one.cells) for one in values)


def _replace_memory(root: DraftNode, scenario: Scenario, ram_base: int) -> None:
    root.children = [child for child in root.children if not child.name.startswith("memory")]
    for number, banks in enumerate(scenario.memory):
        placed = [(ram_base + at, size) for at, size in banks]
        node = root.add(f"memory@{placed[0][0]:x}", {"device_type": b"memory\0", "reg": _pairs(placed, 2, 2)})
        if scenario.nodes:
            node.properties["numa-node-id"] = cells(scenario.nodes[number], 1)


def _reserved_memory(scenario: Scenario, ram_base: int) -> DraftNode:
    address, size = scenario.cells
    node = DraftNode(_RESERVED_MEMORY, {"#address-cells": cells(address, 1), "#size-cells": cells(size, 1)})
    if scenario.has_ranges:
        node.properties["ranges"] = b""
    node.children = [_child(region, ram_base, address, size) for region in scenario.regions]
    return node


def _child(region: Region, ram_base: int, address: int, size: int) -> DraftNode:
    properties: dict[str, bytes] = {}
    name = region.name
    if region.compatible is not None:
        properties["compatible"] = region.compatible.encode() + b"\0"
    if region.status is not None:
        properties["status"] = region.status.encode() + b"\0"
    if region.at:
        placed = [(ram_base + at, length) for at, length in region.at]
        name = f"{name}@{placed[0][0]:x}"
        properties["reg"] = _pairs(placed, address, size)
    if region.size is not None:
        properties["size"] = cells(region.size, size)
    if region.align is not None:
        properties["alignment"] = cells(region.align, size)
    if region.ranges:
        properties["alloc-ranges"] = _pairs(((ram_base + at, n) for at, n in region.ranges), address, size)
    properties.update((flag, b"") for flag in region.flags)
    return DraftNode(name, properties)


def _pairs(entries: Iterable[tuple[int, int]], address: int, size: int) -> bytes:
    return b"".join(cells(at, address) + cells(length, size) for at, length in entries)
