# SPDX-License-Identifier: Apache-2.0
"""A static region also has `size`, `alignment` or `alloc-ranges`, which are ignored.

What it checks
--------------
Enabled regions with a readable `reg` for `size`, `alignment` and `alloc-ranges`.

Why it matters
--------------
Mostly a misunderstanding: the author thinks that the kernel may choose the place, or that `size` overrides `reg`.

Kernel behaviour
----------------
All versions use `reg` alone. Exceptions that nobody should rely on: up to 6.1 an entry of size 0 together with `size`
makes the region dynamic; in 7.2 a malformed `reg` does.

Example
-------
See `bad`.

Fix
---
Remove the three, or remove `reg` (and the unit address) if the place does not matter. `--fix` does the former, which
changes nothing for the kernel.

Known limits
------------
`alignment` alone is a note: it misleads nobody about where the region is.

References
----------
fdt_scan_reserved_mem(), drivers/of/of_reserved_mem.c; kernel-semantics 3.3; armbian/build PR 10587; binding rule ST10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in context.regions:
        raw = region.raw
        span = region.span
        if span is None:
            continue
        extra = [prop for prop in (raw.size, raw.alignment, raw.alloc_ranges) if prop is not None]
        if not extra:
            continue
        names = [prop.name for prop in extra]
        differs = raw.size is not None and region.size not in (None, span.size)
        yield Problem(
            path=region.path,
            prop=names[0],
            message=(
                f"{' and '.join(names)} beside reg; Linux uses reg alone and ignores the rest"
                + (f": the region has 0x{span.size:x} bytes, not 0x{region.size or 0:x}" if differs else "")
            ),
            fix=f"remove {', '.join(names)}",
            edits=tuple(Edit(EditKind.REMOVE, region.path, name) for name in names),
            severity=Severity.NOTE if names == ["alignment"] else None,
        )


RULE = Rule(
    code="CV110",
    slug="region-reg-and-size",
    severity=Severity.WARNING,
    summary="a static region also has size, alignment or alloc-ranges, which are ignored",
    board=check,
    covers=("ST10",),
    bad=(
        Example("""
            cma@50000000 {
                compatible = "shared-dma-pool";
                reg = <0x0 0x50000000 0x0 0x8000000>;
                size = <0x0 0x4000000>;
                alloc-ranges = <0x0 0x40000000 0x0 0x20000000>;
                reusable;
            };
        """),
    ),
    good=(
        Example("fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };"),
        Example("pool { size = <0x0 0x4000000>; alignment = <0x0 0x200000>; };"),
    ),
)
