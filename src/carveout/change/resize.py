# SPDX-License-Identifier: Apache-2.0
"""A tree with other sizes for its regions: changed, booted, and what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import BootOutcome, Outcome
from carveout.change.trial import attempt, region_at
from carveout.errors import UsageError
from carveout.fdt.edit import set_property
from carveout.span import Span
from carveout.units import format_range, format_size
from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carveout.boot.scene import Scene
    from carveout.fdt import Tree

_PARENT = "/reserved-memory"


class Resized(NamedTuple):
    """What a boot with the new sizes gives."""

    blob: bytes
    works: bool
    """It boots, and every pool has its new size."""
    lines: tuple[str, ...]


def size_cells_of(tree: Tree) -> int:
    """Return #size-cells of /reserved-memory; 2 where the tree has none that can be read."""
    node = tree.node(_PARENT)
    prop = node.prop("#size-cells") if node is not None else None
    if prop is None or len(prop.value) != 4:
        return 2
    value = int.from_bytes(prop.value, "big")
    return value if value in (1, 2) else 2


def resize(
    tree: Tree, scene: Scene, sizes: Mapping[str, int], *, cells: int, is_made_here: bool = False
) -> Resized:
    """Return what becomes of a tree whose regions get these sizes, by path in bytes.

    cells: #size-cells of /reserved-memory. A region with `reg` keeps its base. Raises: UsageError for a size that its property cannot hold.
    """
    for path, size in sizes.items():
        tree = _with_size(tree, path, size, cells)
    trial = attempt(tree, [scene], is_made_here=is_made_here)
    result = trial.boots[0]
    lines = []
    works = result.outcome is BootOutcome.OK
    if not works:
        lines.append(f"booted with it: the kernel does not come up: {result.failure}")
    for path, size in sizes.items():
        region = region_at(result, path)
        if region is not None and region.outcome is Outcome.PLACED and region.base is not None:
            span = Span.sized(region.base, region.size or size)
            lines.append(
                f"booted with it: {region.name} is at {format_range(span)}, {format_size(span.size)}"
            )
            works = works and region.pool is not None
            if region.pool is None:
                lines.append(f"  but the kernel makes no pool of it: {region.why}")
            continue
        works = False
        why = region.why if region is not None else "there is no such region"
        lines.append(f"booted with it: {path} with {format_size(size)} is not placed: {why}")
    return Resized(tree.blob, works, tuple(lines))


def size_cells(value: int, cells: int) -> bytes:
    """Return a size as the value of a property. Raises: UsageError when it does not fit its cells."""
    if value >= 1 << 32 * cells:
        raise UsageError(f"0x{value:x} does not fit {cells} cells of 32 bits")
    return value.to_bytes(4 * cells, "big")


def _with_size(tree: Tree, path: str, size: int, cells: int) -> Tree:
    node = tree.node(path)
    reg = node.prop("reg") if node is not None else None
    if reg is None:
        return set_property(tree, path, "size", size_cells(size, cells))
    value = reg.value
    return set_property(tree, path, "reg", value[: len(value) - 4 * cells] + size_cells(size, cells))
