# SPDX-License-Identifier: Apache-2.0
"""A memory node has no `device_type = "memory"`, so Linux does not see it.

What it checks
--------------
Enabled children of the root called `memory` or `memory@…` that have `reg` and no `device_type`, or another
one.

Why it matters
--------------
The RAM of the node is missing. Without any other memory node the kernel has no RAM at all, unless the boot
loader adds it.

Kernel behaviour
----------------
All versions find RAM by `device_type` alone; the name means nothing.

Example
-------
See `bad`. In Debian's trees: aspeed-bmc-inspur-on5263m5, pxa168-aspenite, imx6dl-b105pv2 (until 6.12).

Fix
---
Add `device_type = "memory"`.

Known limits
------------
Nodes with `compatible` (on-chip RAM, say) are left out. A warning where another memory node gives RAM: boot
loaders often fill in the node of that name, and it may be meant to be ignored.

References
----------
early_init_dt_scan_memory(), drivers/of/fdt.c; memory.yaml of dt-schema; kernel-semantics 6.1; binding rule
LX14; corpus-and-peers section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.board.decode import is_enabled
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such node."""
    for node in context.tree.top("memory"):
        if "reg" not in node or "compatible" in node or not is_enabled(node):
            continue
        prop = node.prop("device_type")
        if prop is not None and prop.value.split(b"\0", 1)[0] == b"memory":
            continue
        what = "no device_type" if prop is None else "another device_type"
        yield Problem(
            path=node.path,
            prop=None if prop is None else "device_type",
            message=f'it has {what}; Linux finds RAM by device_type = "memory" alone and does not see this node',
            fix='add device_type = "memory"',
            edits=(Edit(EditKind.SET, node.path, "device_type", b"memory\0"),),
            severity=Severity.WARNING if context.ram else None,
        )


RULE = Rule(
    code="CV716",
    slug="memory-without-type",
    severity=Severity.ERROR,
    summary="a memory node has no device_type and Linux does not see it",
    board=check,
    covers=("LX14", "corpus-memory-without-device-type"),
    bad=(
        Example("""
            / { memory@80000000 { reg = <0x0 0x80000000 0x0 0x40000000>; }; };
        """),
        Example(
            """
            / { #address-cells = <1>; #size-cells = <1>; memory { reg = <0x40000000 0x40000000>; }; };
        """,
            whole=True,
        ),
    ),
    good=(
        Example("""
            / { memory@80000000 { device_type = "memory"; reg = <0x0 0x80000000 0x0 0x40000000>; }; };
        """),
        Example("""
            / { memory@2000000 { compatible = "mmio-sram"; reg = <0x0 0x2000000 0x0 0x10000>; }; };
        """),
    ),
)
