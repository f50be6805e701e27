# SPDX-License-Identifier: Apache-2.0
"""`linux,cma-default` is on a region that cannot be the default pool.

What it checks
--------------
Enabled regions with `linux,cma-default` that lack `compatible = "shared-dma-pool"` or `reusable`, or have
`no-map`.

Why it matters
--------------
The board has the default pool of the kernel's configuration instead, and the memory of the region is lost as
well.

Kernel behaviour
----------------
All versions: only a `shared-dma-pool` with `reusable` and without `no-map` is made a contiguous area. Without
`reusable` it becomes a coherent pool for devices that refer to it.

Example
-------
See `bad`.

Fix
---
Add what is missing.

Known limits
------------
A restricted pool with this flag is left to the rule about restricted pools.

References
----------
rmem_cma_setup(), rmem_cma_validate(), kernel/dma/contiguous.c; kernel-semantics 3.7; binding rule LX02.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.default_pool import asks_for_default
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext, Region


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in context.regions:
        raw = region.raw
        if not raw.cma_default or asks_for_default(region) or region.has("restricted-dma-pool"):
            continue
        is_pool = region.has("shared-dma-pool")
        faults = []
        if not is_pool:
            faults.append('no compatible = "shared-dma-pool"')
        if not raw.reusable:
            faults.append("no reusable")
        if raw.no_map:
            faults.append("no-map")
        instead = (
            "makes a coherent pool of it"
            if is_pool and not raw.reusable
            else "makes no contiguous pool of it"
        )
        fix, edits = _cure(region)
        yield Problem(
            path=region.path,
            prop="linux,cma-default",
            message=(
                f"it has {' and '.join(faults)}; Linux {instead}, and the default pool is the one of the kernel's "
                "configuration"
            ),
            fix=fix,
            edits=edits,
        )


def _cure(region: Region) -> tuple[str | None, tuple[Edit, ...]]:
    # Certain only where the flag says plainly what is meant: nothing contradicts it.
    raw = region.raw
    if raw.no_map or (raw.compatible is not None and not region.has("shared-dma-pool")):
        return None, ()
    edits = []
    if raw.compatible is None:
        edits.append(Edit(EditKind.SET, region.path, "compatible", b"shared-dma-pool\0"))
    if not raw.reusable:
        edits.append(Edit(EditKind.SET, region.path, "reusable"))
    return "add " + " and ".join(edit.name for edit in edits), tuple(edits)


RULE = Rule(
    code="CV702",
    slug="cma-default-ineffective",
    severity=Severity.ERROR,
    summary="linux,cma-default has no effect on this region",
    board=check,
    covers=("LX02", "corpus-cma-default-without-reusable"),
    bad=(
        Example("""
            a { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; linux,cma-default; };
        """),
        Example("""
            a { size = <0x0 0x4000000>; reusable; linux,cma-default; };
        """),
        Example("""
            a { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; no-map; linux,cma-default; };
        """),
    ),
    good=(
        Example("""
            a { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; linux,cma-default; };
        """),
    ),
)
