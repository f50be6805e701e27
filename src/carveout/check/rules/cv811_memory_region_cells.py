# SPDX-License-Identifier: Apache-2.0
"""A region has `#memory-region-cells`, which does not exist.

What it checks
--------------
Nodes with the property.

Why it matters
--------------
A draft of 2014 had it, and a proposal of 2021 for IOMMUs. Devices that put a number behind the phandle
because of it are read wrongly (CV403).

Kernel behaviour
----------------
No version looks at it; each cell of `memory-region` is a phandle.

Example
-------
See `bad`.

Fix
---
Remove it.

Known limits
------------
None.

References
----------
Linux commit f08ad1deaaf8 ("removed #memory-region-cells"); binding rule LG16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_NAME = "#memory-region-cells"


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such node."""
    for prop in context.tree.properties_named(_NAME):
        path = prop.node.path
        region = context.by_path.get(path)
        misread = prop.value.strip(b"\0") != b"" and region is not None and bool(region.users)
        yield Problem(
            path=path,
            prop=_NAME,
            message="it was removed before the binding was merged; Linux reads each cell of memory-region as a phandle",
            fix="remove it",
            edits=() if misread else (Edit(EditKind.REMOVE, path, _NAME),),
        )


RULE = Rule(
    code="CV811",
    slug="memory-region-cells",
    severity=Severity.WARNING,
    summary="#memory-region-cells does not exist",
    board=check,
    covers=("LG16",),
    bad=(
        Example("""
            pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; #memory-region-cells = <0>; };
        """),
    ),
    good=(
        Example("""
            pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; };
        """),
    ),
)
