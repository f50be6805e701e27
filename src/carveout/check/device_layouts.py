# SPDX-License-Identifier: Apache-2.0
"""Devices whose binding says how many regions they have, and what these are called.

A small table: only bindings with a fixed list, each read from the binding named beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.values import NamedTuple

if TYPE_CHECKING:
    from carveout.board import Consumer


class Layout(NamedTuple):
    """The lists a binding accepts for `memory-region`."""

    names: tuple[tuple[str, ...], ...]
    """Each list, by the names of its entries in `memory-region-names`; plain words where the binding has no names."""
    binding: str
    """File below Documentation/devicetree/bindings."""
    has_names: bool = True


_R5F = Layout(
    (
        ("dma", "firmware"),
        ("dma", "ipc", "lpm-stub", "lpm-metadata", "lpm-context", "dm-firmware"),
    ),
    "remoteproc/ti,k3-r5f-rproc.yaml",
)
_WED = Layout(
    (("wo-emi", "wo-ilm", "wo-dlm", "wo-data", "wo-boot"),), "arm/mediatek/mediatek,mt7622-wed.yaml"
)
_AGX = Layout((("ttbs", "pagetables", "handoff", "hw-cal-a", "hw-cal-b", "globals"),), "gpu/apple,agx.yaml")

LAYOUTS: dict[str, Layout] = {
    **dict.fromkeys(
        ("ti,am62-r5f", "ti,am64-r5f", "ti,am654-r5f", "ti,j7200-r5f", "ti,j721e-r5f", "ti,j721s2-r5f"), _R5F
    ),
    "mediatek,mt7981-wed": _WED,
    "mediatek,mt7986-wed": _WED,
    **dict.fromkeys(("apple,agx-g13g", "apple,agx-g13s", "apple,agx-g14g", "apple,agx-g14s"), _AGX),
    "fsl,qman": Layout((("qman-fqd", "qman-pfdr"),), "soc/fsl/fsl,qman.yaml", has_names=False),
}
"""By compatible."""


def layout_of(entry: Consumer) -> Layout | None:
    """Return what the binding of a device says about its regions, if it is in the table."""
    for compatible in entry.compatible:
        layout = LAYOUTS.get(compatible)
        if layout is not None:
            return layout
    return None
