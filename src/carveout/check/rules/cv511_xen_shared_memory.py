# SPDX-License-Identifier: Apache-2.0
"""A `xen,shared-memory-v1` region does not have the form that Xen writes.

What it checks
--------------
Enabled regions with that compatible: `reg`, `xen,id` with one string, `xen,offset`, if there, of 8 bytes, and the name `xen-shmem`.

Why it matters
--------------
Guests find the other end by `xen,id`, and their place in it by `xen,offset`.

Kernel behaviour
----------------
Linux reserves the region and has no driver for it. Other guests read the properties.

Example
-------
See `bad`.

Fix
---
Write the node as Xen's tools do.

Known limits
------------
None.

References
----------
Documentation/devicetree/bindings/reserved-memory/xen,shared-memory.txt; binding rule SH22.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.context import texts
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each fault."""
    for region in context.by_compatible.get("xen,shared-memory-v1", ()):
        if region.base_name != "xen-shmem":
            yield Problem(
                path=region.path,
                message="the node of memory that Xen guests share is named xen-shmem@ADDRESS",
            )
        if not region.is_static:
            yield Problem(path=region.path, message="it has no reg; Xen says where the shared memory is")
        if len(texts(region.node.prop("xen,id"))) != 1:
            yield Problem(
                path=region.path,
                prop="xen,id",
                message="it has no xen,id with one string; nobody finds the other end",
            )
        offset = region.node.prop("xen,offset")
        if offset is not None and offset.length != 8:
            yield Problem(
                path=region.path,
                prop="xen,offset",
                message=f"xen,offset has {offset.length} bytes, expected one number of 8",
            )


RULE = Rule(
    code="CV511",
    slug="xen-shared-memory",
    severity=Severity.WARNING,
    summary="a `xen,shared-memory-v1` region does not have the form that Xen writes",
    board=check,
    covers=("SH22",),
    bad=(
        Example("""xen-shmem@50000000 { compatible = "xen,shared-memory-v1"; reg = <0x0 0x50000000 0x0 0x1000>;
            xen,id = "one"; xen,offset = <0x1000>; };"""),
        Example(
            'xen-shmem@50000000 { compatible = "xen,shared-memory-v1"; reg = <0x0 0x50000000 0x0 0x1000>; };'
        ),
        Example("""shared@50000000 { compatible = "xen,shared-memory-v1"; reg = <0x0 0x50000000 0x0 0x1000>;
            xen,id = "one"; };"""),
    ),
    good=(
        Example("""xen-shmem@50000000 { compatible = "xen,shared-memory-v1"; reg = <0x0 0x50000000 0x0 0x1000>;
            xen,id = "one"; xen,offset = <0x0 0x1000>; };"""),
    ),
)
