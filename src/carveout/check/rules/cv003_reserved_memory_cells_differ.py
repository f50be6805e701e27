# SPDX-License-Identifier: Apache-2.0
"""The cells of /reserved-memory are not those of the root.

What it checks
--------------
`#address-cells` and `#size-cells` of `/reserved-memory` against the root's; an absent one of the root counts as 1.

Why it matters
--------------
Linux reads all regions with the cells of the root and therefore refuses a node that has others: nothing below it is
reserved.

Kernel behaviour
----------------
All versions: `Reserved memory: unsupported node format, ignoring`. U-Boot reads the node with its own cells and sees
the regions, so that the boot loader works and the kernel does not.

Example
-------
See `bad`: an overlay for a 32-bit board on a root with two cells each.

Fix
---
Give the node the root's cells. If the values below were written for the node's own cells they have to be written
anew; `--fix` does that where it is certain which cells they were written for.

Known limits
------------
Whether values below were written for the one or the other is judged by their lengths, and where both would do by unit addresses.

References
----------
__reserved_mem_check_root(), drivers/of/of_reserved_mem.c; kernel-semantics 3.1; udmabuf issue 104, openvmm issue
2110; binding rule ST04.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import entries
from carveout.check.context import cells
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity
from carveout.check.structure import resized

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.board import RegionNode, ReservedMemoryNode
    from carveout.check.context import BoardContext
    from carveout.fdt import Property

_WIDEST = 2


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield the problem, one for both kinds of cells."""
    parent = context.reserved_memory
    if parent is None or parent.cells.address is None or parent.cells.size is None:
        return
    if parent.cells == (context.address_cells, context.size_cells):
        return
    edits = _edits(context, parent)
    fix = f"set #address-cells to {context.address_cells} and #size-cells to {context.size_cells}"
    yield Problem(
        path=parent.path,
        prop="#size-cells" if parent.cells.address == context.address_cells else "#address-cells",
        message=(
            f"#address-cells and #size-cells are {parent.cells.address} and {parent.cells.size}, the root's are "
            f"{context.address_cells} and {context.size_cells}; Linux ignores all nodes below and prints "
            '"Reserved memory: unsupported node format, ignoring"'
        ),
        fix=f"{fix}, and write the values below for them",
        edits=edits,
    )


def _edits(context: BoardContext, parent: ReservedMemoryNode) -> tuple[Edit, ...]:
    # None at all when it is not certain which cells the values were written for.
    own = parent.cells.address or 0, parent.cells.size or 0
    root = context.address_cells, context.size_cells
    if not all(1 <= width <= _WIDEST for width in (*own, *root)):
        return ()
    changed: list[Edit] = []
    for region in parent.regions:
        if region.depth == 1:
            found = _region_edits(region, own, root)
            if found is None:
                return ()
            changed += found
    return (
        Edit(EditKind.SET, parent.path, "#address-cells", cells(root[0], width=1)),
        Edit(EditKind.SET, parent.path, "#size-cells", cells(root[1], width=1)),
        *changed,
    )


def _region_edits(region: RegionNode, own: tuple[int, int], root: tuple[int, int]) -> list[Edit] | None:
    changed: list[Edit] = []
    for prop in (region.reg, region.alloc_ranges):
        if prop is None:
            continue
        if prop.length == 0 or prop.length % (4 * sum(own)):
            return None
        if prop.length % (4 * sum(root)) == 0 and not (
            prop is region.reg and _is_named_by(region, prop, own) and not _is_named_by(region, prop, root)
        ):
            return None
        value = b""
        for base, size in entries(prop.value, *own):
            if base >> (32 * root[0]) or size >> (32 * root[1]):
                return None
            value += cells(base, width=root[0]) + cells(size, width=root[1])
        changed.append(Edit(EditKind.SET, region.path, prop.name, value))
    for prop, had, want in ((region.size, own[1], root[1]), (region.alignment, own[0], root[0])):
        if prop is None or prop.length == 4 * want:
            continue
        new = resized(prop.value, want) if prop.length == 4 * had else None
        if new is None:
            return None
        changed.append(Edit(EditKind.SET, region.path, prop.name, new))
    return changed


def _is_named_by(region: RegionNode, prop: Property, widths: tuple[int, int]) -> bool:
    # Whether the unit address is the first address, if the values are read with these cells.
    unit, (first, _) = region.node.unit_address, next(iter(entries(prop.value, *widths)))
    return unit is not None and unit.removeprefix("0x").lstrip("0").lower() == f"{first:x}".lstrip("0")


RULE = Rule(
    code="CV003",
    slug="reserved-memory-cells-differ",
    severity=Severity.ERROR,
    summary="the cells of /reserved-memory are not those of the root",
    board=check,
    covers=("ST04", "corpus-cells-differ"),
    bad=(
        Example("""
            / { reserved-memory { #address-cells = <2>; #size-cells = <1>; ranges;
                fw@50000000 { reg = <0x0 0x50000000 0x100000>; no-map; };
            }; };
        """),
        Example("""
            / { reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges;
                pool { compatible = "shared-dma-pool"; reusable; size = <0x4000000>; alignment = <0x200000>;
                       alloc-ranges = <0x40000000 0x20000000>; };
            }; };
        """),
        Example("""
            / { reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges;
                fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
            }; };
        """),
    ),
    good=(
        Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),
        Example(
            """/ { reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges;
                fw@50000000 { reg = <0x50000000 0x100000>; }; }; };""",
            whole=True,
        ),
    ),
)
