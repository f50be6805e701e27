# SPDX-License-Identifier: Apache-2.0
"""How the drivers of remote processors find memory: data, one row a driver, with the file it was read in.

The numbers are properties of the chips: where a processor sees its own memories, and where it sees memory of the CPU.
A processor whose driver is not here is checked against the addresses that its bus gives it, and the result says so.
"""

from __future__ import annotations

from enum import StrEnum

from carveout.values import NamedTuple


class View(StrEnum):
    """How the address of a region becomes the processor's."""

    SAME = "same"
    """It is the CPU's."""
    LOW_32 = "low-32"
    """The CPU's, and what is above 4 GiB cannot be reached."""
    PARENT_RANGES = "parent-ranges"
    """Triples (device, CPU, size) of one cell each in dma-ranges of the parent, and nothing else."""
    BUS = "bus"
    """dma-ranges of the buses above, as for any device."""


class Loader(StrEnum):
    """Who puts segments into memory."""

    ELF = "elf"
    """The remoteproc core: each segment where its physical address says."""
    MDT = "mdt"
    """Qualcomm's: into one region, moved there if the image may be moved."""


class Window(NamedTuple):
    """Addresses of the CPU that a processor sees elsewhere."""

    device: int
    cpu: int
    size: int
    is_own: bool = False
    """Memory of the processor's own, which the driver maps itself."""


class Internal(NamedTuple):
    """Memory of the processor's own that its node lists in `reg`. device: where the processor sees it."""

    name: str
    """In reg-names."""
    device: int | None
    """None: at the CPU's address."""


class Driver(NamedTuple):
    """What one driver does with memory."""

    name: str
    source: str
    compatibles: tuple[str, ...]
    view: View = View.SAME
    loader: Loader = Loader.ELF
    windows: tuple[Window, ...] = ()
    """Not empty: only what is in one of them can be loaded, and what ends with its last byte cannot."""
    internals: tuple[Internal, ...] = ()
    takes_reg: bool = False
    """Every entry of `reg` is memory of the processor's own, at its untranslated address."""
    named: bool = True
    """Regions are found by the names of their nodes, for carveouts, rings and buffers."""
    skipped: tuple[str, ...] = ()
    """Names of regions, or how they begin, where no segment is loaded."""
    unregistered: tuple[str, ...] = ()
    """Names of regions that the driver does not tell the remoteproc core of."""
    pool_first: bool = False
    """Region 0 is the pool for rings and buffers, and the others are for loading."""
    least_regions: int = 0
    entry_align: int = 1
    maps_regions: bool = True
    """The driver maps the regions itself, which fails for mapped RAM."""
    has_iommu: bool = False
    knows_all_memory: bool = True
    """Memory that is neither a region nor in this table does not exist for it."""


_RPROC = "drivers/remoteproc/"

