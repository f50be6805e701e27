# SPDX-License-Identifier: Apache-2.0
"""A dynamic region gets no place in RAM.

What it checks
--------------
Well-formed dynamic regions that the simulated kernel cannot place. A window that is too small by itself is CV208's, one
without any RAM CV209's.

Why it matters
--------------
There is no region. Its device gets an error, or falls back to the default pool; a default pool that is lost is replaced by
the one of the kernel's configuration.

Kernel behaviour
----------------
5.10: `failed to allocate memory for node 'NAME'`; from 6.1 on with the size. The boot goes on.

Example
-------
See `bad`. meson-gxl-s805x-libretech-ac has 512 MiB of RAM, of which a firmware region in the middle leaves 254 MiB in one
piece, and asks for a pool of 256 MiB.

Fix
---
Ask for less, or move what splits RAM.

Known limits
------------
As the scene says: the place of kernel, tree and initrd, and the size of RAM, can make the difference. When RAM comes from
the memory nodes and ends inside a window it is a warning, since boot loaders enlarge it (imx8qm-tqma8qm).

References
----------
__reserved_mem_alloc_size(), drivers/of/of_reserved_mem.c; kernel-semantics 3.4; OpenCCU PR 4100; binding rules PL14, AD12,
LX09.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.context import in_one
from carveout.check.model import Example, Problem, Rule, Severity
from carveout.check.structure import fits, kernel_line, prints, without_place
from carveout.units import format_size_about

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from carveout.check.context import BootContext
    from carveout.span import Span


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such region."""
    ram = view.known_ram
    for region, size, align in without_place(view) if ram else ():
        windows = region.alloc_ranges
        if region.outcome != "alloc-failed":
            continue
        if windows and not any(fits(window, size, align) for window in windows):
            continue
        if windows and not any(window.overlaps(bank) for window in windows for bank in ram):
            continue
        hole = region.hole
        room = (
            "there is no free memory"
            if hole is None
            else f"the largest free range has 0x{hole.usable:x} ({format_size_about(hole.usable)}), at 0x{hole.span.start:x}"
        )
        yield Problem(
            path=region.path,
            prop="size",
            message=(
                f"size 0x{size:x} ({format_size_about(size)}) aligned to 0x{align:x} finds no place"
                f"{' in alloc-ranges' if windows else ''}: {room}"
                + prints(kernel_line(view.boot, region.path, "failed to allocate"))
            ),
            severity=Severity.WARNING if _may_grow(view, windows, ram) else None,
        )


def _may_grow(view: BootContext, windows: tuple[Span, ...], ram: Sequence[Span]) -> bool:
    # The tree's RAM ends inside a window: a boot loader that knows of more RAM makes room there.
    return view.boot.scene.memory_source == "tree" and any(not in_one(window, ram) for window in windows)


RULE = Rule(
    code="CV210",
    slug="region-does-not-fit",
    severity=Severity.ERROR,
    summary="a dynamic region gets no place in RAM",
    boot=check,
    covers=("PL14", "AD12", "LX09", "corpus-does-not-fit"),
    bad=(
        Example("pool { size = <0x0 0x80000000>; };"),
        Example("""
            secmon@50000000 { reg = <0x0 0x50000000 0x0 0x200000>; no-map; };
            tee@60000000 { reg = <0x0 0x60000000 0x0 0x200000>; no-map; };
            pool { size = <0x0 0x20000000>; };
        """),
        Example("""
            fw@50000000 { reg = <0x0 0x50000000 0x0 0x100000>; no-map; };
            pool { size = <0x0 0x4000000>; alloc-ranges = <0x0 0x4e000000 0x0 0x4000000>; };
        """),
    ),
    good=(
        Example("""
            / { memory@40000000 { reg = <0x0 0x40000000 0x0 0x0>; };
                reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
                    pool { size = <0x0 0x80000000>; };
                };
            };
        """),
        Example("pool { size = <0x0 0x20000000>; };"),
        Example("pool { size = <0x0 0x80000000>; };", memory=((0x40000000, 0x100000000),)),
    ),
)
