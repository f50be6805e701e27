# SPDX-License-Identifier: Apache-2.0
"""A memory node is disabled, or not a child of the root: current kernels do not look at it.

What it checks
--------------
Nodes with `device_type = "memory"`: a child of the root, and `status` absent or okay.

Why it matters
--------------
Kernels differ on how much RAM there is. The RAM of the node is missing on current ones.

Kernel behaviour
----------------
Up to 5.16: such nodes count at any depth and whatever their status. From 5.17 on: only enabled children of the root.

Example
-------
See `bad`.

Fix
---
Move the node to the root, or remove `status`.

Known limits
------------
A disabled node can be a template that the boot loader enables: a note.

References
----------
early_init_dt_scan_memory(), drivers/of/fdt.c, since commit 1f012283e936 (5.17); kernel-semantics 6.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import is_enabled
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such node."""
    for node in context.board.memory:
        if node.depth != 1:
            yield Problem(
                path=node.path,
                prop="device_type",
                message=(
                    "a memory node that is not a child of the root; Linux from 5.17 on does not look at it, older kernels "
                    "take its reg, read with the cells of the root, as RAM"
                ),
            )
        elif not is_enabled(node.node):
            yield Problem(
                path=node.path,
                prop="status",
                message="the memory node is disabled; Linux from 5.17 on leaves its RAM out, older kernels use it",
                severity=Severity.NOTE,
            )


RULE = Rule(
    code="CV022",
    slug="memory-node-unseen",
    severity=Severity.WARNING,
    summary="a memory node is disabled or not a child of the root",
    board=check,
    covers=("corpus-memory-node",),
    bad=(
        Example("""
            / { soc { #address-cells = <2>; #size-cells = <2>; ranges;
                memory@80000000 { device_type = "memory"; reg = <0x0 0x80000000 0x0 0x40000000>; };
            }; };
        """),
        Example(
            '/ { memory@80000000 { device_type = "memory"; reg = <0x0 0x80000000 0x0 0x40000000>; status = "disabled"; }; };'
        ),
    ),
    good=(
        Example('/ { memory@80000000 { device_type = "memory"; reg = <0x0 0x80000000 0x0 0x40000000>; }; };'),
    ),
)
