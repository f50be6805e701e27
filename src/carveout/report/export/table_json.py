# SPDX-License-Identifier: Apache-2.0
"""The same as JSON, schema carveout.export/1: addresses and sizes are hexadecimal strings, as in carveout.map/1."""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING

from carveout.report.export.model import origin

if TYPE_CHECKING:
    from carveout.report.export.model import Entry, Export

SCHEMA = "carveout.export/1"


def render(export: Export) -> str:
    """Return indented JSON text in ASCII, ended by a newline."""
    scene = export.boot.scene
    value = {
        "schema": SCHEMA,
        "board": export.title,
        "scene": {
            "kernel": scene.kernel,
            "arch": scene.arch,
            "page_size": hex(scene.page_size),
            "preset": scene.preset,
        },
        "outcome": str(export.boot.outcome),
        "device": export.device,
        "regions": [_row(entry, export) for entry in export.entries],
        "left_out": [{"path": left.path, "reason": left.reason} for left in export.left_out],
        "notes": list(export.boot.notes),
    }
    return dumps(value, indent=1) + "\n"


def _row(entry: Entry, export: Export) -> dict[str, object]:
    region = entry.region
    return {
        "identifier": entry.identifier,
        "name": region.name,
        "path": region.path,
        "part": entry.part,
        "base": hex(entry.base),
        "size": hex(entry.size),
        "device_base": None if entry.device_base is None else hex(entry.device_base),
        "kind": str(region.kind),
        "nomap": region.nomap,
        "reusable": region.reusable,
        "pool": region.pool,
        "compatible": list(region.compatible),
        "exactness": str(region.exactness),
        "origin": origin(entry, export.boot),
        "why": region.why,
    }
