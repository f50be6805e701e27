# SPDX-License-Identifier: Apache-2.0
"""A `shared-dma-pool` is neither `no-map` nor `reusable`.

What it checks
--------------
Such pools in the simulated boot: whether the kernel gives the memory back, and whether a device can have it. Pools with
`linux,cma-default` are another rule's.

Why it matters
--------------
It is a pool for coherent buffers, whose memory may not be mapped a second time. On 32-bit arm the memory is ordinary RAM
again; elsewhere a driver that asks for the pool fails.

Kernel behaviour
----------------
arm, all versions: `Reserved memory: regions without no-map are not yet supported`, `compatible matching fail`, given back. Others:
the pool is created; a device that asks for it gets EINVAL when it is in RAM, since memremap() refuses mapped RAM
(`memremap attempted on ram 0x… size: 0x…`). Outside RAM it works.

Example
-------
See `bad`.

Fix
---
Add `no-map` for a coherent pool, or `reusable` for a contiguous one.

Known limits
------------
Remote processor drivers often map such regions themselves and do not fail: a note unless an enabled device is refused.

References
----------
rmem_dma_setup(), rmem_dma_device_init(), kernel/dma/coherent.c; memremap(), kernel/iomem.c; kernel-semantics 3.7, 5.1; binding
rule SH03.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import kernel_line, prints

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext

_NAME = "shared-dma-pool"
_EINVAL = 22


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such pool."""
    if _NAME not in view.board.by_compatible:
        return
    boot = view.boot
    for region in boot.regions:
        node = view.board.by_path[region.path]
        if region.nomap or region.reusable or not node.has(_NAME) or node.raw.cma_default:
            continue
        if region.outcome == "ignored":
            continue
        if region.outcome == "released":
            yield Problem(
                path=region.path,
                message="a pool for coherent buffers needs no-map on this kernel; the memory is given back to the system"
                + prints(kernel_line(boot, region.path, "without no-map")),
                fix="add no-map, or reusable for a contiguous pool",
                severity=Severity.ERROR,
                cause="released",
            )
            continue
        refused = [
            c.path for c in boot.consumers if c.region == region.path and c.errno == _EINVAL and c.enabled
        ]
        if refused:
            yield Problem(
                path=region.path,
                message=(
                    "the pool is mapped RAM, which the kernel does not map again as coherent memory; "
                    f"{', '.join(dict.fromkeys(refused))} gets EINVAL if the driver asks for it as a DMA pool"
                ),
                fix="add no-map, or reusable for a contiguous pool",
                related=tuple(dict.fromkeys(refused)),
                cause="refused",
            )
        elif region.outcome == "placed" and not _is_outside_ram(view, region.base):
            yield Problem(
                path=region.path,
                message="a shared-dma-pool with neither no-map nor reusable: no device can use it as a pool if it is RAM, "
                "and 32-bit arm gives it back",
                severity=Severity.NOTE,
                cause="possible",
            )


def _is_outside_ram(view: BootContext, base: int | None) -> bool:
    if base is None or not view.boot.ram_known:
        return False
    return not any(bank.start <= base < bank.end for bank in view.boot.scene.memory)


RULE = Rule(
    code="CV303",
    slug="coherent-pool-mapped",
    severity=Severity.WARNING,
    summary="a `shared-dma-pool` is neither `no-map` nor `reusable`",
    boot=check,
    covers=("SH03",),
    bad=(
        Example(
            'pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x400000>; };',
            arch="arm",
            kernel_image=None,
            dtb_at=None,
        ),
        Example("""/ { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x400000>; }; };
            dsp { compatible = "example,dsp"; memory-region = <&pool>; }; };"""),
        Example('pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x400000>; };'),
    ),
    good=(
        Example(
            'pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x400000>; no-map; };'
        ),
        Example(
            'pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x400000>; reusable; };'
        ),
        Example('pool@10000000 { compatible = "shared-dma-pool"; reg = <0x0 0x10000000 0x0 0x400000>; };'),
    ),
)
