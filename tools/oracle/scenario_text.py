# SPDX-License-Identifier: Apache-2.0
"""A scenario written down for people: its parameters in comments, its regions as source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.units import format_size

if TYPE_CHECKING:
    from .scenario import Edit, Region, Scenario


def describe(scenario: Scenario) -> str:
    """Return the scenario as a fragment of device tree source. Addresses count from the start of RAM."""
    said = [f"{scenario.id}: {scenario.title}", f"ram {format_size(scenario.ram)}"]
    if scenario.cmdline:
        said.append(f"command line: {scenario.cmdline}")
    said += [f"/memreserve/ +0x{at:x} 0x{size:x}" for at, size in scenario.memreserve]
    for number, banks in enumerate(scenario.memory):
        node = f" node {scenario.nodes[number]}" if scenario.nodes else ""
        said.append(f"memory{node}: " + ", ".join(f"+0x{at:x} 0x{size:x}" for at, size in banks))
    said += [f"{name} at +0x{at:x}" for name, at in sorted(scenario.places.items())]
    if scenario.initrd:
        said.append("with an initrd")
    if scenario.cells != (2, 2):
        said.append(f"cells of /reserved-memory: {scenario.cells[0]} and {scenario.cells[1]}")
    if not scenario.has_ranges:
        said.append("/reserved-memory has no ranges")
    said += [f"then {_edit(edit)}" for edit in scenario.edits]
    said.append(f"loader: {'raw' if scenario.raw or scenario.needs_raw() else 'qemu'}")
    lines = [f"// {text}" for text in ("SPDX-License-Identifier: Apache-2.0", *said)]
    if scenario.tree is not None:
        return "\n".join([*lines, "// the tree is a whole one, and is not made from this", ""])
    lines += [
        "// addresses count from the start of RAM",
        "/ {",
        "\treserved-memory {",
        *(line for region in scenario.regions for line in _region(region)),
        "\t};",
        "};",
    ]
    return "\n".join(lines) + "\n"


def _edit(edit: Edit) -> str:
    if edit.value is None:
        return f"{edit.path}: {edit.name} is taken out"
    if isinstance(edit.value, bytes):
        return f"{edit.path}: {edit.name} = [{edit.value.hex()}]"
    numbers = " ".join(f"{'+' * one.from_ram}0x{one.value:x}/{one.cells}" for one in edit.value)
    return f"{edit.path}: {edit.name} = <{numbers}> (number/cells)"


def _region(region: Region) -> list[str]:
    name = f"{region.name}@{region.at[0][0]:x}" if region.at else region.name
    body = []
    if region.compatible is not None:
        body.append(f'compatible = "{region.compatible}";')
    if region.status is not None:
        body.append(f'status = "{region.status}";')
    if region.at:
        body.append(f"reg = {_pairs(region.at)};")
    if region.size is not None:
        body.append(f"size = <{_cell(region.size)}>;")
    if region.align is not None:
        body.append(f"alignment = <{_cell(region.align)}>;")
    if region.ranges:
        body.append(f"alloc-ranges = {_pairs(region.ranges)};")
    body += [f"{flag};" for flag in region.flags]
    return [f"\t\t{name} {{", *(f"\t\t\t{line}" for line in body), "\t\t};"]


def _pairs(pairs: tuple[tuple[int, int], ...]) -> str:
    return ", ".join(f"<{_cell(at)} {_cell(size)}>" for at, size in pairs)


def _cell(value: int) -> str:
    return f"0x{value >> 32:x} 0x{value & 0xFFFFFFFF:x}"
