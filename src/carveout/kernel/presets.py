# SPDX-License-Identifier: Apache-2.0
"""Built-in configurations beside Debian's: mainline defconfigs, as far as their files say.

A defconfig names only what differs from the defaults of Kconfig. What is listed here stands in the named file; every
other option is taken from Debian's kernel of that version, and results are `modelled`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from carveout.values import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

KIB = 1 << 10


class Preset(NamedTuple):
    """A configuration that is known in part. values: field of Config → value that the source gives."""

    source: str
    page_size: int
    values: Mapping[str, bool | int | str]


# DMA_CMA is not named in the two arm files; CMA_SIZE_MBYTES is, which exists only with it. HUGETLBFS selects
# HUGETLB_PAGE. The commits are those at which the files were read.
DEFCONFIG: dict[str, Preset] = {
    "arm64": Preset(
        source="arch/arm64/configs/defconfig, Linux 000006155029",
        page_size=4 * KIB,
        values={
            "cma": True,
            "dma_cma": True,
            "cma_size_mbytes": 32,
            "dma_restricted_pool": True,
            "fsl_dpaa": True,
            "hugetlb_page": True,
            "transparent_hugepage": True,
            "numa": True,
            "crash_dump": True,
        },
    ),
    "arm": Preset(
        source="arch/arm/configs/multi_v7_defconfig, Linux 00265bee1002",
        page_size=4 * KIB,
        values={"cma": True, "dma_cma": True, "cma_size_mbytes": 64},
    ),
    "riscv64": Preset(
        source="arch/riscv/configs/defconfig, Linux 0175b1d3c6df",
        page_size=4 * KIB,
        values={"hugetlb_page": True},
    ),
    "powerpc64": Preset(
        source="arch/powerpc/configs/ppc64_defconfig, Linux 00ed905ab8e5",
        page_size=64 * KIB,
        values={"hugetlb_page": True, "transparent_hugepage": True, "crash_dump": True},
    ),
}

PRESETS: dict[str, Mapping[str, Preset]] = {"debian": {}, "defconfig": DEFCONFIG}
"""Name for --preset → architecture → what it changes in Debian's configuration."""

FINGERPRINTS: dict[tuple[str, str, int], str] = {
    ("arm64", "5.10", 4 * KIB): "f2cff227325975a9a626633453fc3e64a8fc3e1ff2f95e4e622a6da0e1e809cc",
    ("arm64", "6.1", 4 * KIB): "7e8ab8fe5acec707377eadb0a9b2df50ef81bbd59315604fe34c7f5f0f78512c",
    ("arm64", "7.2", 4 * KIB): "497128ad426a9503b0f25ba8429d9b20b79a96fcae18b694f7fd5f7407708a2c",
    ("arm", "5.10", 4 * KIB): "59dc33b96b58118f41c7916ca217e9ec48734f5cbdc2b56048a0ec5066eddf9e",
    ("arm", "6.1", 4 * KIB): "89f3d762be5426801ed6dd17877a2140f21af625464d62f43f5599876620f40f",
    ("arm", "7.2", 4 * KIB): "8f25d9d68adf6c8a827f83f1bbc9fea2c9e6fea4b308dcb21b13506cfea15cca",
    ("riscv64", "7.2", 4 * KIB): "371c5c923cb51de6de49fa33b79d43f2664f9621fe26f479de8c651a55440765",
    ("powerpc64", "7.2", 4 * KIB): "c0f82fcc9f564d566c306f828f6722defcfb3861da7b31625cea3d71069b2804",
}
"""(architecture, series, page size) → kconfig.fingerprint() of the configuration file in the package that was booted.

A .config with this fingerprint gives that very build. Where a package could not be had again (6.12.107, 64 KiB
powerpc), no .config counts as the booted one.
"""
