# SPDX-License-Identifier: Apache-2.0
"""An overlay for Zephyr: one node of `zephyr,memory-region` for each entry, from which Zephyr makes linker regions.

The nodes are in a container of their own, whose cells do not depend on the root's. What /chosen is to say
(`zephyr,ipc_shm`, `zephyr,sram`) is the application's choice, so it is asked for.

Source: Zephyr, dts/bindings/base/zephyr,memory-region.yaml: `reg` and the name of the linker region (binding 6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.export.source import cells
from carveout.report.export.text import about, block_comment, heading

if TYPE_CHECKING:
    from carveout.report.export.model import Export


def render(export: Export) -> str:
    """Return the overlay."""
    wide = any((entry.address + entry.size - 1) >> 32 for entry in export.entries)
    count = 2 if wide else 1
    text = block_comment(heading(export)) + "\n/ {\n"
    if export.chosen:
        text += "\tchosen {\n"
        text += "".join(f"\t\t{prop} = &{identifier};\n" for prop, identifier in export.chosen)
        text += "\t};\n\n"
    text += (
        f"\treserved-memory {{\n\t\t#address-cells = <{count}>;\n\t\t#size-cells = <{count}>;\n\t\tranges;\n"
    )
    seen: set[str] = set()
    for entry in export.entries:
        node = f"memory@{entry.address:x}"
        if node in seen:
            # Two regions at one address: one node cannot be both, and the name tells which it is.
            node = f"{entry.identifier.replace('_', '-')}@{entry.address:x}"
        seen.add(node)
        text += "\n" + block_comment(about(entry, export), "\t\t")
        text += (
            f"\t\t{entry.identifier}: {node} {{\n"
            '\t\t\tcompatible = "zephyr,memory-region";\n'
            f"\t\t\treg = <{cells(entry.address, count)} {cells(entry.size, count)}>;\n"
            f'\t\t\tzephyr,memory-region = "{entry.identifier.upper()}";\n\t\t}};\n'
        )
    return text + "\t};\n};\n"
