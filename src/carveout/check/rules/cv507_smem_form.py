# SPDX-License-Identifier: Apache-2.0
"""A `qcom,smem` node lacks what its driver needs, or says its memory twice.

What it checks
--------------
Regions with compatible `qcom,smem`: `reg` with `no-map`, no `memory-region`, and `hwlocks`. Devices with that compatible elsewhere:
`hwlocks` too.

Why it matters
--------------
Without shared memory no other processor of the chip can be talked to: no modem, no audio, no regulators on many boards.

Kernel behaviour
----------------
All versions: `failed to retrieve hwlock`, and the driver does not start. It takes the region from the node itself or from
`memory-region`.

Example
-------
See `bad`.

Fix
---
Add what is missing.

Known limits
------------
A region outside `/reserved-memory` with neither `reg` nor `memory-region` is not looked for.

References
----------
qcom,smem.yaml; qcom_smem_probe(), drivers/soc/qcom/smem.c; binding rules SH19, SH09.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BoardContext

_NAME = "qcom,smem"


def check(context: BoardContext) -> Iterator[Problem]:
    """Yield a problem for each fault."""
    own = context.by_compatible.get(_NAME, ())
    for region in own:
        if "memory-region" in region.node:
            yield Problem(
                path=region.path,
                prop="memory-region",
                message="the region is the shared memory itself and refers to one by memory-region; expected one of the two",
            )
        elif not region.is_static:
            yield Problem(
                path=region.path,
                message="shared memory is where the firmware expects it: it needs reg",
            )
        if "hwlocks" not in region.node:
            yield _no_hwlocks(region.path)
    for consumer in context.board.consumers:
        if _NAME not in consumer.compatible or not consumer.enabled or consumer.index:
            continue
        node = context.tree.node(consumer.path)
        if node is not None and "hwlocks" not in node and all(region.path != consumer.path for region in own):
            yield _no_hwlocks(consumer.path)


def _no_hwlocks(path: str) -> Problem:
    return Problem(
        path=path,
        message='hwlocks is missing; the driver fails ("failed to retrieve hwlock"), and no other processor can be reached',
    )


RULE = Rule(
    code="CV507",
    slug="smem-form",
    severity=Severity.ERROR,
    summary="a `qcom,smem` node lacks what its driver needs, or says its memory twice",
    board=check,
    covers=("SH19",),
    bad=(
        Example('smem@50000000 { compatible = "qcom,smem"; reg = <0x0 0x50000000 0x0 0x200000>; no-map; };'),
        Example('smem { compatible = "qcom,smem"; size = <0x0 0x200000>; no-map; hwlocks = <1 3>; };'),
        Example("""/ { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                smem: smem@50000000 { reg = <0x0 0x50000000 0x0 0x200000>; no-map; }; };
            smem { compatible = "qcom,smem"; memory-region = <&smem>; }; };"""),
        Example("""/ { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                other: other@51000000 { reg = <0x0 0x51000000 0x0 0x200000>; no-map; };
                smem@50000000 { compatible = "qcom,smem"; reg = <0x0 0x50000000 0x0 0x200000>; no-map;
                    memory-region = <&other>; hwlocks = <1 3>; }; }; };"""),
    ),
    good=(
        Example(
            'smem@50000000 { compatible = "qcom,smem"; reg = <0x0 0x50000000 0x0 0x200000>; no-map; hwlocks = <1 3>; };'
        ),
    ),
)
