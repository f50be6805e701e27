# SPDX-License-Identifier: Apache-2.0
"""A C header: macros that assembler can use too, and an initialiser for a table of all regions.

Constants have no suffix: hexadecimal ones take the first type that holds them, and assembler knows no suffixes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Exactness
from carveout.report.export.text import about, block_comment, heading, quoted

if TYPE_CHECKING:
    from carveout.report.export.model import Entry, Export

_FLAGS = (("NOMAP", 1), ("REUSABLE", 2), ("MODELLED", 4))


def render(export: Export) -> str:
    """Return the header."""
    whole = export.prefix.rstrip("_").upper() or "RESERVED_MEMORY"
    text = block_comment(heading(export))
    text += f"\n#ifndef {whole}_REGIONS_H\n#define {whole}_REGIONS_H\n\n"
    for entry in export.entries:
        name = entry.identifier.upper()
        text += block_comment(about(entry, export))
        text += f"#define {name}_BASE 0x{entry.address:08x}\n#define {name}_SIZE 0x{entry.size:08x}\n\n"
    text += block_comment(
        iter(("Flags of a region; MODELLED: the place depends on what the scene does not say",))
    )
    text += "".join(f"#define {whole}_FLAG_{name} {value}\n" for name, value in _FLAGS)
    text += f"\n#define {whole}_REGION_COUNT {len(export.entries)}\n\n"
    return text + _table(export, whole) + f"#endif /* {whole}_REGIONS_H */\n"


def _table(export: Export, whole: str) -> str:
    if not export.entries:
        return ""
    lower = whole.lower()
    rows = ", \\\n".join(
        f"\t{{ {quoted(entry.region.name)}, {entry.identifier.upper()}_BASE, {entry.identifier.upper()}_SIZE, "
        f"{_flags(entry, whole)} }}"
        for entry in export.entries
    )
    return (
        "#ifndef __ASSEMBLER__\n"
        f"struct {lower}_region {{\n\tconst char *name;\n\tunsigned long long base;\n"
        "\tunsigned long long size;\n\tunsigned int flags;\n};\n\n"
        + block_comment(iter((f"static const struct {lower}_region regions[] = {whole}_REGIONS_INIT;",)))
        + f"#define {whole}_REGIONS_INIT {{ \\\n{rows} \\\n}}\n#endif\n\n"
    )


def _flags(entry: Entry, whole: str) -> str:
    region = entry.region
    claims = (region.nomap, region.reusable, region.exactness is not Exactness.EXACT)
    named = [f"{whole}_FLAG_{name}" for (name, _), is_set in zip(_FLAGS, claims, strict=True) if is_set]
    return " | ".join(named) or "0"
