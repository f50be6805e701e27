# SPDX-License-Identifier: Apache-2.0
"""How drivers of devices ask for their reserved memory: data, by the compatible of the device.

Read from the drivers, not booted: what depends on it is modelled. A driver that is not here is one whose way of
asking is not known.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from carveout.kernel.release import parse_release, series_key
from carveout.values import NamedTuple, dataclass

EINVAL, ENODEV, ENOMEM = 22, 19, 12


class Way(StrEnum):
    """The calls with which a region is asked for."""

    DRIVER_CORE = "driver-core"
    """of_dma_configure() attaches a restricted pool before the driver is probed."""
    DEVICE_INIT = "device-init"
    """of_reserved_mem_device_init(), _by_idx() or _by_name(): the region driver gives the device its memory."""
    LOOKUP = "lookup"
    """of_reserved_mem_lookup(): base and size; the driver maps it itself."""
    RESOURCE = "resource"
    """of_reserved_mem_region_to_resource(); on kernels that do not have it, of_reserved_mem_lookup()."""
    ADDRESS = "address"
    """of_address_to_resource() or a platform resource: `reg` as the tree has it, reserved or not."""
    UNUSED = "unused"
    """The driver does not look at this entry."""
    UNKNOWN = "unknown"
    """Not known for this driver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """With which call a driver asks for which of its entries."""

    way: Way
    indexes: tuple[int, ...] | None = None
    """Entries by number; None: all (that no earlier Ask has)."""
    name: str | None = None
    """The entry of this name only, wherever it stands."""
    needed: bool = True
    """The driver gives up without it; otherwise it goes on."""
    tolerates: tuple[int, ...] = ()
    """The driver goes on after these errnos."""
    errno: int | None = None
    """What the driver returns whatever the call's errno is; None: that one."""


class DeviceDriver(NamedTuple):
    """One driver of devices, as it is from one release on."""

    name: str
    """The module."""
    compatibles: tuple[str, ...]
    """A `*` stands for any text. `COMPATIBLE/NAME`: a node of this name without compatible, below such a device."""
    asks: tuple[Ask, ...]
    source: str
    """Function and file it was read from."""
    since: str = "5.10"
    """The release from which on it asks like this; between two booted releases the first that can have it."""
    is_booted: bool = False
    """A recorded boot shows it; otherwise it was read."""
    errno: int = EINVAL
    """What it gives up with where lookup finds nothing."""

    def ask_for(self, index: int, name: str | None) -> Ask | None:
        """Return how it asks for one entry; None: it does not look at it."""
        for ask in self.asks:
            if ask.name is not None:
                if ask.name == name:
                    return ask
            elif ask.indexes is None or index in ask.indexes:
                return ask
        return None


_QCOM_PAS = ("qcom,*-pas", "qcom,*-adsp-pil", "qcom,*-slpi-pil", "qcom,*-cdsp-pil")
_QCOM_MSS = ("qcom,*-mss-pil",)
# Nodes below that of the device, which have no compatible of their own.
_QCOM_MSS_PARTS = ("qcom,*-mss-pil/mba", "qcom,*-mss-pil/mpss")
_QCOM_MSS_METADATA = ("qcom,*-mss-pil/metadata",)
_QCOM_WCNSS = ("qcom,pronto-v*-pil", "qcom,riva-pil")
_QCOM_ADSP = ("qcom,*-wpss-pil", "qcom,sdm845-adsp-pil", "qcom,qcs404-cdsp-pil")
_VENUS = ("qcom,*-venus", "qcom,*-venus-v2")
_EVERY_ADDRESS = (Ask(way=Way.ADDRESS),)
_EVERY_LOOKUP = (Ask(way=Way.LOOKUP),)
_EVERY_RESOURCE = (Ask(way=Way.RESOURCE),)
# Rob Herring's patches of 2025, "Use of_reserved_mem_region_to_resource() for memory-region", show the drivers of
# remoteproc, media and DRM before and after. Before 2023 the ones of Qualcomm took the address from the node.
_RESOURCE_SINCE = "6.19"
_LOOKUP_SINCE = "6.6"

