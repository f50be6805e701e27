# SPDX-License-Identifier: Apache-2.0
"""FreeBSD keeps other regions than Linux does.

What it checks
--------------
Static regions that FreeBSD does not keep (without `no-map`, or entries of `reg` after the first) while Linux
does, and disabled ones with `no-map`, which only FreeBSD keeps.

Why it matters
--------------
A tree that is right for Linux can leave memory of firmware unprotected on FreeBSD.

Kernel behaviour
----------------
FreeBSD takes children with `no-map`, one entry of `reg` each, whatever their `status`. Linux reserves all
enabled children.

Example
-------
See `bad`.

Fix
---
Add `no-map` where firmware owns the memory.

Known limits
------------
One note for the whole tree.

References
----------
fdt_get_reserved_mem(), sys/dev/fdt/fdt_common.c of FreeBSD; binding rule FW11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield one note for the tree."""
    parent = context.reserved_memory
    if parent is None:
        return
    mapped = sum(not region.raw.no_map for region, _ in context.static)
    disabled = sum(
        not region.is_enabled and region.raw.no_map and region.is_static and region.depth == 1
        for region in context.all_regions
    )
    if mapped or disabled:
        said = [f"static regions without no-map are ordinary RAM there ({mapped})"] if mapped else []
        said += [f"disabled ones with no-map are kept there ({disabled})"] if disabled else []
        yield Problem(
            path=parent.path, message=f"for FreeBSD, which looks at no-map alone: {', '.join(said)}"
        )


RULE = Rule(
    code="CV620",
    slug="freebsd-regions",
    severity=Severity.NOTE,
    summary="FreeBSD sees other regions than Linux",
    board=check,
    covers=("FW11",),
    bad=(
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; };
        """),
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; status = "disabled"; };
        """),
    ),
    good=(
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
        """),
        Example("""
            pool { compatible = "shared-dma-pool"; size = <0x0 0x4000000>; reusable; };
        """),
    ),
)
