# SPDX-License-Identifier: Apache-2.0
"""`qcom,use-guard-pages` on a region of less than three pages.

What it checks
--------------
Enabled `qcom,rmtfs-mem` regions with that property.

Why it matters
--------------
The first and the last page are left out. Nothing remains, or a size below 0.

Kernel behaviour
----------------
6.12, 7.2: the driver adds 4 KiB to the base and takes 8 KiB from the size, without a test. 5.10 and 6.1 do not know the property.

Example
-------
See `bad`.

Fix
---
Enlarge the region.

Known limits
------------
None.

References
----------
qcom,rmtfs-mem.yaml; qcom_rmtfs_mem_probe(), drivers/soc/qcom/rmtfs_mem.c; binding rule SH21.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.span import KIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext

_GUARD = "qcom,use-guard-pages"
_LEAST = 12 * KIB


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    for region in context.by_compatible.get("qcom,rmtfs-mem", ()):
        size = region.span.size if region.span is not None else region.size
        if _GUARD in region.node and size and size < _LEAST:
            yield Problem(
                path=region.path,
                prop=_GUARD,
                message=(
                    f"the region has 0x{size:x} bytes, of which the driver leaves out two pages of 4 KiB as guards; "
                    f"expected at least 0x{_LEAST:x}"
                ),
            )


RULE = Rule(
    code="CV509",
    slug="guard-pages-too-small",
    severity=Severity.ERROR,
    summary="`qcom,use-guard-pages` on a region of less than three pages",
    board=check,
    covers=("SH21",),
    bad=(
        Example(
            'rmtfs@50000000 { compatible = "qcom,rmtfs-mem"; reg = <0x0 0x50000000 0x0 0x2000>; no-map; '
            "qcom,client-id = <1>; qcom,use-guard-pages; };"
        ),
    ),
    good=(
        Example(
            'rmtfs@50000000 { compatible = "qcom,rmtfs-mem"; reg = <0x0 0x50000000 0x0 0x202000>; no-map; '
            "qcom,client-id = <1>; qcom,use-guard-pages; };"
        ),
    ),
)
