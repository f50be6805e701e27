# SPDX-License-Identifier: Apache-2.0
"""`ranges` of /reserved-memory is not empty.

What it checks
--------------
`ranges` has no entries. Entries that map addresses to themselves are harmless as long as every region lies in one of
them; they are a note then.

Why it matters
--------------
The reservation is made at the address that `reg` says. A driver that asks for the address gets it translated through
`ranges`: two different places, or none.

Kernel behaviour
----------------
All versions: early boot only asks whether `ranges` exists and never translates. of_address_to_resource() does
translate, and fails for an address that is in no entry.

Example
-------
See `bad`: a table copied from a bus node.

Fix
---
`ranges;` without a value. `--fix` does it.

Known limits
------------
None.

References
----------
__reserved_mem_check_root(), drivers/of/of_reserved_mem.c; of_address_to_resource(), drivers/of/address.c;
kernel-semantics 3.1; binding rule ST05.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import number
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity
from carveout.check.structure import one_bank_each
from carveout.span import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield the problem."""
    parent = context.reserved_memory
    if parent is None or parent.ranges is None or parent.ranges.length == 0:
        return
    same = _identity(context, parent.ranges.value)
    lost = same is None or any(not any(bank.contains(span) for bank in same) for _, span in context.static)
    message = (
        "ranges translates addresses: the region is reserved where reg says, but a driver that asks for its address "
        "gets another one, or an error"
        if lost
        else "ranges is not empty; it maps addresses to themselves, which nothing needs here"
    )
    yield Problem(
        path=parent.path,
        prop="ranges",
        message=message,
        fix="make it `ranges;` without a value",
        edits=(Edit(EditKind.SET, parent.path, "ranges"),),
        severity=None if lost else Severity.NOTE,
    )


def _identity(context: BoardContext, value: bytes) -> list[Span] | None:
    # The addresses that map to themselves; None when any entry does something else or cannot be read.
    address, step = 4 * context.address_cells, 4 * (2 * context.address_cells + context.size_cells)
    if len(value) % step:
        return None
    found: list[Span] = []
    for at in range(0, len(value), step):
        child, above = value[at : at + address], value[at + address : at + 2 * address]
        if child != above:
            return None
        found.append(Span.sized(number(child), number(value[at + 2 * address : at + step])))
    return one_bank_each(found)


RULE = Rule(
    code="CV004",
    slug="reserved-memory-translated",
    severity=Severity.ERROR,
    summary="`ranges` of /reserved-memory is not empty",
    board=check,
    covers=("ST05",),
    bad=(
        Example("""
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>;
                ranges = <0x0 0x0 0x0 0x40000000 0x0 0x40000000>;
                fw@10000000 { reg = <0x0 0x10000000 0x0 0x100000>; no-map; };
            }; };
        """),
        Example("""
            / { reserved-memory { #address-cells = <2>; #size-cells = <2>;
                ranges = <0x0 0x40000000 0x0 0x40000000 0x0 0x40000000>;
                fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
            }; };
        """),
    ),
    good=(Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),),
)
