# SPDX-License-Identifier: Apache-2.0
"""Messages of the region drivers: contiguous, coherent and restricted pools."""

from __future__ import annotations

from carveout.check.page import Page

PAGES = (
    Page(
        slug="created-cma-pool",
        title="created CMA memory pool at",
        keys=("cma-created",),
        meaning="A `shared-dma-pool` with `reusable` became a contiguous area: movable pages may use it until a driver asks for it.",
        kernels="All with CONFIG_DMA_CMA. The size is cut to whole MiB.",
        causes=("Nothing is wrong.",),
        cures=("Compare base and size with what the devices behind it can reach.",),
        source="rmem_cma_setup(), kernel/dma/contiguous.c; kernel-semantics 3.7",
    ),
    Page(
        slug="cma-default-loses-to-command-line",
        title="using cmdline CMA params instead",
        keys=("cma-bypass", "cma-skipped"),
        meaning="`cma=` on the command line and a `linux,cma-default` region: the command line wins. The region of the tree is not the default pool, and its `alloc-ranges` and size count for nothing.",
        kernels='Up to 6.12: `bypass NODE node, using cmdline CMA params instead`, the node is reserved first and given back. 7.2: `Skipping dt linux,cma-default node in favor for "cma=" kernel param.`, never reserved; printed twice for a static node.',
        causes=(
            "A boot script or the boot loader's environment sets cma=, often left over from an older kernel.",
            "`cma=0`, which also switches the default pool off.",
        ),
        cures=("Remove cma= from the command line, or remove the node and say `cma=SIZE@BASE`.",),
        covers=("LX03",),
        source="rmem_cma_setup(), rmem_cma_validate(); kernel-semantics 3.7",
    ),
    Page(
        slug="incorrect-alignment-of-cma-region",
        title="incorrect alignment of CMA region",
        keys=("cma-alignment",),
        meaning="Base or size of a contiguous pool is no multiple of the kernel's granule. The pool is refused and its memory given back; drivers take the default pool or fail.",
        kernels="The granule depends on the kernel's configuration: arm64 with 4K pages 2 MiB (5.10: 4 MiB), 16K pages 32 MiB, 64K pages 512 MiB, Debian's armmp 8 MiB. For dynamic regions the base is aligned by the kernel, the size never is.",
        causes=(
            "A size such as 1 MiB or 0x4c0000, which fitted another kernel.",
            "The same tree booted with 16K or 64K pages.",
        ),
        cures=(
            "Round base and size to the largest granule among the kernels that are to boot.",
            "`carveout check --page-size 4K --page-size 16K --page-size 64K` lists the pools that break.",
        ),
        covers=("SH04", "SH05"),
        source="rmem_cma_setup(), kernel/dma/contiguous.c; kernel-semantics 3.7, 4.1",
    ),
    Page(
        slug="unable-to-setup-cma-region",
        title="unable to setup CMA region",
        keys=("cma-setup-failed",),
        meaning="The area could not be registered. The line before has the reason.",
        kernels="All.",
        causes=(
            "All slots for areas are taken (CONFIG_CMA_AREAS).",
            "The region was not reserved, or its size is 0.",
        ),
        cures=("Raise CONFIG_CMA_AREAS, or merge pools that need not be apart.",),
        covers=("LX06",),
        source="rmem_cma_setup(), cma_init_reserved_mem(); kernel-semantics 3.7",
    ),
    Page(
        slug="created-dma-pool",
        title="created DMA memory pool at",
        keys=("dma-created",),
        meaning="A `shared-dma-pool` without `reusable` became a pool for coherent allocations of the devices that point at it. It is mapped only when the first device is bound, so this line does not prove that it works.",
        kernels="All. On 64-bit kernels it is printed without `no-map` too; binding a device then fails (see memremap-attempted).",
        causes=("Nothing is wrong.",),
        cures=("Make sure that the node has no-map.",),
        covers=("SH03",),
        source="rmem_dma_setup(), kernel/dma/coherent.c; kernel-semantics 3.7, 5.1",
    ),
    Page(
        slug="regions-without-no-map",
        title="regions without no-map are not yet supported",
        keys=("dma-needs-nomap",),
        meaning="32-bit arm refuses a coherent pool that stays in the linear mapping. The reservation is undone and the memory given back.",
        kernels="32-bit arm only, all versions.",
        causes=("A shared-dma-pool with neither no-map nor reusable.",),
        cures=("Add no-map for a coherent pool, or reusable for a contiguous one.",),
        covers=("SH03",),
        source="rmem_dma_setup(), kernel/dma/coherent.c; kernel-semantics 3.7",
    ),
    Page(
        slug="created-restricted-pool",
        title="created restricted DMA pool at",
        keys=("restricted-created",),
        meaning="A `restricted-dma-pool`: all DMA of the devices that point at it is copied through this memory.",
        kernels="6.1 and newer, with CONFIG_DMA_RESTRICTED_POOL. Without it the region is only reserved, and the device is not restricted at all.",
        causes=("Nothing is wrong.",),
        cures=("Give the device a coherent pool as well when it needs coherent memory from atomic context.",),
        covers=("SH06", "SH07", "SH08"),
        source="rmem_swiotlb_setup(), kernel/dma/swiotlb.c; kernel-semantics 3.7",
    ),
    Page(
        slug="cannot-store-cma-area",
        title="Couldn't store CMA reserved area.",
        keys=("cma-store",),
        meaning="The area works, but the list from which DMA heaps are made is full: there will be no /dev/dma_heap entry for it.",
        kernels="7.2 and newer.",
        causes=("More contiguous pools in the tree than CONFIG_CMA_AREAS.",),
        cures=("Raise CONFIG_CMA_AREAS.",),
        covers=("LX06", "LX07"),
        source="rmem_cma_setup(), kernel/dma/contiguous.c; kernel-semantics 3.7",
    ),
)
