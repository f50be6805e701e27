# SPDX-License-Identifier: Apache-2.0
"""What device tree source needs: cells, names that dtc can read, and the body of a region's node."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.boot.result import RegionKind
from carveout.report.export.model import LeftOut
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carveout.boot.result import PlacedRegion
    from carveout.report.export.model import Entry, Export

_NODE_NAME = re.compile(r"[A-Za-z0-9,._+-]+(@[A-Za-z0-9,._+-]+)?")
_PATH = re.compile(r"(/[A-Za-z0-9,._+-]+(@[A-Za-z0-9,._+-]+)?)+")
_DEFAULT_CELLS = 1
"""Of a node without #address-cells or #size-cells; as the kernel's OF_ROOT_NODE_*_CELLS_DEFAULT for the root."""
DYNAMIC_ONLY = ("size", "alignment", "alloc-ranges")
"""Properties that say where a region may go; with a reg they have no meaning."""
_FLAGS = ("no-map", "reusable", "linux,cma-default", "linux,dma-default")


class Parent(NamedTuple):
    """The node that holds the regions, with its cells."""

    path: str
    address_cells: int
    size_cells: int


class Grouped(NamedTuple):
    """One region with all its entries."""

    region: PlacedRegion
    entries: tuple[Entry, ...]


def parent_of(export: Export) -> Parent:
    """Return the /reserved-memory node of the board's tree."""
    for found in export.board.reserved_memory:
        cells = found.cells
        return Parent(
            found.path,
            _DEFAULT_CELLS if cells.address is None else cells.address,
            _DEFAULT_CELLS if cells.size is None else cells.size,
        )
    return Parent("/reserved-memory", 2, 2)


def grouped(entries: Sequence[Entry]) -> list[Grouped]:
    """Return the entries by region, in order."""
    found: list[Grouped] = []
    for entry in entries:
        if entry.part and found and found[-1].region is entry.region:
            found[-1] = Grouped(entry.region, (*found[-1].entries, entry))
        else:
            found.append(Grouped(entry.region, (entry,)))
    return found


def writable(export: Export, parent: Parent) -> tuple[list[Grouped], list[LeftOut]]:
    """Return the regions that source can name and whose numbers fit into the parent's cells, and the others."""
    good: list[Grouped] = []
    bad: list[LeftOut] = []
    for group in grouped(export.entries):
        reason = _refusal(group, parent)
        if reason is None:
            good.append(group)
        else:
            bad.append(LeftOut(group.region.path, reason))
    return good, bad


def _refusal(group: Grouped, parent: Parent) -> str | None:
    if not is_path(parent.path) or not is_node_name(group.region.name):
        return "its name cannot be written in source"
    if group.region.path.rpartition("/")[0] != parent.path:
        return f"it is not a child of {parent.path}"
    for entry in group.entries:
        if entry.base >> 32 * parent.address_cells or entry.size >> 32 * parent.size_cells:
            return f"its place does not fit into {parent.address_cells} + {parent.size_cells} cells"
    return None


def is_node_name(name: str) -> bool:
    """Say whether dtc and U-Boot's shell read a name as it stands."""
    return _NODE_NAME.fullmatch(name) is not None


def is_path(path: str) -> bool:
    """Say whether all names of a path can be written."""
    return _PATH.fullmatch(path) is not None


def cells(value: int, count: int) -> str:
    """Return a number as so many cells, highest first."""
    return " ".join(f"0x{value >> 32 * at & 0xFFFFFFFF:x}" for at in range(count - 1, -1, -1))


def reg(entries: Sequence[Entry], address_cells: int, size_cells: int) -> str:
    """Return the value of `reg`: one group in angle brackets for each entry."""
    return ", ".join(f"<{cells(e.base, address_cells)} {cells(e.size, size_cells)}>" for e in entries)


def strings(values: Sequence[str]) -> str:
    """Return a list of strings, byte for byte what the tree has."""
    return ", ".join('"' + "".join(_character(byte) for byte in _bytes(value)) + '"' for value in values)


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _character(byte: int) -> str:
    char = chr(byte)
    if char in '"\\':
        return "\\" + char
    # Octal: three digits end the escape, whatever follows.
    return char if char.isascii() and char.isprintable() else f"\\{byte:03o}"


def flag_names(export: Export, group: Grouped) -> list[str]:
    """Return the empty properties of a region that say what it is for."""
    node = export.board.tree.node(group.region.path)
    return [name for name in _FLAGS if node is not None and name in node]


def properties(export: Export, group: Grouped, parent: Parent) -> Iterator[str]:
    """Yield the properties of a region's node as statements."""
    region = group.region
    if region.compatible and all(region.compatible):
        yield f"compatible = {strings(region.compatible)};"
    yield f"reg = {reg(group.entries, parent.address_cells, parent.size_cells)};"
    for name in flag_names(export, group):
        yield f"{name};"


def is_moved(group: Grouped) -> bool:
    """Say whether the tree leaves the place to the kernel, so that the export fixes it."""
    return group.region.kind is RegionKind.DYNAMIC
