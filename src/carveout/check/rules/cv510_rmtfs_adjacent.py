# SPDX-License-Identifier: Apache-2.0
"""Memory of the remote file system touches another protected region, without guard pages.

What it checks
--------------
Enabled `qcom,rmtfs-mem` regions with `qcom,vmid` and without `qcom,use-guard-pages` against static no-map regions that begin where they
end, or end where they begin. A neighbour of one page is a guard by itself.

Why it matters
--------------
Some firmware fails to protect memory that touches other protected memory.

Kernel behaviour
----------------
The driver asks the firmware to give the region to the modem (`qcom,vmid`); where that fails: `assign memory failed`. 6.12 and
7.2 keep a page free at both ends with `qcom,use-guard-pages`.

Example
-------
See `bad`.

Fix
---
Add `qcom,use-guard-pages` and two pages, if the firmware of this chip needs it.

Known limits
------------
Most firmware does not mind, and many boards have such neighbours: a note.

References
----------
qcom,rmtfs-mem.yaml; qcom_rmtfs_mem_probe(), drivers/soc/qcom/rmtfs_mem.c; binding rule PL19.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.span import KIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_GUARD = 4 * KIB
"""A neighbour no larger than this is a guard by itself."""


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a note for each such region."""
    for region in context.by_compatible.get("qcom,rmtfs-mem", ()):
        span = region.span
        if span is None or "qcom,use-guard-pages" in region.node or "qcom,vmid" not in region.node:
            continue
        beside = [
            other.path
            for other, there in context.static
            if other.raw.no_map
            and there.size > _GUARD
            and (there.end == span.start or there.start == span.end)
        ]
        if beside:
            yield Problem(
                path=region.path,
                prop="reg",
                message=(
                    f"it touches {' and '.join(beside)}, and qcom,use-guard-pages is not set; some firmware refuses to "
                    'protect such memory ("assign memory failed")'
                ),
                related=tuple(beside),
            )


RULE = Rule(
    code="CV510",
    slug="rmtfs-adjacent",
    severity=Severity.NOTE,
    summary="memory of the remote file system touches another protected region, without guard pages",
    board=check,
    covers=("PL19",),
    bad=(
        Example("""
            modem@50000000 { reg = <0x0 0x50000000 0x0 0x2000000>; no-map; };
            rmtfs@52000000 { compatible = "qcom,rmtfs-mem"; reg = <0x0 0x52000000 0x0 0x200000>; no-map;
                qcom,client-id = <1>; qcom,vmid = <15>; };
        """),
    ),
    good=(
        Example("""
            modem@50000000 { reg = <0x0 0x50000000 0x0 0x2000000>; no-map; };
            rmtfs@52000000 { compatible = "qcom,rmtfs-mem"; reg = <0x0 0x52000000 0x0 0x202000>; no-map;
                qcom,client-id = <1>; qcom,vmid = <15>; qcom,use-guard-pages; };
        """),
        Example("""
            modem@50000000 { reg = <0x0 0x50000000 0x0 0x2000000>; no-map; };
            rmtfs@53000000 { compatible = "qcom,rmtfs-mem"; reg = <0x0 0x53000000 0x0 0x200000>; no-map;
                qcom,client-id = <1>; qcom,vmid = <15>; };
        """),
    ),
)
