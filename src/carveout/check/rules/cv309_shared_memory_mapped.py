# SPDX-License-Identifier: Apache-2.0
"""Memory shared with a processor that is not coherent has no `no-map`.

What it checks
--------------
Enabled static regions which by compatible (`qcom,smem`, `arm,scmi-shmem`, `nvidia,tegra264-bpmp-shmem`) or by the names of the
remote processor framework (`vdev0vring0`, `vdev0buffer`, `rsc-table`) are shared with another processor. Pools of contiguous
memory are left alone, since their pages are remapped when they are allocated.

Why it matters
--------------
The kernel's linear map is cached. The processor may hold or write back stale lines over what the other side wrote.

Kernel behaviour
----------------
All versions map every region without `no-map`. Drivers map it a second time without cache; memremap() refuses that for RAM that is
mapped (`memremap attempted on ram`), ioremap() too.

Example
-------
See `bad`.

Fix
---
Add `no-map`.

Known limits
------------
A region outside RAM is not mapped anyway: nothing is said when RAM is known and the region is elsewhere.

References
----------
qcom,smem.yaml; nvidia,tegra264-bpmp-shmem.yaml; memremap(), kernel/iomem.c; kernel-semantics 5.1; binding rule SH09.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext, Region

_COMPATIBLES = ("qcom,smem", "arm,scmi-shmem", "nvidia,tegra264-bpmp-shmem")
_NAMES = re.compile(
    r"(.*[-_])?(vdev\d+(vring\d+|buffer)|rsc[-_]?(table|tbl)|(ipc|bpmp|scmi|sysram)[-_]?shmem)"
)


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region, span in context.static:
        if region.raw.no_map or (region.raw.reusable and region.has("shared-dma-pool")):
            continue
        kind = _shared(region)
        if kind is None or (context.ram and not any(bank.overlaps(span) for bank in context.ram)):
            continue
        yield Problem(
            path=region.path,
            message=(
                f"{kind} is shared with another processor and not no-map; Linux keeps a cached mapping of it, whose "
                "lines can overwrite what the other side writes"
            ),
            fix="add no-map",
            edits=(Edit(EditKind.SET, region.path, "no-map"),) if kind.startswith("a region with") else (),
        )


def _shared(region: Region) -> str | None:
    for name in _COMPATIBLES:
        if region.compatible and region.has(name):
            return f"a region with compatible {name}"
    return f"{region.base_name}, by its name," if _NAMES.fullmatch(region.base_name) else None


RULE = Rule(
    code="CV309",
    slug="shared-memory-mapped",
    severity=Severity.WARNING,
    summary="memory shared with a processor that is not coherent has no `no-map`",
    board=check,
    covers=("SH09",),
    bad=(
        Example(
            'smem@50000000 { compatible = "qcom,smem"; reg = <0x0 0x50000000 0x0 0x200000>; hwlocks = <1>; };'
        ),
        Example("vdev0vring0@50000000 { reg = <0x0 0x50000000 0x0 0x4000>; };"),
    ),
    good=(
        Example(
            'smem@50000000 { compatible = "qcom,smem"; reg = <0x0 0x50000000 0x0 0x200000>; no-map; hwlocks = <1>; };'
        ),
        Example("vdev0vring0@10000000 { reg = <0x0 0x10000000 0x0 0x4000>; };"),
        Example('vdev0buffer { compatible = "shared-dma-pool"; size = <0x0 0x400000>; reusable; };'),
    ),
)
