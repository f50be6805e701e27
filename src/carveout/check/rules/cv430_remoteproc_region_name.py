# SPDX-License-Identifier: Apache-2.0
"""A region of a remote processor has a name that is nearly the one looked for.

What it checks
--------------
Regions that a device refers to and whose name contains `vdev` or `vring`: the names looked for are
`vdevNvringM` and `vdevNbuffer`.

Why it matters
--------------
The remoteproc core finds the memory of rings and buffers by the name of the node before `@`. With another
name it takes other memory, which the remote processor may not reach.

Kernel behaviour
----------------
All versions since 5.1: rproc_find_carveout_by_name(). Without a match, memory is allocated from the pool of
the device, or the default pool.

Example
-------
See `bad`.

Fix
---
Rename the node: `vdev0vring0`, `vdev0vring1`, `vdev0buffer`.

Known limits
------------
A name without the number (`vdevbuffer`, in 59 trees of i.MX boards) or with something in front gets a note:
some drivers accept it or do without.

References
----------
rproc_find_carveout_by_name(), drivers/remoteproc/remoteproc_core.c; Linux commit 086d08725d34; binding rule
CO22.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_NAME = re.compile(r"vdev\d+(vring\d+|buffer)")
_NEARLY = re.compile(r"[a-z0-9-]*(vdev\d+vring\d+|vdev\d*buffer)")


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in context.regions:
        name = region.base_name
        if ("vdev" not in name and "vring" not in name) or not region.users or _NAME.fullmatch(name):
            continue
        yield Problem(
            path=region.path,
            message=(
                f"{name} is not a name that remoteproc looks for (vdev0vring0, vdev0buffer); it then takes memory from the "
                "pool of the device or the default pool"
            ),
            severity=Severity.NOTE if _NEARLY.fullmatch(name) else None,
        )


RULE = Rule(
    code="CV430",
    slug="remoteproc-region-name",
    severity=Severity.WARNING,
    summary="a region of a remote processor has a name that no driver looks for",
    board=check,
    covers=("CO22",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    ring: vdev0-vring0@50000000 { reg = <0x0 0x50000000 0x0 0x8000>; no-map; };
                };
                remoteproc { compatible = "vendor,rproc"; memory-region = <&ring>; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    ring: vdev0_buffer@50000000 { reg = <0x0 0x50000000 0x0 0x8000>; no-map; };
                };
                remoteproc { compatible = "vendor,rproc"; memory-region = <&ring>; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    ring: vdevbuffer@50000000 { reg = <0x0 0x50000000 0x0 0x8000>; no-map; };
                };
                remoteproc { compatible = "vendor,rproc"; memory-region = <&ring>; };
            };
        """),
    ),
    good=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    ring: vdev0vring0@50000000 { reg = <0x0 0x50000000 0x0 0x8000>; no-map; };
                };
                remoteproc { compatible = "vendor,rproc"; memory-region = <&ring>; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    ring: vdev0buffer@50000000 { reg = <0x0 0x50000000 0x0 0x8000>; no-map; };
                };
                remoteproc { compatible = "vendor,rproc"; memory-region = <&ring>; };
            };
        """),
    ),
)
