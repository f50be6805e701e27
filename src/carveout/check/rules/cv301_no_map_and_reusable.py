# SPDX-License-Identifier: Apache-2.0
"""A region has both `no-map` and `reusable`.

What it checks
--------------
Enabled regions, pools or not.

Why it matters
--------------
The two exclude each other: memory without a mapping cannot be lent to the system.

Kernel behaviour
----------------
5.10, 6.1, 6.12, with `shared-dma-pool`: both handlers refuse it, and it is given back: `compatible matching fail`. no-map is cleared
again (not for a static one on 5.10), so the memory becomes ordinary. 7.2: it stays no-map and is nobody's. Without
`shared-dma-pool` all versions treat it as no-map.

Example
-------
See `bad`.

Fix
---
Keep `reusable` for a contiguous pool, `no-map` for memory of firmware or of another processor.

Known limits
------------
None.

References
----------
reserved-memory.yaml of dt-schema; rmem_cma_setup(), kernel/dma/contiguous.c; rmem_dma_setup(), kernel/dma/coherent.c;
kernel-semantics 3.5, 3.7; binding rule SH01.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in context.regions:
        if not (region.raw.no_map and region.raw.reusable):
            continue
        if region.has("restricted-dma-pool"):
            continue
        if region.has("shared-dma-pool"):
            follows = (
                'Linux makes no pool of it: kernels up to 6.12 print "compatible matching fail" and give the memory '
                "back to the system, 7.2 keeps it unused"
            )
        else:
            follows = "Linux takes it for no-map and ignores reusable"
        yield Problem(
            path=region.path, prop="reusable", message=f"no-map and reusable exclude each other; {follows}"
        )


RULE = Rule(
    code="CV301",
    slug="no-map-and-reusable",
    severity=Severity.ERROR,
    summary="a region has both `no-map` and `reusable`",
    board=check,
    covers=("SH01", "corpus-no-map-and-reusable"),
    bad=(
        Example(
            'pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; no-map; reusable; };'
        ),
        Example("log@50000000 { reg = <0x0 0x50000000 0x0 0x4000000>; no-map; reusable; };"),
    ),
    good=(
        Example(
            'pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; };'
        ),
        Example(
            'pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; no-map; };'
        ),
    ),
)
