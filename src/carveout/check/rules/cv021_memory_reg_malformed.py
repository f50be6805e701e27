# SPDX-License-Identifier: Apache-2.0
"""A memory node has no `reg`, or one of a wrong length or that wraps around.

What it checks
--------------
`reg` of each enabled memory node below the root, or `linux,usable-memory` in its place: whole entries in the root's cells
which end inside the address space.

Why it matters
--------------
RAM is missing, or begins where there is none.

Kernel behaviour
----------------
5.10, 6.1, 6.12: whole entries count, a rest is dropped; with wrong cells the numbers read are nonsense. 7.2: a property
of a wrong length is rejected as a whole, and a `linux,usable-memory` of a wrong length falls back to `reg`. An entry that
wraps around is cut or ignored.

Example
-------
See `bad`: one cell each on a board with two.

Fix
---
Write each number with as many cells as the root says.

Known limits
------------
A node without `reg` is for the boot loader to fill in on some boards: a note.

References
----------
early_init_dt_scan_memory(), early_init_dt_add_memory_arch(), drivers/of/fdt.c; kernel-semantics 6.1, 6.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import entries, is_enabled
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext
    from carveout.fdt import Property


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such node."""
    for node in context.board.memory:
        if node.depth != 1 or not is_enabled(node.node):
            continue
        prop = node.usable or node.reg
        if prop is None:
            yield Problem(
                path=node.path,
                message="has no reg: it describes no RAM, unless the boot loader adds one",
                severity=Severity.NOTE,
            )
        else:
            yield from _problems(context, node.path, prop)


def _problems(context: BoardContext, path: str, prop: Property) -> Iterator[Problem]:
    step = context.entry_bytes
    if step == 0 or prop.length % step or prop.length == 0:
        yield Problem(
            path=path,
            prop=prop.name,
            message=(
                f"{prop.name} has {prop.length} bytes, expected a multiple of {step} ({context.address_cells} + "
                f"{context.size_cells} cells); Linux 7.2 rejects all of it, older kernels read {prop.length // step if step else 0} "
                "entries and drop the rest"
            ),
        )
        return
    end = 1 << min(64, 32 * context.address_cells)
    for base, size in entries(prop.value, context.address_cells, context.size_cells):
        if base + size > end:
            yield Problem(
                path=path,
                prop=prop.name,
                message=(
                    f"0x{base:x} + 0x{size:x} ends above 0x{end - 1:x}, the highest address that can be written with "
                    f"{context.address_cells} cells; Linux cuts or ignores it"
                ),
            )


RULE = Rule(
    code="CV021",
    slug="memory-reg-malformed",
    severity=Severity.ERROR,
    summary="a memory node has no `reg`, or one of a wrong length or that wraps around",
    board=check,
    covers=("corpus-memory-reg",),
    bad=(
        Example("/ { memory@40000000 { reg = <0x40000000 0x40000000>; }; };"),
        Example("/ { memory@40000000 { reg = <0xffffffff 0xc0000000 0x0 0x80000000>; }; };"),
        Example('/ { memory { device_type = "memory"; }; };'),
    ),
    good=(Example("/ { memory@40000000 { reg = <0x0 0x40000000 0x0 0x20000000>; }; };"),),
)
