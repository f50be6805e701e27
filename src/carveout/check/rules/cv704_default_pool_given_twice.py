# SPDX-License-Identifier: Apache-2.0
"""The kernel makes a default pool of its own before it sees the one of the tree.

What it checks
--------------
Whether the simulated boot ends with two default areas: one from a region with `linux,cma-default`, and one
from the kernel's configuration that was made earlier.

Why it matters
--------------
The first is a contiguous area which no device uses. The system can use its pages, but nothing else gets
contiguous memory from it, and it takes space from where the other could be.

Kernel behaviour
----------------
From 6.12 on, on arm and riscv: a static region is set up after the default area of the configuration is made,
and then takes over. arm64, and dynamic regions, are not affected; up to 6.1 there is one area.

Example
-------
See `bad`: 16 MiB are wasted on a Debian 6.12 armmp kernel, 128 MiB on 7.2.

Fix
---
Make the region dynamic, with `alloc-ranges` of its size at its place; or build the kernel with
CONFIG_CMA_SIZE_MBYTES=0.

Known limits
------------
None.

References
----------
dma_contiguous_reserve(), kernel/dma/contiguous.c; kernel-semantics 4.2, 8.11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.model import Example, Problem, Rule, Severity
from carveout.units import format_size_about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.check.context import BootContext


def check(view: BootContext) -> Iterator[Problem]:
    """Yield the problem at the region."""
    own = [area for area in view.boot.cma if area.is_default and area.from_region is not None]
    others = [area for area in view.boot.cma if area.from_region is None and area.name == "reserved"]
    if own and others and own[0].from_region is not None:
        other = others[0]
        yield Problem(
            path=own[0].from_region,
            prop="linux,cma-default",
            message=(
                f"when this static region becomes the default pool, the kernel has made one of {format_size_about(other.size)} "
                f"at 0x{other.base:x} from its configuration already; no device uses that one"
            ),
        )


RULE = Rule(
    code="CV704",
    slug="default-pool-given-twice",
    severity=Severity.WARNING,
    summary="the kernel makes a second default pool beside the one of the tree",
    boot=check,
    covers=("corpus-default-pool-twice",),
    bad=(
        Example(
            """/ { #address-cells = <1>; #size-cells = <1>; chosen { };
    cpus { #address-cells = <1>; #size-cells = <0>; cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a7"; reg = <0>; }; };
    memory@40000000 { device_type = "memory"; reg = <0x40000000 0x20000000>; };
    reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges;
        pool@50000000 { compatible = "shared-dma-pool"; reg = <0x50000000 0x4000000>; reusable; linux,cma-default; };
    }; };""",
            whole=True,
            arch="arm",
            kernel="6.12",
            kernel_image=(0x40200000, 0x1A00000),
        ),
    ),
    good=(
        Example("""
            pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4000000>; reusable; linux,cma-default; };
        """),
    ),
)
