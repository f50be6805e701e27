# SPDX-License-Identifier: Apache-2.0
"""A region's `reg` has size 0.

What it checks
--------------
The size in each entry of `reg`. Where the region is disabled, or address and size are both 0, it is a template for the boot
loader, and a note.

Why it matters
--------------
Nothing is reserved. A template that stays empty does no harm, although its message is often taken for the cause of something else.

Kernel behaviour
----------------
All versions print `failed to reserve memory for node 'NAME': base 0x..., size 0 MiB` and go on. Up to 6.1 a node that also
has `size` becomes dynamic.

Example
-------
See `bad`.

Fix
---
Write the size. If the boot loader fills it in, mark the node `status = "disabled"` until then.

Known limits
------------
None.

References
----------
__reserved_mem_reserve_reg(), drivers/of/of_reserved_mem.c; kernel-semantics 3.3; meta-rockchip issue 4; binding rule AD02.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in context.all_regions:
        if region.depth > 1 or not region.entries or all(size for _, size in region.entries):
            continue
        base = next(base for base, size in region.entries if not size)
        is_template = not any(base or size for base, size in region.entries)
        if region.is_enabled:
            message = (
                f'reg has an entry of size 0 at 0x{base:x}: Linux reserves nothing there and prints "failed to reserve '
                f"memory for node '{region.name}'\""
            )
            if is_template:
                message += ", which is harmless if it is for the boot loader to fill in"
        else:
            message = f"reg has an entry of size 0 at 0x{base:x}; the region is disabled, the boot loader may fill it in"
        yield Problem(
            path=region.path,
            prop="reg",
            message=message,
            severity=Severity.NOTE if is_template or not region.is_enabled else None,
        )


RULE = Rule(
    code="CV112",
    slug="region-reg-empty",
    severity=Severity.ERROR,
    summary="a region's `reg` has size 0",
    board=check,
    covers=("AD02", "corpus-reg-size-zero"),
    bad=(
        Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x0>; no-map; };"),
        Example('fw@0 { reg = <0x0 0x0 0x0 0x0>; no-map; status = "disabled"; };'),
        Example("logo@0 { reg = <0x0 0x0 0x0 0x0>; };"),
    ),
    good=(Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x1000>; no-map; };"),),
)
