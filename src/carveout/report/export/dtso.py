# SPDX-License-Identifier: Apache-2.0
"""An overlay that puts the regions where this boot has them.

An overlay can take no property away: a dynamic region keeps `size`, and every kernel here prefers `reg`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.export.source import is_moved, parent_of, properties, writable
from carveout.report.export.text import about, block_comment, comment_text, heading

if TYPE_CHECKING:
    from carveout.report.export.model import Export


def render(export: Export) -> str:
    """Return the source of the overlay."""
    parent = parent_of(export)
    groups, refused = writable(export, parent)
    lines = [
        *heading(export),
        *(f"left out: {comment_text(x.path)}: {comment_text(x.reason)}" for x in refused),
    ]
    text = block_comment(iter(lines)) + f"/dts-v1/;\n/plugin/;\n\n&{{{parent.path}}} {{\n"
    text += f"\t#address-cells = <{parent.address_cells}>;\n\t#size-cells = <{parent.size_cells}>;\n"
    for group in groups:
        text += "\n" + block_comment(about(group.entries[0], export), "\t")
        if is_moved(group):
            text += "\t/* size, alignment and alloc-ranges stay in the tree; reg is what counts */\n"
        text += f"\t{group.region.name} {{\n"
        text += "".join(f"\t\t{statement}\n" for statement in properties(export, group, parent))
        text += "\t};\n"
    return text + "};\n"
