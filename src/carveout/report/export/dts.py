# SPDX-License-Identifier: Apache-2.0
"""Device tree source to include behind a board's own: the regions where this boot has them.

What says where a dynamic region may go is deleted, since `reg` says where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.export.source import DYNAMIC_ONLY, is_moved, parent_of, properties, writable
from carveout.report.export.text import about, block_comment, comment_text, heading

if TYPE_CHECKING:
    from carveout.report.export.model import Export


def render(export: Export) -> str:
    """Return the source, without /dts-v1/, which the board's source has."""
    parent = parent_of(export)
    groups, refused = writable(export, parent)
    lines = [
        *heading(export),
        *(f"left out: {comment_text(x.path)}: {comment_text(x.reason)}" for x in refused),
    ]
    text = block_comment(iter(lines))
    text += f"/ {{\n\t{parent.path.lstrip('/')} {{\n"
    text += f"\t\t#address-cells = <{parent.address_cells}>;\n\t\t#size-cells = <{parent.size_cells}>;\n\t\tranges;\n"
    for group in groups:
        text += "\n" + block_comment(about(group.entries[0], export), "\t\t")
        text += f"\t\t{group.region.name} {{\n"
        text += "".join(f"\t\t\t{statement}\n" for statement in properties(export, group, parent))
        if is_moved(group):
            text += "".join(f"\t\t\t/delete-property/ {name};\n" for name in DYNAMIC_ONLY)
        text += "\t\t};\n"
    return text + "\t};\n};\n"
