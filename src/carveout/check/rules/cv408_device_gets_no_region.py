# SPDX-License-Identifier: Apache-2.0
"""The kernel refuses a device the region that its `memory-region` leads to.

What it checks
--------------
What each entry of each enabled device gives its driver, in the simulated boot. How a driver asks is known for
some (`carveout map --format json` names them); for others what of_reserved_mem_device_init_by_idx() returns for
a pool counts. Entries that lead nowhere are those of CV401 and CV402, disabled regions those of CV404.

Why it matters
--------------
The driver fails to start, or works with memory of the default pool.

Kernel behaviour
----------------
A coherent pool (`shared-dma-pool` without `reusable`) in RAM that the kernel maps is refused on arm64 and
riscv with -EINVAL, and a warning `memremap attempted on ram` with a stack trace: it needs `no-map`. On arm
such a pool is given back at boot. A region that could not be placed, was refused, or has been given back
leads to -EINVAL. So does a region without region driver, if the driver asks for memory from a pool, and one that the
kernel places, if the driver takes the address from `reg`.

Example
-------
See `bad`: a coherent pool without `no-map`.

Fix
---
Add `no-map` to a coherent pool, or `reusable` if it is meant to be shared with the system.

Known limits
------------
A consequence of something that another finding tells about the region is a note. Whether a driver asks for a
pool or only reads the address is not in the tree: for drivers that are not known, a plain region is no problem.

References
----------
rmem_dma_device_init(), kernel/dma/coherent.c; memremap(), kernel/iomem.c; kernel-semantics 5.1, 8.23;
corpus-and-peers section 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.boot.result import Outcome
from carveout.check.consumers import region_of
from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot.result import ConsumerResult, PlacedRegion
    from carveout.check.context import BootContext

# What a driver gives up with here, by name; others have rules of their own.
_ERRNOS = {12: "-ENOMEM", 22: "-EINVAL"}


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each refused entry."""
    refused = [entry for entry in view.boot.consumers if entry.errno in _ERRNOS and entry.enabled]
    if not refused:
        return
    regions = {region.path: region for region in view.boot.regions}
    known = {(entry.path, entry.index): entry for entry in view.board.board.consumers}
    for result in refused:
        entry = known.get((result.path, result.index))
        region = regions.get(result.region) if result.region is not None else None
        if entry is None or region is None or region_of(view.board, entry) is None:
            continue
        yield _problem(result, region)


def _problem(result: ConsumerResult, region: PlacedRegion) -> Problem:
    message = result.message or ""
    if message.startswith("memremap"):
        reason = (
            "it is RAM that the kernel maps, and a coherent pool there needs no-map; the kernel warns "
            f'"{message}"'
        )
        severity = None
    elif region.outcome is Outcome.PLACED:
        reason, severity = message, None
    else:
        # Behind the first reason come the doubts about the scene.
        why = region.why.partition("; ")[0]
        reason, severity = f"{message} ({why})" if why else message, Severity.NOTE
    return Problem(
        path=result.path,
        prop="memory-region",
        message=f"entry {result.index}, {region.path}, is refused with {_ERRNOS[result.errno or 22]}: {reason}",
        related=(region.path,),
        severity=severity,
        cause=f"entry {result.index}",
    )


RULE = Rule(
    code="CV408",
    slug="device-gets-no-region",
    severity=Severity.WARNING,
    summary="the kernel refuses a device its region",
    boot=check,
    covers=("corpus-consumer-refused",),
    bad=(
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                scp@1000000 { compatible = "mediatek,mt8183-scp"; memory-region = <&fw>; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    bare: coherent@54000000 { compatible = "shared-dma-pool"; reg = <0x0 0x54000000 0x0 0x100000>; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = <&bare>; };
            };
        """),
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    big: big { compatible = "shared-dma-pool"; size = <0x0 0x80000000>; reusable; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = <&big>; };
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
        Example("""
            / {
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool: pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x1000000>; no-map; };
                    fw: firmware@52000000 { reg = <0x0 0x52000000 0x0 0x100000>; no-map; };
                };
                video@1000000 { memory-region = <&fw>; };
            };
        """),
    ),
)
