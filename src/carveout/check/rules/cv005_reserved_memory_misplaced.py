# SPDX-License-Identifier: Apache-2.0
"""A node called reserved-memory is not a child of the root.

What it checks
--------------
Nodes called `reserved-memory` anywhere but below the root, which have children with `reg` or `size`. Parts of an
overlay and regions that happen to have the name are left alone; so is `/memory/reserved-memory`, the dialect of 2013.

Why it matters
--------------
Nobody looks there. Nothing below it is reserved, and no message says so.

Kernel behaviour
----------------
All versions look at the child of the root only. Devices can still refer to the nodes with `memory-region`; binding
them fails because they are not regions.

Example
-------
See `bad`: the node went into `soc`.

Fix
---
Move the node to the root, and give it the cells of the root.

Known limits
------------
None.

References
----------
fdt_scan_reserved_mem(), drivers/of/of_reserved_mem.c; kernel-semantics 3.1; sdk-nrf PR 28871; binding rule ST06.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.fdt import Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext
    from carveout.fdt import Tree

_NAME = "reserved-memory"


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such node."""
    for node in _nodes(context.tree):
        parent = node.parent
        if node.base_name != _NAME or parent is None or parent.base_name in ("memory", "__overlay__", _NAME):
            continue
        if any("reg" in child or "size" in child for child in node.children):
            yield Problem(
                path=node.path,
                message=(
                    f"{_NAME} is below {parent.path}; Linux only looks for a child of the root, so that none of the "
                    f"{len(node.children)} regions in it is reserved"
                ),
                fix="move the node to the root",
            )


def _nodes(tree: Tree) -> Iterator[Node]:
    # Nodes whose names begin with the name, except children of the root; found by bytes, since trees are large.
    structure = tree.structure
    for at in tree.places_of(_NAME.encode("ascii")):
        word, odd = divmod(at - 4 - structure.start, 4)
        index = bisect_left(structure.node_at, word)
        is_node = not odd and index < len(structure.node_at) and structure.node_at[index] == word
        if is_node and structure.parent[index] > 0:
            yield Node(tree, index)


RULE = Rule(
    code="CV005",
    slug="reserved-memory-misplaced",
    severity=Severity.ERROR,
    summary="a node called reserved-memory is not a child of the root",
    board=check,
    covers=("ST06",),
    bad=(
        Example("""
            / { soc { #address-cells = <2>; #size-cells = <2>; ranges;
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
                };
            }; };
        """),
    ),
    good=(
        Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),
        Example(
            """/ { fragment@0 { target-path = "/"; __overlay__ { reserved-memory {
                fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; }; }; }; }; };""",
            whole=True,
        ),
    ),
)
