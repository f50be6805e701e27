# SPDX-License-Identifier: Apache-2.0
"""A `restricted-dma-pool` has a property that it must not have.

What it checks
--------------
Enabled restricted pools with `no-map`, `reusable`, `linux,cma-default` or `linux,dma-default`.

Why it matters
--------------
The pool holds bounce buffers, which the processor copies through the linear map. A pool with such a property is refused, and its
device gets memory that is not restricted.

Kernel behaviour
----------------
From 5.15 on, where built in: refused with EINVAL, `compatible matching fail`, and given back to the system. Kernels without restricted
pools keep it reserved.

Example
-------
See `bad`.

Fix
---
Remove the property.

Known limits
------------
None.

References
----------
shared-dma-pool.yaml of dt-schema; rmem_swiotlb_setup(), kernel/dma/swiotlb.c; kernel-semantics 3.7; binding rule SH06.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext

_FORBIDDEN = ("no-map", "reusable", "linux,cma-default", "linux,dma-default")


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such pool."""
    for region in context.by_compatible.get("restricted-dma-pool", ()):
        wrong = [name for name in _FORBIDDEN if name in region.node]
        if wrong:
            yield Problem(
                path=region.path,
                prop=wrong[0],
                message=(
                    f"a restricted-dma-pool must not have {' and '.join(wrong)}; Linux refuses it "
                    '("compatible matching fail") and gives the memory back, so its device is not restricted'
                ),
                fix=f"remove {' and '.join(wrong)}",
                edits=tuple(Edit(EditKind.REMOVE, region.path, name) for name in wrong),
            )


RULE = Rule(
    code="CV306",
    slug="restricted-flags",
    severity=Severity.ERROR,
    summary="a `restricted-dma-pool` has a property that it must not have",
    board=check,
    covers=("SH06", "corpus-restricted-no-map"),
    bad=(
        Example(
            'wifi@50000000 { compatible = "restricted-dma-pool"; reg = <0x0 0x50000000 0x0 0x400000>; no-map; };'
        ),
        Example(
            'wifi@50000000 { compatible = "restricted-dma-pool"; reg = <0x0 0x50000000 0x0 0x400000>; reusable; '
            "linux,cma-default; };"
        ),
    ),
    good=(
        Example(
            'wifi@50000000 { compatible = "restricted-dma-pool"; reg = <0x0 0x50000000 0x0 0x400000>; };'
        ),
    ),
)
