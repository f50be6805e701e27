# SPDX-License-Identifier: Apache-2.0
"""The node that holds the regions is not called exactly reserved-memory.

What it checks
--------------
Children of the root called `reserved-memory@...`, and those whose name is nearly `reserved-memory` and which have
children with `reg` or `size`.

Why it matters
--------------
The kernel finds the node by its name. Under another name every region in it is ignored, without a message.

Kernel behaviour
----------------
`reserved_memory` and the like: not seen by any version. `reserved-memory@0`: 5.10 and older do not see it; newer ones
take the first child of the root that is called so with or without a unit address.

Example
-------
See `bad`: an underscore. A phone's tree in Linux 6.1 (sm6125, pdx201) had it and lost all its regions.

Fix
---
Rename the node.

Known limits
------------
A name further away than two letters is not recognised.

References
----------
fdt_scan_reserved_mem(), drivers/of/of_reserved_mem.c; kernel-semantics 3.1; binding rule ST07.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.spelling import distance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext
    from carveout.fdt import Node, Tree

_NAME = "reserved-memory"
_BARE = "reservedmemory"
_SLIPS = 2
_PIECES = ("res", "erv", "edm", "emo", "ry")
"""Two slips, each of which may touch two of these, leave one of them as it is: spares the distance for most names."""


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such child of the root."""
    for parent in context.board.reserved_memory:
        if parent.node.name != _NAME:
            yield Problem(
                path=parent.path,
                message=(
                    f"the node is called {parent.node.name}, expected {_NAME} without a unit address; kernels up to "
                    "5.15 do not find it and reserve nothing, newer ones do"
                ),
                fix=f"call it {_NAME}",
            )
    for node in _near_misses(context.tree):
        yield Problem(
            path=node.path,
            message=(
                f"the node is called {node.name} and looks like {_NAME}; under this name Linux does not find it, so "
                f"that none of the {len(node.children)} regions in it is reserved"
            ),
            fix=f"call it {_NAME}",
        )


def _near_misses(tree: Tree) -> Iterator[Node]:
    for base in tree.top_names:
        # A look at the first letters spares the distance for most of them.
        if base[:2].lower() == "re" and _is_near(base):
            node = tree.top(base)[0]
            if any("reg" in child or "size" in child for child in node.children):
                yield node


@lru_cache(maxsize=1024)
def _is_near(base: str) -> bool:
    bare = base.lower().replace("-", "").replace("_", "").replace(".", "").replace(",", "")
    if base == _NAME or abs(len(bare) - len(_BARE)) > _SLIPS or not any(piece in bare for piece in _PIECES):
        return False
    return distance(bare, _BARE) <= _SLIPS


RULE = Rule(
    code="CV006",
    slug="reserved-memory-misspelt",
    severity=Severity.ERROR,
    summary="the node that holds the regions is not called exactly reserved-memory",
    board=check,
    covers=("ST07", "corpus-wrong-node-name"),
    bad=(
        Example("""
            / { reserved_memory { #address-cells = <2>; #size-cells = <2>; ranges;
                fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
            }; };
        """),
        Example("""
            / { reserved-memory@0 { #address-cells = <2>; #size-cells = <2>; ranges;
                fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
            }; };
        """),
    ),
    good=(
        Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),
        Example('/ { regulator-memory { compatible = "regulator-fixed"; }; };'),
    ),
)