DEVICE_DRIVERS: tuple[DeviceDriver, ...] = (
    *(
        DeviceDriver(name, compatibles, asks, source, since=since)
        for name, compatibles, source in (
            ("qcom_q6v5_adsp", _QCOM_ADSP, "adsp_alloc_memory_region(), qcom_q6v5_adsp.c"),
            ("qcom_q6v5_pas", _QCOM_PAS, "adsp_alloc_memory_region(), qcom_q6v5_pas.c"),
            ("qcom_wcnss_pil", _QCOM_WCNSS, "wcnss_alloc_memory_region(), qcom_wcnss.c"),
            ("venus_core", _VENUS, "venus_load_fw(), venus/firmware.c"),
        )
        for since, asks in (
            ("5.10", _EVERY_ADDRESS),
            (_LOOKUP_SINCE, _EVERY_LOOKUP),
            (_RESOURCE_SINCE, _EVERY_RESOURCE),
        )
    ),
    *(
        DeviceDriver(
            "qcom_q6v5_mss", _QCOM_MSS, asks, "q6v5_alloc_memory_region(), qcom_q6v5_mss.c", since=since
        )
        for since, asks in (
            ("5.10", (Ask(way=Way.ADDRESS, indexes=(0, 1)),)),
            (_LOOKUP_SINCE, _EVERY_LOOKUP),
            (_RESOURCE_SINCE, (Ask(way=Way.RESOURCE, indexes=(0, 1)), Ask(way=Way.RESOURCE, indexes=(2,), needed=False))),
        )
    ),
    *(
        DeviceDriver("qcom_q6v5_mss", parts, asks, "q6v5_alloc_memory_region(), qcom_q6v5_mss.c", since=since)
        for parts, since, asks in (
            (_QCOM_MSS_PARTS, "5.10", (Ask(way=Way.ADDRESS, indexes=(0,)),)),
            (_QCOM_MSS_PARTS, _LOOKUP_SINCE, (Ask(way=Way.LOOKUP, indexes=(0,)),)),
            (_QCOM_MSS_PARTS, _RESOURCE_SINCE, (Ask(way=Way.RESOURCE, indexes=(0,)),)),
            (_QCOM_MSS_METADATA, "5.10", ()),
            (_QCOM_MSS_METADATA, _LOOKUP_SINCE, (Ask(way=Way.LOOKUP, indexes=(0,)),)),
            (_QCOM_MSS_METADATA, _RESOURCE_SINCE, (Ask(way=Way.RESOURCE, indexes=(0,), needed=False),)),
        )
    ),
    *(
        DeviceDriver(
            "ti_k3_rproc", ("ti,*-r5f", "ti,*-c71-dsp", "ti,*-c66-dsp", "ti,*-c7xv-dsp", "ti,*-m4fss"),
            (Ask(way=Way.DEVICE_INIT, indexes=(0,)), Ask(way=others)),
            "k3_r5_reserved_mem_init(), ti_k3_r5_remoteproc.c", since=since,
        )
        for since, others in (("5.10", Way.LOOKUP), (_RESOURCE_SINCE, Way.RESOURCE))
    ),
    *(
        DeviceDriver("ath10k_snoc", ("qcom,wcn3990-wifi",), (ask,), "ath10k_setup_msa_resources(), snoc.c", since=since)
        for since, ask in (
            ("5.10", Ask(way=Way.ADDRESS, indexes=(0,))),
            (_RESOURCE_SINCE, Ask(way=Way.RESOURCE, indexes=(0,), needed=False)),
        )
    ),
    *(
        DeviceDriver(
            "xlnx_r5_remoteproc", ("xlnx,zynqmp-r5f",), (ask,),
            "add_mem_regions_carveout(), xlnx_r5_remoteproc.c", since=since,
        )
        for since, ask in (("6.2", Ask(way=Way.LOOKUP)), (_RESOURCE_SINCE, Ask(way=Way.RESOURCE, needed=False)))
    ),
    DeviceDriver(
        "mtk_scp", ("mediatek,*-scp",), (Ask(way=Way.DEVICE_INIT, indexes=(0,), errno=ENOMEM, tolerates=(ENODEV,)),),
        "scp_map_memory_region(), mtk_scp.c",
    ),
    DeviceDriver(
        "fastrpc", ("qcom,fastrpc",), (Ask(way=Way.DEVICE_INIT, indexes=(0,), needed=False),),
        "fastrpc_rpmsg_probe(), drivers/misc/fastrpc.c", since="6.1",
    ),
    DeviceDriver(
        "sunxi_cedrus", ("allwinner,*-video-engine",), (Ask(way=Way.DEVICE_INIT, indexes=(0,), tolerates=(ENODEV,)),),
        "tests/data/devices", is_booted=True,
    ),
    DeviceDriver(
        "snd_sof_mediatek", ("mediatek,mt8186-dsp", "mediatek,mt8195-dsp"),
        (Ask(way=Way.DEVICE_INIT, indexes=(0,)), Ask(way=Way.ADDRESS, indexes=(1,))), "platform_parse_resource(), sof/mediatek",
    ),
    DeviceDriver("fastrpc", ("qcom,fastrpc",), (), "fastrpc_rpmsg_probe(), drivers/misc/fastrpc.c"),
    DeviceDriver(
        "fsl_qbman", ("fsl,qman", "fsl,bman"), _EVERY_LOOKUP, "qbman_init_private_mem(), dpaa_sys.c", errno=ENODEV
    ),
    DeviceDriver(
        "simpledrm", ("simple-framebuffer",), (), "simplefb_get_memory_of(), simpledrm.c: not there yet"
    ),
    DeviceDriver(
        "simpledrm", ("simple-framebuffer",), (Ask(way=Way.ADDRESS, indexes=(0,)),),
        "simplefb_get_memory_of(), simpledrm.c", since="6.3",
    ),
    DeviceDriver(
        "simpledrm", ("simple-framebuffer",), (Ask(way=Way.RESOURCE, indexes=(0,), needed=False),),
        "simplefb_get_memory_of(), simpledrm.c", since="6.18",
    ),
)  # fmt: skip
"""A later row of the same compatible takes the place of an earlier one from its release on."""


