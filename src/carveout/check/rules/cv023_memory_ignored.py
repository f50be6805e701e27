# SPDX-License-Identifier: Apache-2.0
"""The kernel leaves out RAM that a memory node describes.

What it checks
--------------
Whether the simulated kernel prints that it ignores a memory block or range: smaller than a page, above the highest
physical address of this kernel, or below the lowest.

Why it matters
--------------
The RAM is missing. Regions in it are outside RAM.

Kernel behaviour
----------------
All versions print `Ignoring memory block` or `Ignoring memory range`. Without LPAE a 32-bit kernel has physical addresses
below 4 GiB only.

Example
-------
See `bad`.

Fix
---
Correct the node, or use a kernel that can address the RAM.

Known limits
------------
Parts of pages at the borders of a bank are cut off without a message, and are not reported here either.

References
----------
early_init_dt_add_memory_arch(), drivers/of/fdt.c; kernel-semantics 6.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such line."""
    boot = view.boot
    for line in boot.log_lines:
        if "Ignoring memory " not in line.text:
            continue
        step = boot.trace[line.step]
        if step.subject.startswith("/"):
            size = f" of 0x{step.size:x} bytes" if step.size else ""
            yield Problem(
                path=step.subject,
                prop="reg",
                message=f'a part{size} is left out, {step.reason}; the kernel prints "{line.text}"',
                cause=step.reason,
            )


RULE = Rule(
    code="CV023",
    slug="memory-ignored",
    severity=Severity.WARNING,
    summary="the kernel leaves out RAM that a memory node describes",
    boot=check,
    covers=("corpus-memory-ignored",),
    bad=(
        Example('/ { memory@80000000 { device_type = "memory"; reg = <0x0 0x80000000 0x0 0x800>; }; };'),
        Example(
            """/ { #address-cells = <2>; #size-cells = <2>;
                memory@80000000 { device_type = "memory"; reg = <0x0 0x80000000 0x0 0x20000000>; };
                memory@880000000 { device_type = "memory"; reg = <0x8 0x80000000 0x0 0x20000000>; }; };""",
            arch="arm",
            kernel="6.12",
            kernel_image=(0x80200000, 0x1A00000),
            dtb_at=0x88000000,
            whole=True,
        ),
    ),
    good=(Example('/ { memory@80000000 { device_type = "memory"; reg = <0x0 0x80000000 0x0 0x1000>; }; };'),),
)
