# SPDX-License-Identifier: Apache-2.0
"""Which contiguous areas come to life: the pages of an area must all be in one zone of one node.

Source: cma_activate_area(), mm/cma.c, run at core_initcall (kernel-semantics 5.3, 13).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import StepKind

if TYPE_CHECKING:
    from carveout.boot.state import Area, EarlyBoot

_SOURCE = "kernel-semantics 5.3"


def activate_areas(state: EarlyBoot) -> None:
    """Hand each area to the page allocator; one that crosses a border of zones is given up, with a message."""
    for area in state.areas:
        border = border_inside(state, area)
        if border is None:
            continue
        area.crossed = border
        fate = (
            "its pages stay reserved"
            if state.behaviour.unactivated_cma == "kept"
            else "its pages become ordinary memory"
        )
        state.step(
            StepKind.FAIL, area.name, f"it crosses the border of two zones at 0x{border:x}: {fate}",
            base=area.base, size=area.size, source=_SOURCE,
        )  # fmt: skip
        state.say("cma-not-activated", name=area.name)
        if area.region is not None:
            area.region.reasons.append(f"it crosses the border of two zones at 0x{border:x}: never activated")


def border_inside(state: EarlyBoot, area: Area) -> int | None:
    """Return the first address inside an area at which another zone or node begins, or None."""
    end = area.base + area.size
    borders = [border for border in state.zone_borders if area.base < border < end]
    nid: int | None = None
    for region in state.mb.memory:
        if region.base >= end or region.base + region.size <= area.base:
            continue
        if nid is not None and region.nid != nid:
            borders.append(region.base)
        nid = region.nid
    return min(borders, default=None)
