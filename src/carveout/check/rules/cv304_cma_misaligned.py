# SPDX-License-Identifier: Apache-2.0
"""Base or size of a contiguous pool is not a multiple of what this kernel's page allocator needs.

What it checks
--------------
`shared-dma-pool` regions with `reusable`: base and size of static ones and the size of dynamic ones, against the alignment of the
simulated kernel with its page size.

Why it matters
--------------
The pool is refused and its memory given back to the system. Its device gets nothing, or the default pool; if firmware uses the
address too, it overwrites the kernel's data.

Kernel behaviour
----------------
All versions: `Reserved memory: incorrect alignment of CMA region`, `compatible matching fail`, and the memory becomes ordinary RAM. The
base of a dynamic region is aligned by the kernel, its size is not. arm64 with 4 KiB pages: 4 MiB on 5.10, 2 MiB from 6.1
on; 16 KiB pages: 32 MiB; 64 KiB pages: 512 MiB. arm: 8 MiB as Debian builds it, 4 MiB by default. From 6.12 on
arm can hang with such a pool (CV220).

Example
-------
See `bad`. A Raspberry Pi kernel with 64 KiB pages lost its pools so (raspberrypi/linux issue 6053). aspeed-bmc-facebook-anacapa
asks for 44 MiB, which Debian's arm kernel refuses.

Fix
---
Round base and size to the largest alignment of the kernels the board is used with.

Known limits
------------
Kernels of other builds have other page-block sizes: give the configuration with `--config`.

References
----------
rmem_cma_setup(), kernel/dma/contiguous.c; CMA_MIN_ALIGNMENT_BYTES, include/linux/cma.h; raspberrypi/linux issue 6053; udmabuf
issues 47 and 126; kernel-semantics 3.7, 4.1; binding rules SH04, SH05.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.check.context import cells
from carveout.check.model import Edit, EditKind, Example, Problem, Rule, Severity
from carveout.check.structure import kernel_line, prints
from carveout.span import KIB, round_up
from carveout.units import format_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carveout.boot.result import PlacedRegion
    from carveout.check.context import BootContext

_NAME = "shared-dma-pool"


def check(view: BootContext) -> Iterator[Problem]:
    """Yield a problem for each such pool."""
    if _NAME not in view.board.by_compatible or not view.profile.config.dma_cma:
        return
    align = view.cma_alignment
    for region in view.boot.regions:
        if not region.reusable or region.nomap or region.pool == "cma" or not region.requested_size:
            continue
        if region.outcome not in ("released", "placed", "unknown") or not _is_pool(region):
            continue
        base = region.requested_base or 0
        if not (base | region.requested_size) & (align - 1):
            continue
        yield _problem(view, region, align)


def _problem(view: BootContext, region: PlacedRegion, align: int) -> Problem:
    size, base, page = region.requested_size or 0, region.requested_base, view.profile.config.page_size
    odd = [
        f"{name} 0x{value:x}" for name, value in (("base", base or 0), ("size", size)) if value & (align - 1)
    ]
    message = (
        f"{' and '.join(odd)} {'are' if len(odd) > 1 else 'is'} not a multiple of 0x{align:x} ({format_size(align)}), as a "
        f"contiguous pool needs with pages of {page // KIB} KiB; the kernel refuses it and gives the memory back to the system"
        + prints(kernel_line(view.boot, region.path, "alignment"))
    )
    if base is not None:
        return Problem(path=region.path, prop="reg", message=message)
    rounded = round_up(size, align)
    width = view.board.size_cells
    if rounded >= 1 << (32 * width) or any(window.size < rounded for window in region.alloc_ranges):
        return Problem(path=region.path, prop="size", message=message)
    return Problem(
        path=region.path,
        prop="size",
        message=message,
        fix=f"round the size up to 0x{rounded:x}",
        edits=(Edit(EditKind.SET, region.path, "size", cells(rounded, width=width)),),
    )


def _is_pool(region: PlacedRegion) -> bool:
    return any(text.lower() == _NAME for text in region.compatible)


RULE = Rule(
    code="CV304",
    slug="cma-misaligned",
    severity=Severity.ERROR,
    summary="base or size of a contiguous pool is not a multiple of what this kernel's page allocator needs",
    boot=check,
    covers=("SH04", "SH05", "corpus-cma-misaligned"),
    bad=(
        Example(
            'pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4c0000>; reusable; };'
        ),
        Example(
            'pool@50100000 { compatible = "shared-dma-pool"; reg = <0x0 0x50100000 0x0 0x400000>; reusable; };'
        ),
        Example('pool { compatible = "shared-dma-pool"; size = <0x0 0x100000>; reusable; };'),
        Example(
            'pool { compatible = "shared-dma-pool"; size = <0x0 0x1000000>; reusable; };', page_size=16384
        ),
        Example(
            'pool@50200000 { compatible = "shared-dma-pool"; reg = <0x0 0x50200000 0x0 0x400000>; reusable; };',
            kernel="5.10",
        ),
    ),
    good=(
        Example(
            'pool@50200000 { compatible = "shared-dma-pool"; reg = <0x0 0x50200000 0x0 0x400000>; reusable; };'
        ),
        Example('pool { compatible = "shared-dma-pool"; size = <0x0 0x1000000>; reusable; };'),
        Example(
            'pool { compatible = "shared-dma-pool"; size = <0x0 0x2000000>; reusable; };', page_size=16384
        ),
        Example(
            'pool@50000000 { compatible = "shared-dma-pool"; reg = <0x0 0x50000000 0x0 0x4c0000>; no-map; };'
        ),
    ),
)
