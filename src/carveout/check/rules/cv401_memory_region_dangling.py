# SPDX-License-Identifier: Apache-2.0
"""An entry of `memory-region` leads to no node.

What it checks
--------------
The phandle of each entry of each `memory-region`. A phandle that a tree leaves to an overlay is left out.

Why it matters
--------------
The driver gets no memory. It fails to start, or takes memory from somewhere else.

Kernel behaviour
----------------
All versions: of_reserved_mem_device_init_by_idx() returns -ENODEV, as if there were no entry. Nothing is
printed unless the driver does.

Example
-------
See `bad`: after a region was removed from a blob, a device still refers to it.

Fix
---
Refer to a child of `/reserved-memory`.

Known limits
------------
dtc refuses such references in sources; this happens in blobs which a boot loader, an overlay or a person has
changed. An entry of 0 is a note: it is how a list is written that has nothing at this place.

References
----------
of_reserved_mem_device_init_by_idx(), drivers/of/of_reserved_mem.c; kernel-semantics 5.1; binding rule CO01.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.consumers import has_specifiers, is_unresolved
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such entry; disabled devices and empty entries get a milder one."""
    for path, entries in context.devices.items():
        wrong = [entry for entry in entries if entry.region is None and not is_unresolved(context, entry)]
        for entry in wrong if wrong and not has_specifiers(context, entries) else ():
            severity = Severity.NOTE if entry.phandle == 0 else None if entry.enabled else Severity.WARNING
            yield Problem(
                path=path,
                prop="memory-region",
                message=(
                    f"entry {entry.index} is 0x{entry.phandle:x}, and no node has this phandle; Linux gives the driver "
                    "-ENODEV and no memory"
                ),
                severity=severity,
                cause=f"entry {entry.index}",
            )


RULE = Rule(
    code="CV401",
    slug="memory-region-dangling",
    severity=Severity.ERROR,
    summary="an entry of memory-region leads to no node",
    board=check,
    covers=("CO01", "corpus-dangling-phandle"),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = <0x99>; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = <&fw 0x99>; status = "disabled"; };
            };
        """),
    ),
    good=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = <&pool>; };
            };
        """),
    ),
)
