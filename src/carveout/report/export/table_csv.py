# SPDX-License-Identifier: Apache-2.0
"""One line a region, as RFC 4180 has it; no cell is a formula to a spreadsheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.export.model import origin
from carveout.report.words import safe

if TYPE_CHECKING:
    from carveout.report.export.model import Entry, Export

_COLUMNS = ("identifier", "name", "path", "base", "last", "size", "device_base", "kind", "nomap", "reusable", "pool",
            "compatible", "exactness", "origin", "why")  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(export: Export) -> str:
    """Return the table with its heading, and behind it a line for each region that was left out, without place."""
    rows = [",".join(_COLUMNS), *(",".join(_row(entry, export)) for entry in export.entries)]
    for left in export.left_out:
        values = {
            "path": left.path,
            "name": left.path.rpartition("/")[2],
            "exactness": "",
            "why": left.reason,
        }
        rows.append(",".join(_cell(values.get(column, "")) for column in _COLUMNS))
    return "\r\n".join(rows) + "\r\n"


def _row(entry: Entry, export: Export) -> list[str]:
    region = entry.region
    values = (
        entry.identifier,
        region.name,
        region.path,
        f"0x{entry.base:08x}",
        f"0x{entry.base + entry.size - 1:08x}",
        f"0x{entry.size:08x}",
        "" if entry.device_base is None else f"0x{entry.device_base:08x}",
        str(region.kind),
        "yes" if region.nomap else "no",
        "yes" if region.reusable else "no",
        region.pool or "",
        " ".join(region.compatible),
        str(region.exactness),
        origin(entry, export.boot),
        region.why,
    )
    return [_cell(value) for value in values]


def _cell(text: str) -> str:
    shown = safe(text, limit=2000)
    if shown.startswith(_FORMULA):
        shown = "'" + shown
    return '"' + shown.replace('"', '""') + '"' if any(char in shown for char in ',"') else shown