@lru_cache(maxsize=8)
def _drivers_of(kernel: str) -> tuple[dict[str, DeviceDriver], tuple[tuple[str, str, DeviceDriver], ...]]:
    # By exact compatible, and with a `*` as (before, behind, driver). The newest row that the kernel has counts.
    key = parse_release(kernel).key
    rows = [row for row in DEVICE_DRIVERS if series_key(row.since) <= key]
    rows.sort(key=lambda row: series_key(row.since))
    exact: dict[str, DeviceDriver] = {}
    patterns: dict[tuple[str, str], DeviceDriver] = {}
    for row in rows:
        for text in row.compatibles:
            before, star, behind = text.partition("*")
            if star:
                patterns[before, behind] = row
            else:
                exact[text] = row
    return exact, tuple((before, behind, row) for (before, behind), row in patterns.items())


@lru_cache(maxsize=4096)
def _driver_for(compatible: str, kernel: str) -> DeviceDriver | None:
    exact, patterns = _drivers_of(kernel)
    if compatible in exact:
        return exact[compatible]
    return next(
        (
            row
            for before, behind, row in patterns
            if compatible.startswith(before) and compatible.endswith(behind)
        ),
        None,
    )


def device_driver(compatibles: tuple[str, ...], kernel: str) -> DeviceDriver | None:
    """Return the driver of a device with these compatibles in a kernel such as `6.12`; None: not known."""
    found = (_driver_for(text, kernel) for text in compatibles)
    return next((row for row in found if row is not None), None)


class RegionDevice(NamedTuple):
    """A compatible for whose regions the kernel makes a platform device, and the driver of that device."""

    compatible: str
    driver: str
    way: Way
    missing: str
    """What the driver prints when it cannot find its region."""
    since: str = "first"
    """The value of Behaviour.region_devices from which on; `first`: always."""
    only_one: bool = False
    """The driver takes the first region it can use, and refuses others."""
    is_booted: bool = False
    """Recorded boots show it; otherwise it was read."""
    page_aligned: bool = False
    """The driver refuses a region that does not begin and end at a page."""


REGION_DEVICES: tuple[RegionDevice, ...] = (
    RegionDevice("qcom,rmtfs-mem", "qcom_rmtfs_mem", Way.LOOKUP, "failed to acquire memory region"),
    RegionDevice("qcom,cmd-db", "cmd-db", Way.LOOKUP, "failed to acquire memory region"),
    RegionDevice(
        "ramoops", "ramoops", Way.ADDRESS, "failed to locate DT /reserved-memory resource", only_one=True,
        is_booted=True,
    ),
    RegionDevice("phram", "phram", Way.ADDRESS, "", since="more"),
    RegionDevice("qcom,smem", "qcom-smem", Way.LOOKUP, "", since="more"),
    RegionDevice("nvmem-rmem", "rmem", Way.LOOKUP, "Failed to lookup reserved memory", since="more"),
    RegionDevice(
        "google,open-dice", "open-dice", Way.LOOKUP, "failed to lookup reserved memory",
        since="more", page_aligned=True,
    ),
)  # fmt: skip
"""Source: reserved_mem_matches[], drivers/of/platform.c (kernel-semantics 3.7); the drivers named; tests/data/devices."""
