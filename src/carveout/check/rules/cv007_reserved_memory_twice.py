# SPDX-License-Identifier: Apache-2.0
"""There is more than one /reserved-memory.

What it checks
--------------
The children of the root called `reserved-memory`, with or without a unit address.

Why it matters
--------------
The kernel takes one of them. The regions of the other are ordinary memory.

Kernel behaviour
----------------
Up to 5.15 the one called exactly `reserved-memory`; from 5.16 on the first of all of them. No message.

Example
-------
See `bad`: a boot loader appended its own node.

Fix
---
Put all regions into one node.

Known limits
------------
A source cannot have two nodes of one name, dtc joins them; a blob written by firmware can.

References
----------
fdt_scan_reserved_mem(), drivers/of/of_reserved_mem.c; kernel-semantics 3.1; binding rule ST08.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem at each one after the first."""
    first, *others = context.board.reserved_memory or (None,)
    if first is None:
        return
    for other in others:
        if other is not None:
            yield Problem(
                path=other.path,
                message=(
                    f"there already is {first.path}; Linux from 5.16 on looks at the first one only, older kernels "
                    f"at the one called reserved-memory, and the regions of the other are not reserved"
                ),
                related=(first.path,),
                fix="put all regions into one node",
            )


RULE = Rule(
    code="CV007",
    slug="reserved-memory-twice",
    severity=Severity.ERROR,
    summary="there is more than one /reserved-memory",
    board=check,
    covers=("ST08",),
    bad=(
        Example("""
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
                };
                reserved-memory@1 { #address-cells = <2>; #size-cells = <2>; ranges;
                    tee@51000000 { reg = <0x0 0x51000000 0x0 0x100000>; no-map; };
                };
            };
        """),
    ),
    good=(Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),),
)
