# SPDX-License-Identifier: Apache-2.0
"""Colours and words of the picture's kinds, told apart also in grey, and by words.

The hues are those of Okabe and Ito, which readers who do not see all colours tell apart; some are darker or lighter
than theirs, so that no two kinds have the same grey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.report.layout import SpanKind

if TYPE_CHECKING:
    from carveout.boot.result import PlacedRegion
    from carveout.report.layout import DisplaySpan

LEGEND = {
    "k-boot": "kernel, device tree, initrd",
    "k-static": "reserved region",
    "k-cma": "CMA: lent to the system",
    "k-dma": "DMA pool",
    "k-restricted": "restricted DMA pool",
    "k-firmware": "firmware, reserve map",
    "k-early": "early allocations",
    "k-free": "free RAM",
}

_KIND_CLASSES = {
    SpanKind.FREE: "k-free",
    SpanKind.HOLE: "k-hole",
    SpanKind.CMA: "k-cma",
    SpanKind.KERNEL: "k-boot",
    SpanKind.DTB: "k-boot",
    SpanKind.INITRD: "k-boot",
    SpanKind.FIRMWARE: "k-firmware",
    SpanKind.EARLY: "k-early",
}

_POOL_CLASSES = {"cma": "k-cma", "dma": "k-dma", "restricted": "k-restricted"}

STYLE = """<defs>
<pattern id="carveout-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
<path class="hatch-line" d="M0,0L0,6"/></pattern>
</defs>
<style>
text{font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;font-size:12px;fill:#1b1f24}
.bg{fill:#ffffff}
.title{font-size:20px;font-weight:600}
.sub{font-size:13px;fill:#3d444d}
.name{font-size:12.5px;font-weight:600}
.mono{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:11px}
.tick{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:10.5px;\
fill:#59636e;text-anchor:end}
.edge{fill:#1b1f24}
.size{font-size:12px;text-anchor:end}
.muted{font-size:11px;fill:#59636e}
.alert{font-size:11px;fill:#b3400a}
.bad{fill:#b3400a}
.inside{font-size:11px;fill:#59636e;text-anchor:middle}
.head{font-size:13px;font-weight:600}
.banner{fill:#fdebe3;stroke:#d55e00}
.banner-text{font-size:14px;font-weight:600;fill:#8f3406}
.frame{fill:none;stroke:#59636e;stroke-width:1.2}
.outside{fill:none;stroke:#59636e;stroke-dasharray:1.5 3}
.tick-line{stroke:#8b949e;fill:none}
.break{stroke:#8b949e;fill:none;stroke-width:1.2}
.wedge{fill:#59636e;fill-opacity:.09;stroke:#59636e;stroke-opacity:.35;stroke-width:.6}
.solid{stroke:#1b1f24;stroke-width:.8}
.dashed{stroke:#1b1f24;stroke-width:1.4;stroke-dasharray:4 2.5}
.thin{stroke:none}
.ghost{fill:none;stroke:#d55e00;stroke-width:1.6;stroke-dasharray:2.5 2.5}
.ghost-line{fill:none;stroke:#d55e00;stroke-width:.9;stroke-dasharray:2.5 2.5}
.hatch{fill:url(#carveout-hatch);stroke:none}
.hatch-line{stroke:#000000;stroke-opacity:.62;stroke-width:1.6}
.k-free{fill:#f1f3f5}
.k-boot{fill:#005084}
.k-static{fill:#e69f00}
.k-cma{fill:#009e73}
.k-dma{fill:#8fcff2}
.k-restricted{fill:#a34d80}
.k-firmware{fill:#f0e442}
.k-early{fill:#8a9097}
.k-any{fill:#c9d1d9}
@media (prefers-color-scheme:dark){
text,.edge{fill:#e6edf3}
.bg{fill:#12161b}
.sub,.tick,.muted,.inside{fill:#9ea7b3}
.tick.edge{fill:#e6edf3}
.alert,.bad{fill:#ff9b66}
.banner{fill:#3a1d0e}
.banner-text{fill:#ffb38a}
.frame,.outside{stroke:#9ea7b3}
.wedge{fill:#9ea7b3;stroke:#9ea7b3}
.solid,.dashed{stroke:#e6edf3}
.k-free{fill:#262c34}
.k-boot{fill:#00609a}
}
</style>"""


def fill_class(row: DisplaySpan) -> str:
    """Return the class that colours a row."""
    return region_class(row.region) if row.kind is SpanKind.REGION else _KIND_CLASSES[row.kind]


def region_class(region: PlacedRegion | None) -> str:
    """Return the class that colours a region."""
    return _POOL_CLASSES.get((region.pool if region is not None else None) or "", "k-static")
