# SPDX-License-Identifier: Apache-2.0
"""A region has the `compatible` that contiguous memory was to have in 2013.

What it checks
--------------
Regions with `contiguous-memory`, `linux,contiguous-memory-region` or `shareable-memory-region` in
`compatible`.

Why it matters
--------------
The region is meant as memory that the system uses until a device needs it. It is not: it lies idle, and no
device gets buffers from it.

Kernel behaviour
----------------
All versions reserve the region as plain memory and pass over the name. A device that refers to it and wants a
pool gets -EINVAL.

Example
-------
See `bad`.

Fix
---
`compatible = "shared-dma-pool"` and `reusable`. `carveout upgrade` does it.

Known limits
------------
None.

References
----------
The mail of 9 September 2013 (binding S13, S15, S17); Linux commit 9d8eab7af79c, reverted by 1931ee143b0a;
binding rules LG02, LG03, LG04.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.legacy import CONTIGUOUS, UNTOUCHED, old_nodes, without
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for old in old_nodes(context):
        name = next((name for name in old.names if name in CONTIGUOUS), None)
        if name is None or not old.is_region:
            continue
        value = without(old.node, CONTIGUOUS + UNTOUCHED, first=("shared-dma-pool",))
        edits = [Edit(EditKind.SET, old.path, "compatible", value)]
        if "reusable" not in old.node:
            edits.append(Edit(EditKind.SET, old.path, "reusable"))
        is_certain = "no-map" not in old.node
        yield Problem(
            path=old.path,
            prop="compatible",
            message=(
                f'"{name}" is a name of 2013 that never became the binding; Linux reserves the region as plain memory, so that '
                "neither the system nor a device uses it"
            ),
            fix='write compatible = "shared-dma-pool" and add reusable' if is_certain else None,
            edits=tuple(edits) if is_certain else (),
        )


RULE = Rule(
    code="CV802",
    slug="contiguous-of-2013",
    severity=Severity.WARNING,
    summary="compatible names contiguous memory as proposals of 2013 did",
    board=check,
    covers=("LG02", "LG03", "LG04"),
    bad=(
        Example("""
            pool@50000000 { compatible = "contiguous-memory", "reserved-memory"; reg = <0x0 0x50000000 0x0 0x4000000>;  };
        """),
        Example("""
            pool@50000000 { compatible = "linux,contiguous-memory-region"; reg = <0x0 0x50000000 0x0 0x4000000>;  };
        """),
        Example("""
            pool@50000000 { compatible = "shareable-memory-region"; reg = <0x0 0x50000000 0x0 0x4000000>;  };
        """),
    ),
    good=(
        Example("""
            pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; };
        """),
    ),
)
