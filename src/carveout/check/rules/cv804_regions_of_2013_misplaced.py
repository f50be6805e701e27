# SPDX-License-Identifier: Apache-2.0
"""Regions are below the memory node, or elsewhere, as patches of 2013 had them.

What it checks
--------------
Nodes below `/memory/reserved-memory` or `/memory@…/reserved-memory`, and nodes with `reg` or `size` and a
name of 2013 in `compatible` that are not below `/reserved-memory`.

Why it matters
--------------
Nothing is reserved. The kernel uses the memory as ordinary RAM, also what belongs to firmware or to another
processor.

Kernel behaviour
----------------
No released version looks there: the patches of August 2013 were reverted before 3.12. All say nothing about
such nodes, or `No reserved-memory node in the DT` (6.12 on). A device that refers to one gets -EINVAL.

Example
-------
See `bad`.

Fix
---
Move the regions into `/reserved-memory`, with the cells of the root and an empty `ranges`, and use today's
names. `carveout upgrade` does it.

Known limits
------------
None.

References
----------
Linux commits 9d8eab7af79c and 1931ee143b0a; binding section 2 and rule LG07.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.legacy import BELOW_MEMORY, CONTIGUOUS, UNTOUCHED, old_nodes
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext
    from carveout.fdt import Node

_BACKING_STORE = "fsl,qman-backing-store"


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each node that holds such regions, and for each region that is on its own."""
    below: dict[str, list[str]] = {}
    for old in old_nodes(context):
        parent = old.node.parent
        if old.is_region or parent is None:
            continue
        if BELOW_MEMORY in old.names:
            below.setdefault(parent.path, []).append(old.node.name)
        elif _is_alone(old.node, old.names):
            yield Problem(
                path=old.path,
                message=(
                    f'a region in the words of 2013 ("{old.names[0]}") outside of /reserved-memory; no kernel looks here, and '
                    "the memory is used as ordinary RAM"
                ),
            )
    for path, names in below.items():
        yield Problem(
            path=path,
            message=(
                f"{len(names)} {'region' if len(names) == 1 else 'regions'} below the memory node ({', '.join(names)}), as "
                "patches of 2013 had them; no kernel looks here, and the memory is used as ordinary RAM"
            ),
            fix="move the regions into /reserved-memory and use today's names",
        )


def _is_alone(node: Node, names: tuple[str, ...]) -> bool:
    is_named = any(name in CONTIGUOUS or name in UNTOUCHED or name == _BACKING_STORE for name in names)
    return is_named and ("reg" in node or "size" in node)


RULE = Rule(
    code="CV804",
    slug="regions-of-2013-misplaced",
    severity=Severity.ERROR,
    summary="regions are where the patches of 2013 had them, and no kernel looks there",
    board=check,
    covers=("LG07", "corpus-legacy-location"),
    bad=(
        Example("""
            / { memory@40000000 { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                contig: region@50000000 { compatible = "linux,contiguous-memory-region"; reg = <0x0 0x50000000 0x0 0x4000000>; };
                region@58000000 { compatible = "reserved-memory-region"; reg = <0x0 0x58000000 0x0 0x100000>; };
            }; }; };
        """),
        Example("""
            / { pool@50000000 { compatible = "contiguous-memory", "reserved-memory"; reg = <0x0 0x50000000 0x0 0x4000000>; }; };
        """),
        Example("""
            / { qman { compatible = "fsl,qman-backing-store", "reserved-memory"; size = <0x0 0x400000>; }; };
        """),
    ),
    good=(
        Example("""
            pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; };
        """),
    ),
)