# Where the cores of i.MX see memory: (their address, the CPU's, size, own).
_IMX8MQ = (
    Window(0x0000_0000, 0x007E_0000, 0x2_0000),
    Window(0x0018_0000, 0x0018_0000, 0x8000),
    Window(0x0090_0000, 0x0090_0000, 0x2_0000),
    Window(0x0092_0000, 0x0092_0000, 0x2_0000),
    Window(0x0800_0000, 0x0800_0000, 0x0800_0000),
    Window(0x1000_0000, 0x4000_0000, 0x0FFE_0000),
    Window(0x1FFE_0000, 0x007E_0000, 0x4_0000, is_own=True),
    Window(0x2018_0000, 0x0018_0000, 0x8000, is_own=True),
    Window(0x2020_0000, 0x0090_0000, 0x2_0000, is_own=True),
    Window(0x2022_0000, 0x0092_0000, 0x2_0000, is_own=True),
    Window(0x4000_0000, 0x4000_0000, 0x8000_0000),
)
_IMX8MN = (
    Window(0x0000_0000, 0x007E_0000, 0x2_0000, is_own=True),
    Window(0x0018_0000, 0x0018_0000, 0x9000),
    Window(0x0090_0000, 0x0090_0000, 0x2_0000),
    Window(0x0092_0000, 0x0092_0000, 0x2_0000),
    Window(0x0094_0000, 0x0094_0000, 0x5_0000),
    Window(0x0800_0000, 0x0800_0000, 0x0800_0000),
    Window(0x1000_0000, 0x4000_0000, 0x0FFE_0000),
    Window(0x2000_0000, 0x0080_0000, 0x2_0000, is_own=True),
    Window(0x2018_0000, 0x0018_0000, 0x8000, is_own=True),
    Window(0x2020_0000, 0x0090_0000, 0x2_0000, is_own=True),
    Window(0x2022_0000, 0x0092_0000, 0x2_0000, is_own=True),
    Window(0x2024_0000, 0x0094_0000, 0x4_0000, is_own=True),
    Window(0x4000_0000, 0x4000_0000, 0x8000_0000),
)
_IMX7D = (
    Window(0x0000_0000, 0x0018_0000, 0x8000),
    Window(0x0018_0000, 0x0018_0000, 0x8000, is_own=True),
    Window(0x0090_0000, 0x0090_0000, 0x2_0000),
    Window(0x0092_0000, 0x0092_0000, 0x2_0000),
    Window(0x0094_0000, 0x0094_0000, 0x8000),
    Window(0x1FFF_8000, 0x007F_8000, 0x8000, is_own=True),
    Window(0x1000_0000, 0x8000_0000, 0x0FFF_0000),
    Window(0x2000_0000, 0x0080_0000, 0x8000, is_own=True),
    Window(0x2020_0000, 0x0090_0000, 0x2_0000),
    Window(0x2022_0000, 0x0092_0000, 0x2_0000),
    Window(0x2024_0000, 0x0094_0000, 0x8000),
    Window(0x8000_0000, 0x8000_0000, 0x6000_0000),
)
_IMX6SX = (
    Window(0x0000_0000, 0x007F_8000, 0x8000),
    Window(0x0018_0000, 0x008F_8000, 0x4000),
    Window(0x1FFF_8000, 0x007F_8000, 0x8000, is_own=True),
    Window(0x1000_0000, 0x8000_0000, 0x0FFF_8000),
    Window(0x2000_0000, 0x0080_0000, 0x8000, is_own=True),
    Window(0x208F_8000, 0x008F_8000, 0x4000),
    Window(0x8000_0000, 0x8000_0000, 0x6000_0000),
)
_IMX7ULP = (
    Window(0x1FFD_0000, 0x1FFD_0000, 0x3_0000, is_own=True),
    Window(0x2000_0000, 0x2000_0000, 0x1_0000, is_own=True),
    Window(0x2F00_0000, 0x2F00_0000, 0x2_0000, is_own=True),
    Window(0x2F02_0000, 0x2F02_0000, 0x2_0000, is_own=True),
    Window(0x6000_0000, 0x6000_0000, 0x4000_0000),
)
_IMX8ULP = (
    Window(0x1FFC_0000, 0x1FFC_0000, 0xC_0000, is_own=True),
    Window(0x2100_0000, 0x2100_0000, 0x1_0000, is_own=True),
    Window(0x8000_0000, 0x8000_0000, 0x6000_0000),
)
_IMX8QXP = (
    Window(0x0800_0000, 0x0800_0000, 0x1000_0000),
    Window(0x1FFE_0000, 0x34FE_0000, 0x4_0000, is_own=True),
    Window(0x2100_0000, 0x0010_0000, 0x1_8000),
    Window(0x2110_0000, 0x0010_0000, 0x4_0000),
    Window(0x8000_0000, 0x8000_0000, 0x6000_0000),
)
_IMX93 = (
    Window(0x0FFC_0000, 0x201C_0000, 0x4_0000, is_own=True),
    Window(0x1FFC_0000, 0x201C_0000, 0x4_0000, is_own=True),
    Window(0x2000_0000, 0x2020_0000, 0x4_0000, is_own=True),
    Window(0x3000_0000, 0x2020_0000, 0x4_0000, is_own=True),
    Window(0x8000_0000, 0x8000_0000, 0x1000_0000),
    Window(0x9000_0000, 0x8000_0000, 0x1000_0000),
    Window(0xC000_0000, 0xC000_0000, 0x1000_0000),
    Window(0xD000_0000, 0xC000_0000, 0x1000_0000),
)


def _imx(windows: tuple[Window, ...], *compatibles: str) -> Driver:
    return Driver(
        "imx_rproc",
        f"imx_rproc_da_to_va() and imx_rproc_prepare(), {_RPROC}imx_rproc.c",
        compatibles,
        windows=windows,
        # Buffers are nobody's to load into, and so are rings and the table of a core that runs already.
        skipped=("vdev", "rsc-table"),
        unregistered=("vdev0buffer", "rsc-table"),
    )


_L2, _L1P = Internal("l2sram", 0x80_0000), Internal("l1pram", 0xE0_0000)

