# SPDX-License-Identifier: Apache-2.0
"""32-bit arm machines whose platform code takes part in early memory set-up, by the compatible of the root node.

All other machines are "Generic DT" for this purpose, as the booted ones were. None of those listed here was
booted: their results are `modelled`.
Source: machine descriptions in arch/arm/mach-*, fields dma_zone_size and reserve (kernel-semantics 1.3).
"""

from __future__ import annotations

from carveout.values import NamedTuple

GIB = 1 << 30


class ArmMachine(NamedTuple):
    """What the platform code of a machine does."""

    prefix: str
    """Beginning of a compatible string of the root node."""
    dma_zone_size: int | None
    """Bytes from PHYS_OFFSET that every device can reach; None: no limit below 4 GiB."""
    doubt: str
    """Why results for it are not exact."""


_MAY_RESERVE = (
    "the platform code of {0} may take memory before /reserved-memory is read, which is not simulated"
)

ARM_MACHINES: tuple[ArmMachine, ...] = (
    ArmMachine("brcm,bcm2711", 1 * GIB, "the DMA zone of brcm,bcm2711, the first GiB, was never booted"),
    *(
        ArmMachine(prefix, None, _MAY_RESERVE.format(prefix))
        for prefix in (
            "marvell,armada-370-xp",
            "renesas,r8a77",
            "samsung,exynos",
            "ti,am33",
            "ti,am43",
            "ti,dra7",
            "ti,omap",
            "xlnx,zynq-7000",
        )
    ),
)
"""The machines, in no order that matters."""
