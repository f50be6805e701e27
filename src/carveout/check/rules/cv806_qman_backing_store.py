# SPDX-License-Identifier: Apache-2.0
"""A region is called `fsl,qman-backing-store`, which was never a binding.

What it checks
--------------
Nodes with this `compatible`.

Why it matters
--------------
The hardware needs several such areas, and each has a name of its own. The driver does not find this one.

Kernel behaviour
----------------
All versions reserve the region if it is below `/reserved-memory` and pass over the name. The drivers look for
`fsl,qman-fqd`, `fsl,qman-pfdr` and `fsl,bman-fbpr`.

Example
-------
See `bad`.

Fix
---
Choose: `fsl,qman-fqd` for frame queue descriptors, `fsl,qman-pfdr` for packed frame descriptor records,
`fsl,bman-fbpr` for free buffer proxy records. `carveout upgrade` asks, and writes the answer.

Known limits
------------
None.

References
----------
The mail of 9 September 2013 (binding S7); fsl,qman-fqd.yaml; binding rule LG10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.legacy import old_nodes
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext


_NAME = "fsl,qman-backing-store"


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each such node."""
    for old in old_nodes(context):
        if _NAME in old.names:
            yield Problem(
                path=old.path,
                prop="compatible",
                message=(
                    f"no kernel knows {_NAME}; the drivers look for fsl,qman-fqd and fsl,qman-pfdr, or fsl,bman-fbpr, and do "
                    "not find this region"
                ),
            )


RULE = Rule(
    code="CV806",
    slug="qman-backing-store",
    severity=Severity.WARNING,
    summary="fsl,qman-backing-store was never a binding",
    board=check,
    covers=("LG10",),
    bad=(
        Example("""
            pool@50000000 { compatible = "fsl,qman-backing-store", "reserved-memory"; reg = <0x0 0x50000000 0x0 0x4000000>; no-map; };
        """),
    ),
    good=(
        Example("""
            qman-fqd { compatible = "fsl,qman-fqd"; size = <0x0 0x400000>; alignment = <0x0 0x400000>; no-map; };
        """),
    ),
)
