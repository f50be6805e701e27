# SPDX-License-Identifier: Apache-2.0
"""Rust: constants and a table, of core types only; for `mod` or `include!`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Exactness
from carveout.report.export.text import about, heading, line_comments, quoted

if TYPE_CHECKING:
    from carveout.report.export.model import Entry, Export


def render(export: Export) -> str:
    """Return the source."""
    whole = export.prefix.rstrip("_") or "reserved_memory"
    kind = "".join(word.capitalize() for word in whole.split("_") if word) + "Region"
    text = line_comments(heading(export), "//") + "\n"
    for entry in export.entries:
        name = entry.identifier.upper()
        text += line_comments(about(entry, export), "///")
        text += f"#[allow(dead_code)]\npub const {name}_BASE: u64 = 0x{entry.address:08x};\n"
        text += f"#[allow(dead_code)]\npub const {name}_SIZE: u64 = 0x{entry.size:08x};\n\n"
    fields = "".join(
        f"    pub {field}: {of},\n"
        for field, of in (
            ("name", "&'static str"),
            ("base", "u64"),
            ("size", "u64"),
            ("nomap", "bool"),
            ("reusable", "bool"),
            ("exact", "bool"),
        )
    )
    text += "/// One region; `exact` is false where the place depends on what the scene does not say.\n"
    text += f"#[allow(dead_code)]\n#[derive(Clone, Copy, Debug, PartialEq, Eq)]\npub struct {kind} {{\n{fields}}}\n\n"
    rows = "".join(_row(entry, kind) for entry in export.entries)
    table = f"{whole.upper()}_REGIONS: [{kind}; {len(export.entries)}]"
    return text + f"#[allow(dead_code)]\npub const {table} = [\n{rows}];\n"


def _row(entry: Entry, kind: str) -> str:
    region, name = entry.region, entry.identifier.upper()
    values = (
        ("name", quoted(region.name).replace("?\\?", "??")),
        ("base", f"{name}_BASE"),
        ("size", f"{name}_SIZE"),
        ("nomap", str(region.nomap).lower()),
        ("reusable", str(region.reusable).lower()),
        ("exact", str(region.exactness is Exactness.EXACT).lower()),
    )
    return f"    {kind} {{ " + ", ".join(f"{field}: {value}" for field, value in values) + " },\n"
