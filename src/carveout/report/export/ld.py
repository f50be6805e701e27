# SPDX-License-Identifier: Apache-2.0
"""A linker script to INCLUDE: one MEMORY region and three symbols for each entry.

Source: GNU ld manual, MEMORY command and assignments. No attributes are given to a region: with them ld would put
sections there that nobody named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.export.text import about, block_comment, heading

if TYPE_CHECKING:
    from carveout.report.export.model import Export


def render(export: Export) -> str:
    """Return the script."""
    text = block_comment(heading(export)) + "\nMEMORY\n{\n"
    for entry in export.entries:
        text += block_comment(about(entry, export), "  ")
        text += (
            f"  {entry.identifier.upper()} : ORIGIN = 0x{entry.address:08x}, LENGTH = 0x{entry.size:08x}\n"
        )
    text += "}\n\n"
    for entry in export.entries:
        text += f"__{entry.identifier}_start = 0x{entry.address:08x};\n"
        text += f"__{entry.identifier}_end = 0x{entry.address + entry.size:08x};\n"
        text += f"__{entry.identifier}_size = 0x{entry.size:08x};\n"
    return text
