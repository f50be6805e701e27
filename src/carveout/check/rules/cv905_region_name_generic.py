# SPDX-License-Identifier: Apache-2.0
"""The name of a region does not say what it is for.

What it checks
--------------
Regions called `memory`, `region`, `reserved`, `mem`, `reserved-memory` or `buffer`.

Why it matters
--------------
The kernel's messages, /proc/iomem and this tool name regions by their nodes. `memory@...` is also the pattern of the nodes
that describe RAM, and some tools take it for one.

Kernel behaviour
----------------
None.

Example
-------
See `bad`.

Fix
---
Name the purpose: `framebuffer`, `modem`, `tz`.

Known limits
------------
None.

References
----------
Devicetree specification, section 3.5.2; binding rule ST18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext

_GENERIC = frozenset(("memory", "region", "reserved", "mem", "reserved-memory", "reserved-mem", "buffer"))


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such name, told at the first region that has it."""
    found: dict[str, list[str]] = {}
    for region in context.regions:
        base_name = region.base_name
        if base_name in _GENERIC:
            found.setdefault(base_name, []).append(region.path)
    for name, paths in found.items():
        count = f"{len(paths)} regions are called {name}, which" if len(paths) > 1 else f"the name {name}"
        yield Problem(
            path=paths[0],
            message=(
                f"{count} does not say what {'they are' if len(paths) > 1 else 'it is'} for; the kernel's messages and /proc/iomem have nothing else"
                + (", and it is the pattern of nodes that describe RAM" if name == "memory" else "")
            ),
            related=tuple(paths[1:]),
        )


RULE = Rule(
    code="CV905",
    slug="region-name-generic",
    severity=Severity.NOTE,
    summary="the name of a region does not say what it is for",
    board=check,
    covers=("ST18",),
    bad=(Example("memory@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),),
    good=(Example("modem@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),),
)
