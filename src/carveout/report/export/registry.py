# SPDX-License-Identifier: Apache-2.0
"""The formats there are. Each is a module with `render(export: Export) -> str`, imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from carveout.report.export.model import Export


class Exporter(NamedTuple):
    """One format."""

    module: str
    summary: str
    needs_entries: bool = True
    """False: it shows more than regions, and makes sense without any."""


EXPORTERS = {
    "ld": Exporter("ld", "MEMORY regions and symbols of a GNU linker script"),
    "c": Exporter("c_header", "a C header: macros, also for assembler, and a table"),
    "rust": Exporter("rust", "constants and a table in Rust, without std"),
    "zephyr": Exporter("zephyr", "a Zephyr overlay: nodes of zephyr,memory-region"),
    "uboot": Exporter("uboot", "a U-Boot script: fdt commands, and what lmb reserves"),
    "dts": Exporter("dts", "device tree source to include, with reg"),
    "dtso": Exporter("dtso", "a device tree overlay, with reg"),
    "csv": Exporter("table_csv", "one line a region"),
    "json": Exporter("table_json", "schema carveout.export/1"),
    "iomem": Exporter("iomem", "what /proc/iomem of this kernel shows", needs_entries=False),
}


def render(name: str, export: Export) -> str:
    """Return an export as text in a format of EXPORTERS."""
    module = import_module(f"carveout.report.export.{EXPORTERS[name].module}")
    return cast("Callable[[Export], str]", module.render)(export)
