# SPDX-License-Identifier: Apache-2.0
"""The configuration of a kernel build: the options which matter for reserved memory, and known builds.

Source: kernel-semantics 10 (values read from Debian's configuration files).
"""

from __future__ import annotations

from typing import Literal

from carveout.values import NamedTuple

KIB = 1 << 10


class Config(NamedTuple):
    """One kernel configuration. Field names follow the CONFIG_ options; sizes are in the option's unit."""

    page_size: int
    """Bytes."""
    phys_bits: int = 64
    """Width of phys_addr_t."""
    va_bits: int = 48
    pa_bits: int = 48
    cma: bool = True
    dma_cma: bool = True
    cma_size_mbytes: int = 64
    cma_size_percentage: int = 0
    cma_size_sel: Literal["mbytes", "percentage", "min", "max"] = "mbytes"
    cma_areas: int = 20
    cma_alignment: int = 8
    max_order: int = 10
    """(ARCH_)FORCE_MAX_(ZONE)ORDER as configured; Behaviour.max_order_counts says what it counts."""
    page_block_max_order: int | None = None
    hugetlb_page: bool = True
    transparent_hugepage: bool = True
    zone_dma: bool = True
    zone_dma32: bool = True
    numa: bool = True
    nodes_shift: int = 4
    nr_cpus: int = 512
    highmem: bool = False
    coherent_needs_nomap: bool = False
    """32-bit arm: a coherent pool without no-map is refused (ARM)."""
    dma_declare_coherent: bool = True
    dma_restricted_pool: bool = False
    dma_global_pool: bool = False
    dma_pernuma_cma: bool = False
    """DMA_PERNUMA_CMA (≤6.1) or DMA_NUMA_CMA."""
    cma_size_pernuma: bool = False
    tegra210_emc_table: bool = False
    fsl_dpaa: bool = False
    crash_dump: bool = True
    efi: bool = True
    kfence: bool = True
    kfence_sample_interval: int = 0
    cmdline: str = ""

    @property
    def hugetlb_page_order(self) -> int:
        """log2 of the pages in a huge page at the level of one page-table page."""
        return {4: 9, 16: 11, 64: 13}[self.page_size // KIB]


_ARM64_510 = Config(
    page_size=4 * KIB,
    cma_areas=19,
    max_order=11,
    nr_cpus=256,
    dma_pernuma_cma=True,
    kfence=False,
)
_ARM64_612 = Config(page_size=4 * KIB, va_bits=52, pa_bits=52)

# Pages of 64 KiB until 6.1; from 6.12 on 4 KiB, and 64 KiB in the -64k flavour.
_POWERPC_61 = Config(
    page_size=64 * KIB,
    dma_cma=False,
    cma_areas=19,
    max_order=9,
    zone_dma=False,
    zone_dma32=False,
    nodes_shift=8,
    nr_cpus=2048,
    efi=False,
    kfence=False,
    cmdline="console=ttyS0,9600 console=tty0",
)
_POWERPC_72 = _POWERPC_61._replace(
    page_size=4 * KIB, cma_areas=20, max_order=12, page_block_max_order=12, kfence=True
)
# The configuration file of 6.12 was not read: as 7.2, less what that release added. Nothing that was booted
# depends on the difference.
_POWERPC_612 = _POWERPC_72._replace(page_block_max_order=None)

_RISCV64_612 = Config(
    page_size=4 * KIB,
    va_bits=57,
    pa_bits=56,
    cma=False,
    dma_cma=False,
    zone_dma=False,
    nodes_shift=2,
    nr_cpus=128,
)

_ARM_510 = Config(
    page_size=4 * KIB,
    phys_bits=32,
    cma_size_mbytes=16,
    cma_areas=7,
    max_order=12,
    hugetlb_page=False,
    transparent_hugepage=False,
    zone_dma32=False,
    numa=False,
    nr_cpus=8,
    highmem=True,
    coherent_needs_nomap=True,
    kfence=False,
)
_ARM_612 = _ARM_510._replace(cma_areas=8, max_order=11, kfence=True)

DEBIAN: dict[tuple[str, str, int], Config] = {
    ("arm64", "5.10", 4 * KIB): _ARM64_510,
    ("arm64", "6.1", 4 * KIB): _ARM64_510,
    ("arm64", "6.12", 4 * KIB): _ARM64_612,
    ("arm64", "6.12", 16 * KIB): _ARM64_612._replace(page_size=16 * KIB, max_order=11),
    ("arm64", "7.2", 4 * KIB): _ARM64_612._replace(
        page_block_max_order=10, dma_pernuma_cma=True, cma_size_pernuma=True
    ),
    # As with 4 KiB pages, but for the orders; what was booted agrees.
    ("arm64", "7.2", 16 * KIB): _ARM64_612._replace(
        page_size=16 * KIB,
        max_order=11,
        page_block_max_order=11,
        dma_pernuma_cma=True,
        cma_size_pernuma=True,
    ),
    ("powerpc64", "6.1", 64 * KIB): _POWERPC_61,
    ("powerpc64", "6.12", 4 * KIB): _POWERPC_612,
    ("powerpc64", "6.12", 64 * KIB): _POWERPC_612._replace(page_size=64 * KIB, max_order=8),
    ("powerpc64", "7.2", 4 * KIB): _POWERPC_72,
    ("powerpc64", "7.2", 64 * KIB): _POWERPC_72._replace(
        page_size=64 * KIB, max_order=8, page_block_max_order=8
    ),
    ("riscv64", "6.12", 4 * KIB): _RISCV64_612,
    ("riscv64", "7.2", 4 * KIB): _RISCV64_612._replace(
        cma=True,
        dma_cma=True,
        cma_size_mbytes=128,
        page_block_max_order=10,
        nr_cpus=256,
        dma_pernuma_cma=True,
        cma_size_pernuma=True,
    ),
    ("arm", "5.10", 4 * KIB): _ARM_510,
    ("arm", "6.1", 4 * KIB): _ARM_510,
    ("arm", "6.12", 4 * KIB): _ARM_612,
    ("arm", "7.2", 4 * KIB): _ARM_612._replace(cma_size_mbytes=128, page_block_max_order=11),
}
"""(architecture, series, page size) → configuration of Debian's kernel package."""