DRIVERS: tuple[Driver, ...] = (
    Driver(
        "stm32_rproc",
        f"stm32_rproc_prepare() and stm32_rproc_pa_to_da(), {_RPROC}stm32_rproc.c",
        ("st,stm32mp1-m4",),
        view=View.PARENT_RANGES,
        skipped=("vdev0buffer",),
    ),
    _imx(_IMX8MQ, "fsl,imx8mq-cm4", "fsl,imx8mm-cm4"),
    _imx(_IMX8MN, "fsl,imx8mn-cm7", "fsl,imx8mn-cm7-mmio", "fsl,imx8mp-cm7", "fsl,imx8mp-cm7-mmio"),
    _imx(_IMX7D, "fsl,imx7d-cm4"),
    _imx(_IMX6SX, "fsl,imx6sx-cm4"),
    _imx(_IMX7ULP, "fsl,imx7ulp-cm4"),
    _imx(_IMX8ULP, "fsl,imx8ulp-cm33"),
    _imx(_IMX8QXP, "fsl,imx8qxp-cm4"),
    _imx(_IMX93, "fsl,imx93-cm33"),
    Driver(
        "ti_k3_r5_remoteproc",
        f"k3_r5_rproc_da_to_va() and k3_r5_reserved_mem_init(), {_RPROC}ti_k3_r5_remoteproc.c",
        ("ti,am62-r5f", "ti,am64-r5f", "ti,am654-r5f", "ti,j7200-r5f", "ti,j721e-r5f", "ti,j721s2-r5f"),
        view=View.LOW_32,
        # Its tightly coupled memories, where ti,loczrama puts them: see places.py.
        internals=(Internal("atcm", None), Internal("btcm", None)),
        # Regions of the node's `sram` property are not in the table.
        knows_all_memory=False,
        named=False,
        pool_first=True,
        least_regions=2,
    ),
    Driver(
        "ti_k3_dsp_remoteproc",
        f"k3_rproc_da_to_va(), {_RPROC}ti_k3_common.c; {_RPROC}ti_k3_dsp_remoteproc.c",
        ("ti,j721e-c66-dsp",),
        internals=(_L2, _L1P, Internal("l1dram", 0xF0_0000)),
        entry_align=1 << 10,
        named=False,
        pool_first=True,
        least_regions=2,
    ),
    Driver(
        "ti_k3_dsp_remoteproc",
        f"k3_rproc_da_to_va(), {_RPROC}ti_k3_common.c; {_RPROC}ti_k3_dsp_remoteproc.c",
        ("ti,j721e-c71-dsp", "ti,j721s2-c71-dsp", "ti,am62a-c7xv-dsp"),
        internals=(_L2, Internal("l1dram", 0xE0_0000)),
        entry_align=2 << 20,
        named=False,
        pool_first=True,
        least_regions=2,
    ),
    Driver(
        "omap_remoteproc",
        f"omap_rproc_probe(), {_RPROC}omap_remoteproc.c",
        ("ti,omap4-ipu", "ti,omap5-ipu", "ti,dra7-ipu"),
        internals=(Internal("l2ram", 0x2000_0000),),
        named=False,
        maps_regions=False,
        has_iommu=True,
        pool_first=True,
    ),
    Driver(
        "omap_remoteproc",
        f"omap_rproc_probe(), {_RPROC}omap_remoteproc.c",
        ("ti,omap4-dsp", "ti,omap5-dsp", "ti,dra7-dsp"),
        internals=(Internal("l2ram", 0x80_0000), _L1P, Internal("l1dram", 0xF0_0000)),
        named=False,
        maps_regions=False,
        has_iommu=True,
        pool_first=True,
    ),
    Driver(
        "xlnx_r5_remoteproc",
        f"add_mem_regions_carveout() and add_tcm_banks(), {_RPROC}xlnx_r5_remoteproc.c",
        ("xlnx,zynqmp-r5f", "xlnx,versal-r5f", "xlnx,versal-net-r52f"),
        view=View.LOW_32,
        takes_reg=True,
        skipped=("vdev0buffer",),
        # Without `reg` the banks are in the driver, and depend on the mode of the cluster.
        knows_all_memory=False,
    ),
    Driver(
        "mtk_scp",
        f"mt8183_scp_da_to_va(), {_RPROC}mtk_scp.c",
        ("mediatek,mt8183-scp", "mediatek,mt8186-scp"),
        internals=(Internal("sram", 0),),
        named=False,
        maps_regions=False,
    ),
    Driver(
        "mtk_scp",
        f"mt8192_scp_da_to_va(), {_RPROC}mtk_scp.c",
        ("mediatek,mt8188-scp", "mediatek,mt8192-scp", "mediatek,mt8195-scp"),
        internals=(Internal("sram", None), Internal("l1tcm", None)),
        named=False,
        maps_regions=False,
    ),
)

QCOM = Driver(
    "qcom_q6v5",
    "qcom_mdt_load(), drivers/soc/qcom/mdt_loader.c",
    (),
    loader=Loader.MDT,
    named=False,
)
"""Every processor that Qualcomm's loader feeds: compatible `qcom,...-pas` or `qcom,...-pil`."""

UNKNOWN = Driver("", "", (), view=View.BUS, knows_all_memory=False, maps_regions=False)
"""What is assumed of a processor whose driver is not in the table."""

_BY_COMPATIBLE = {compatible: driver for driver in DRIVERS for compatible in driver.compatibles}
_QCOM_ENDS = ("-pas", "-pil")


def driver_of(compatibles: tuple[str, ...]) -> Driver:
    """Return the driver that takes a device, or UNKNOWN."""
    for compatible in compatibles:
        if compatible in _BY_COMPATIBLE:
            return _BY_COMPATIBLE[compatible]
        if compatible.startswith("qcom,") and compatible.endswith(_QCOM_ENDS):
            return QCOM
    return UNKNOWN
