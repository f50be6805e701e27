# SPDX-License-Identifier: Apache-2.0
"""A region has the `compatible` that reserved memory was to have in 2013.

What it checks
--------------
Regions with `reserved-memory` or `reserved-memory-region` in `compatible`.

Why it matters
--------------
No driver knows these names. To be a child of `/reserved-memory` is all that it takes.

Kernel behaviour
----------------
All versions reserve the region and pass over the name. `reserved-memory-region`, in the patches of August
2013, also took the memory out of the kernel's map, which today is `no-map`, and gave it to the device that
refers to it as coherent memory, which is `shared-dma-pool`.

Example
-------
See `bad`.

Fix
---
Drop the name. Add `no-map` where the region had the second one. `carveout upgrade` does it.

Known limits
------------
None.

References
----------
The mail of 9 September 2013 (binding S1, S16); Linux commit 9d8eab7af79c, reverted by 1931ee143b0a; binding
rules LG01, LG09.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.legacy import CONTIGUOUS, UNTOUCHED, old_nodes, without
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for old in old_nodes(context):
        names = [name for name in old.names if name in UNTOUCHED]
        if not names or not old.is_region or any(name in CONTIGUOUS for name in old.names):
            continue
        exclusive = "reserved-memory-region" in names and not context.by_path[old.path].raw.no_map
        rest = without(old.node, UNTOUCHED)
        edit = Edit(EditKind.SET if rest else EditKind.REMOVE, old.path, "compatible", rest)
        yield Problem(
            path=old.path,
            prop="compatible",
            message=(
                f'"{names[0]}" is a name of 2013 that never became the binding; Linux reserves the region because of where it '
                "is, and passes over the name"
                + (
                    ": the memory stays mapped, where the proposal took it from the kernel"
                    if exclusive
                    else ""
                )
            ),
            fix=f'drop "{names[0]}"' + (" and add no-map" if exclusive else ""),
            edits=() if exclusive else (edit,),
        )


RULE = Rule(
    code="CV801",
    slug="compatible-of-2013",
    severity=Severity.WARNING,
    summary="compatible names reserved memory as proposals of 2013 did",
    board=check,
    covers=("LG01", "LG09"),
    bad=(
        Example("""
            pool@50000000 { compatible = "qcom,smem", "reserved-memory"; reg = <0x0 0x50000000 0x0 0x4000000>; no-map; };
        """),
        Example("""
            pool@50000000 { compatible = "reserved-memory-region"; reg = <0x0 0x50000000 0x0 0x4000000>;  };
        """),
    ),
    good=(
        Example("""
            pool@50000000 { compatible = "qcom,smem"; reg = <0x0 0x50000000 0x0 0x4000000>; no-map; };
        """),
        Example("""
            pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; };
        """),
    ),
)
