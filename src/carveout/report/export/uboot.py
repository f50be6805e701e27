# SPDX-License-Identifier: Apache-2.0
"""A U-Boot script: the commands that write the regions into the tree at ${fdt_addr_r}, and what lmb reserves.

U-Boot reserves the reservation block and, of each enabled child with `reg`, its first entry; no-map ones as
`no-map`, others as `no-overwrite`. Nodes with `size` only it does not see: after this script it does.

Source: boot_fdt_reserve_region(), boot/image-fdt.c; lmb_dump_region(), lib/lmb.c (U-Boot 2025.01; binding 6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Outcome, RegionKind
from carveout.report.export.source import DYNAMIC_ONLY, cells, flag_names, is_moved, parent_of, writable
from carveout.report.export.text import about, comment_text, heading, line_comments

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carveout.report.export.model import Export
    from carveout.report.export.source import Grouped, Parent

_ROOM = 4096
"""Bytes by which the tree is made larger before, so that the commands find room; more for many regions."""
_ROOM_EACH = 256


def render(export: Export) -> str:
    """Return the script."""
    parent = parent_of(export)
    groups, refused = writable(export, parent)
    lines = [
        *heading(export),
        *(f"left out: {comment_text(x.path)}: {comment_text(x.reason)}" for x in refused),
    ]
    text = line_comments(iter(lines), "#") + "#\n" + line_comments(_lmb(export, groups), "#")
    text += f"\nfdt addr ${{fdt_addr_r}}\nfdt resize 0x{_ROOM + _ROOM_EACH * len(groups):x}\n"
    if not groups:
        return text
    text += f"fdt list {parent.path} || fdt mknode / {parent.path.lstrip('/')}\n"
    text += f"fdt set {parent.path} '#address-cells' <{cells(parent.address_cells, 1)}>\n"
    text += f"fdt set {parent.path} '#size-cells' <{cells(parent.size_cells, 1)}>\n"
    text += f"fdt set {parent.path} ranges\n"
    for group in groups:
        text += "\n" + line_comments(about(group.entries[0], export), "#") + _commands(export, group, parent)
    return text


def _commands(export: Export, group: Grouped, parent: Parent) -> str:
    region = group.region
    path = f"{parent.path}/{region.name}"
    numbers = " ".join(
        f"{cells(e.base, parent.address_cells)} {cells(e.size, parent.size_cells)}" for e in group.entries
    )
    text = f"fdt list {path} || fdt mknode {parent.path} {region.name}\nfdt set {path} reg <{numbers}>\n"
    text += "".join(f"fdt set {path} {name}\n" for name in flag_names(export, group))
    if is_moved(group):
        node = export.board.tree.node(region.path)
        text += "".join(
            f"fdt rm {path} {name}\n" for name in DYNAMIC_ONLY if node is not None and name in node
        )
    return text


def _lmb(export: Export, groups: Sequence[Grouped]) -> Iterator[str]:
    memory = export.boot.scene.memory
    yield "What lmb takes from this tree, after this script, in the form of `bdinfo` (U-Boot adds itself, and what it loads):"
    yield f" memory.count = {len(memory):#x}"
    for number, span in enumerate(memory):
        yield f" memory[{number}] [{span.start:#x}-{span.end - 1:#x}], {span.size:#x} bytes, flags: none"
    rows = [(e.address, e.size, "no-overwrite") for e in export.board.reserve_map if e.size]
    places = {group.region.path: (group.entries[0].base, group.entries[0].size) for group in groups}
    for region in export.boot.regions:
        if region.kind is RegionKind.STATIC and region.outcome is not Outcome.IGNORED:
            # U-Boot knows nothing of why a kernel might refuse it.
            place = (region.requested_base or 0, region.requested_size or 0)
        else:
            place = places.get(region.path, (0, 0))
        if place[1]:
            rows.append((*place, "no-map" if region.nomap else "no-overwrite"))
    merged = _merged(sorted(rows))
    yield f" reserved.count = {len(merged):#x}"
    for number, (base, size, flags) in enumerate(merged):
        yield f" reserved[{number}] [{base:#x}-{base + size - 1:#x}], {size:#x} bytes, flags: {flags}"


def _merged(rows: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    # lmb joins neighbours that have the same flags.
    merged: list[tuple[int, int, str]] = []
    for base, size, flags in rows:
        if merged and merged[-1][2] == flags and merged[-1][0] + merged[-1][1] == base:
            merged[-1] = (merged[-1][0], merged[-1][1] + size, flags)
        else:
            merged.append((base, size, flags))
    return merged
