# SPDX-License-Identifier: Apache-2.0
"""Shapes of messages that carveout's own table does not write: of kernels back to 3.15, and of vendors' trees.

Fields in braces as in boot/messages.py. `family` is the message of today that says the same; families that only
older kernels have carry a name of their own. Source: binding 2; peers-and-users A.2, A.3; the threads named.
"""

from __future__ import annotations

from carveout.values import NamedTuple


class Shape(NamedTuple):
    """One shape: the family it says the same as, its text, and whose it is."""

    family: str
    text: str
    whose: str


OLDER: tuple[Shape, ...] = (
    # 3.15 to 4.x print placements only when debugging is on; Qualcomm's and others' kernels always.
    Shape(
        "region-placed",
        "reserved region for node '{name}': base {base}, size {mib} MiB",
        "3.15, debug; vendors",
    ),
    Shape(
        "region-placed",
        "allocated memory for '{name}' node: base {base}, size {mib} MiB",
        "3.15, debug; vendors",
    ),
    Shape("not-enough-space", "not enough space all defined regions.", "up to 5.9"),
    Shape("dma-created", "Removed memory: created DMA memory pool at {base}, size {mib} MiB", "Qualcomm"),
    Shape("summary", "{base}..{last} ( {kib} KB) {nomap} {reusable} {name}", "6.3"),
    Shape("summary", "{base}..{last} ({kib} KB) {nomap} {reusable} {name}", "6.3"),
    Shape("region-span", "Node {name} memblock_reserve memory {start:x}-{end:x}", "Qualcomm 3.4, 3.10"),
    Shape("region-span", "Node {name} memblock_remove memory {start:x}-{end:x}", "Qualcomm 3.4, 3.10"),
    Shape("cma-reserved", "cma: CMA: reserved {mib} MiB at {base}", "3.5 to 3.16"),
    Shape("cma-failed", "cma: CMA: failed to reserve {mib} MiB", "3.5 to 3.16"),
    Shape("cma-reserved", "cma: Reserved {mib} MiB in {count} range", "6.15, several ranges"),
    Shape("cma-skipped", 'Skipping dt linux,cma-default node in favor of "cma=" kernel param.', "vendors"),
    # Boot loaders that print before the kernel.
    Shape("loader-failed", "ERROR: reserving fdt memory region failed (addr={base} size={size}", "U-Boot"),
    Shape("loader-failed", "reserving fdt memory region failed (addr={base} size={size}", "U-Boot"),
    Shape("loader-fdt", "Loading Device Tree to {base}, end {last}", "U-Boot"),
    Shape("loader-fdt", "Using Device Tree in place at {base}, end {last}", "U-Boot"),
    Shape("loader-initrd", "Loading Ramdisk to {base}, end {last}", "U-Boot"),
    # What a driver gets.
    Shape("assigned", "assigned reserved memory node {name}", "all"),
)
