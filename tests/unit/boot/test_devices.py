# SPDX-License-Identifier: Apache-2.0
"""What each call answers, what drivers end with, and the devices made of regions (kernel-semantics 3.7, 5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carveout.boot.run import boot
from carveout.boot.scene import Scene
from carveout.span import Span
from support.boards import (
    KERNELS,
    boot_regions,
    cells,
    mib,
    node,
    region,
    text,
    usual_board,
    usual_scene,
    wide,
)

if TYPE_CHECKING:
    from carveout.boot.device_result import Device
    from carveout.boot.result import ConsumerResult
    from carveout.fdt.draft import DraftNode

POOL = "shared-dma-pool"
AT = 0x5000_0000
ENODEV, EINVAL, EBUSY = 19, 22, 16
OLD = ("5.10", "6.1")


def device(
    *phandles: int, compatible: str = "acme,vpu", names: tuple[str, ...] = (), **more: bytes
) -> DraftNode:
    properties = {"compatible": text(compatible), "memory-region": cells(*phandles), **more}
    if names:
        properties["memory-region-names"] = text(*names)
    return node("vpu@1000", properties)


def plain(name: str = "fw@50000000", base: int = AT, phandle: int = 1, **more: object) -> DraftNode:
    return region(name, "no-map", reg=[(base, mib(1))], phandle=phandle, **more)


def bound(kernel: str, target: DraftNode, user: DraftNode, *others: DraftNode, **scene: object) -> Device:
    return boot_regions(kernel, target, others=[*others, user], **scene).device("/vpu@1000")


def calls(use: ConsumerResult) -> dict[str, int | None]:
    return {str(way): errno for way, errno in use.calls}


def table(
    kernel: str, init: int | None, lookup: int | None, resource: int | None, address: int | None
) -> dict[str, int | None]:
    answers = {"device-init": init, "lookup": lookup, "address": address}
    # 5.1: of_reserved_mem_region_to_resource() is new in 7.2.
    return {**answers, "resource": resource} if kernel == "7.2" else answers


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param(plain(), (EINVAL, None, None, None), id="plain"),
        pytest.param(plain(status="disabled"), (None, EINVAL, ENODEV, None), id="disabled"),
        pytest.param(region("dyn", size=mib(1), phandle=1), (EINVAL, None, None, EINVAL), id="dynamic"),
        pytest.param(plain(compatible=POOL), (None, None, None, None), id="coherent"),
        pytest.param(region("big", size=mib(2048), phandle=1), (EINVAL, None, None, EINVAL), id="no-room"),
    ],
)
def test_every_call_is_answered(kernel: str, target: DraftNode, expected: tuple[int | None, ...]) -> None:
    (use,) = bound(kernel, target, device(1)).regions
    if use.region == "/reserved-memory/big":
        # 3.5: ≤6.1 keep the entry, with base and size 0; from 6.12 on there is none.
        expected = (EINVAL, None, None, EINVAL) if kernel in OLD else (EINVAL, EINVAL, EINVAL, EINVAL)
        assert (use.base, use.size) == ((0, 0) if kernel in OLD else (None, None))
    assert calls(use) == table(kernel, *expected)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_phandle_that_leads_nowhere(kernel: str) -> None:
    (use,) = bound(kernel, plain(), device(9)).regions
    assert calls(use) == table(kernel, ENODEV, EINVAL, ENODEV, EINVAL)
    assert (use.errno, use.found, use.base) == (ENODEV, None, None)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_region_given_back_is_still_found(kernel: str) -> None:
    # 5.1: ≤6.12 lookup finds it, although its memory was freed; 7.2 has dropped it.
    odd = region("odd@50000000", "reusable", reg=[(AT, mib(3))], compatible=POOL, phandle=1)
    (use,) = bound(kernel, odd, device(1, compatible="fsl,qman")).regions
    assert (use.errno, use.base) == ((ENODEV, None) if kernel == "7.2" else (None, AT))
    if kernel != "7.2":
        assert use.message == "the region is still found, although its memory was given back to the system"


@pytest.mark.parametrize("kernel", KERNELS)
def test_names_and_numbers(kernel: str) -> None:
    other = region("b@52000000", "no-map", reg=[(0x5200_0000, mib(1))], phandle=2)
    user = device(1, 2, names=("code", "data", "more"))
    found = boot_regions(kernel, plain(), other, others=[user]).device("/vpu@1000")
    assert [use.name for use in found.regions] == ["code", "data"]
    assert found.by_name("data") == found.by_index(1) == found.regions[1]
    assert found.by_name("data").base == 0x5200_0000
    for missing in (found.by_name("dtb"), found.by_name("more"), found.by_index(2), found.by_index(-1)):
        assert (missing.errno, missing.index, missing.region) == (ENODEV, -1, None)
    assert found.by_name("dtb").message == "memory-region-names has no 'dtb'; it has code, data, more"
    assert found.by_name("more").message == "'more' is name 2, and memory-region has 2 entries"


def test_the_first_of_two_equal_names_counts() -> None:
    other = region("b@52000000", "no-map", reg=[(0x5200_0000, mib(1))], phandle=2)
    found = boot_regions("6.12", plain(), other, others=[device(1, 2, names=("dma", "dma"))]).device(
        "/vpu@1000"
    )
    assert found.by_name("dma").index == 0


def test_a_device_that_is_none() -> None:
    result = boot_regions("6.12", plain(), others=[device(1)])
    with pytest.raises(LookupError, match=r"/soc/other: no device of this tree has a memory-region there$"):
        result.device("/soc/other")
    with pytest.raises(LookupError, match=r"/vpu: no device .*; there is /vpu@1000$"):
        result.device("/vpu")


@pytest.mark.parametrize("kernel", KERNELS)
def test_two_regions_of_one_name(kernel: str) -> None:
    # 5.1: by phandle until 6.1, by name from 6.12 on; lookup is by name always. 5.10 takes nested nodes for regions.
    twin = node(
        "group", {}, region("fw@50000000", "no-map", reg=[(0x5800_0000, mib(1))], compatible=POOL, phandle=2)
    )
    first = plain(compatible=POOL)
    use = boot_regions(kernel, first, twin, others=[device(2)]).device("/vpu@1000").regions[0]
    if kernel == "5.10":
        assert (use.found, use.base) == ("/reserved-memory/group/fw@50000000", 0x5800_0000)
    elif kernel == "6.1":
        assert (use.found, use.errno) == (None, EINVAL)
    else:
        assert (use.found, use.base, use.errno) == ("/reserved-memory/fw@50000000", AT, None)
    asks = device(2, compatible="fsl,qman")
    looked = boot_regions(kernel, first, twin, others=[asks]).device("/vpu@1000").regions[0]
    # The table is sorted by address: the one at 0x50000000 comes first.
    assert (looked.found, looked.base) == ("/reserved-memory/fw@50000000", AT)
    assert looked.message == "the kernel finds /reserved-memory/fw@50000000, which has the same name"


@pytest.mark.parametrize(
    ("kernel", "compatible", "errno"),
    [
        pytest.param("6.1", "qcom,sc7280-venus", EINVAL, id="address"),
        pytest.param("6.12", "qcom,sc7280-venus", None, id="lookup"),
        pytest.param("7.2", "qcom,sc7280-venus", None, id="resource"),
        pytest.param("6.12", "acme,vpu", None, id="unknown"),
        pytest.param("6.12", "allwinner,sun50i-h6-video-engine", EINVAL, id="device-init"),
        pytest.param("6.12", "mediatek,mt8183-scp", 12, id="errno-of-its-own"),
        pytest.param("6.12", "qcom,fastrpc", None, id="goes-on"),
        pytest.param("5.10", "qcom,fastrpc", None, id="does-not-ask"),
    ],
)
def test_drivers_of_devices_and_a_region_that_the_kernel_placed(
    kernel: str, compatible: str, errno: int | None
) -> None:
    dynamic = region("dyn", size=mib(1), phandle=1)
    found = bound(kernel, dynamic, device(1, compatible=compatible))
    (use,) = found.regions
    assert (use.errno, found.errno) == (errno, errno)
    assert use.bound_by is None
    assert use.exactness == ("exact" if "sun50i" in compatible else "modelled")
    if compatible == "qcom,fastrpc" and kernel == "6.12":
        assert use.message is not None
        assert use.message.startswith("-22, no region driver stands behind the region")


@pytest.mark.parametrize(
    ("kernel", "part", "asks", "errno"),
    [
        pytest.param("6.1", "mba", "address", EINVAL, id="6.1"),
        pytest.param("6.12", "mpss", "lookup", None, id="6.12"),
        pytest.param("7.2", "metadata", "resource", None, id="7.2"),
        pytest.param("6.1", "metadata", "unused", None, id="not-yet"),
        pytest.param("6.12", "other", "unknown", None, id="another-node"),
    ],
)
def test_a_node_below_a_device(kernel: str, part: str, asks: str, errno: int | None) -> None:
    user = node(
        "remoteproc", {"compatible": text("qcom,sc7180-mss-pil")}, node(part, {"memory-region": cells(1)})
    )
    result = boot_regions(kernel, region("dyn", size=mib(1), phandle=1), others=[user])
    (use,) = result.device(f"/remoteproc/{part}").regions
    assert (use.asks, use.errno) == (asks, errno)


@pytest.mark.parametrize(
    ("kernel", "status", "errno"),
    [
        pytest.param("6.12", "disabled", EINVAL, id="lookup"),
        pytest.param("7.2", "disabled", ENODEV, id="resource"),
        pytest.param("6.1", "disabled", None, id="address"),
    ],
)
def test_a_disabled_region_and_a_driver_that_takes_its_address(
    kernel: str, status: str, errno: int | None
) -> None:
    (use,) = bound(kernel, plain(status=status), device(1, compatible="qcom,sc7280-venus")).regions
    assert use.errno == errno


def test_what_is_not_known_of_a_driver_is_told() -> None:
    (use,) = bound("6.12", plain(), device(1)).regions
    assert (use.errno, use.exactness) == (None, "modelled")
    assert (
        use.why
        == "how its driver asks is not known: device-init gives -22, lookup gives it, address gives it"
    )
    (pool,) = bound("6.12", plain(compatible=POOL), device(1)).regions
    assert (pool.exactness, pool.why) == ("exact", "")


@pytest.mark.parametrize("kernel", KERNELS)
def test_only_calls_that_a_driver_makes_count(kernel: str) -> None:
    # 5.1, CO08: TI's driver takes a pool for DMA and only looks up the others.
    second = region("b@52000000", "no-map", reg=[(0x5200_0000, mib(1))], compatible=POOL, phandle=2)
    for compatible, errno in (("ti,am64-r5f", None), ("acme,vpu", EBUSY if kernel == "7.2" else None)):
        user = device(1, 2, compatible=compatible)
        first, other = (
            boot_regions(kernel, plain(compatible=POOL), second, others=[user]).device("/vpu@1000").regions
        )
        assert (first.errno, first.mapping) == (None, "write-combined")
        assert (other.errno, other.mapping) == (errno, "none")
        assert (dict(other.calls))["device-init"] == (EBUSY if kernel == "7.2" else None)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("iommu", [False, True])
def test_restricted_pools_are_attached_by_the_driver_core(kernel: str, iommu: bool) -> None:
    # 3.7, binding CO09: the first enabled one, and not behind an IOMMU; 5.10 does not know them.
    off = region(
        "off@53000000",
        reg=[(0x5300_0000, mib(4))],
        compatible="restricted-dma-pool",
        phandle=4,
        status="disabled",
    )
    pools = [region(f"p@{base:x}", reg=[(base, mib(4))], compatible="restricted-dma-pool", phandle=number)
             for number, base in ((1, AT), (2, 0x5100_0000))]  # fmt: skip
    user = device(4, 3, 1, 2, compatible="qcom,sc7280-venus", **({"iommus": cells(9, 1)} if iommu else {}))
    board = usual_board(*pools, off, plain("fw@52000000", 0x5200_0000, 3), others=[user])
    result = boot(board, usual_scene(kernel, preset="defconfig"))
    first, plain_use, attached, other = result.device("/vpu@1000").regions
    is_attached = kernel != "5.10" and not iommu
    assert (attached.asks == "driver-core") is is_attached
    assert attached.mapping == ("bounce" if is_attached else "none")
    assert attached.bound_by == ("restricted" if is_attached else None)
    assert attached.log == (("assigned reserved memory node p@50000000",) if is_attached else ())
    assert {first.mapping, plain_use.mapping, other.mapping} == {"none"}


@pytest.mark.parametrize("kernel", ["6.1", "6.12", "7.2"])
def test_a_restricted_pool_that_fails_is_a_warning(kernel: str) -> None:
    # of_dma_set_restricted_buffer(): the kernel warns and probes the driver all the same.
    pool = region("p@50000000", "no-map", reg=[(AT, mib(4))], compatible="restricted-dma-pool", phandle=1)
    result = boot(usual_board(pool, others=[device(1)]), usual_scene(kernel, preset="defconfig"))
    found = result.device("/vpu@1000")
    (use,) = found.regions
    assert (use.asks, use.errno, found.errno) == ("driver-core", EINVAL, None)
    assert use.log == ('failed to initialise "restricted-dma-pool" memory node',)


@pytest.mark.parametrize("kernel", KERNELS)
def test_without_the_option_a_restricted_pool_is_a_plain_region(kernel: str) -> None:
    pool = region("p@50000000", reg=[(AT, mib(4))], compatible="restricted-dma-pool", phandle=1)
    (use,) = bound(kernel, pool, device(1)).regions
    assert (use.asks, use.bound_by, use.errno) == ("unknown", None, None)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_warning_that_is_printed_once(kernel: str) -> None:
    pools = [region(f"p@{base:x}", reg=[(base, mib(1))], compatible=POOL, phandle=number)
             for number, base in ((1, AT), (2, 0x5100_0000))]  # fmt: skip
    first, second = boot_regions(kernel, *pools, others=[device(1, 2)]).consumers
    also = "Reserved memory: failed to init DMA memory pool at 0x0000000051000000, size 1 MiB"
    assert first.log[0] == "memremap attempted on ram 0x0000000050000000 size: 0x100000"
    assert second.message == "memremap attempted on ram 0x0000000051000000 size: 0x100000"
    assert second.log == ((also,) if kernel == "5.10" else ())


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_disabled_device_leaves_no_line_in_the_log(kernel: str) -> None:
    pool = region("p@50000000", reg=[(AT, mib(1))], compatible=POOL, phandle=1)
    off = node("off", {"memory-region": cells(1), "status": text("disabled")})
    first, second = boot_regions(kernel, pool, others=[off, device(1)]).consumers
    assert (first.errno, first.enabled, first.log) == (EINVAL, False, ())
    # The warning that is printed once is the enabled device's.
    assert second.log[0] == "memremap attempted on ram 0x0000000050000000 size: 0x100000"


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("compatible", "driver", "since"),
    [
        ("ramoops", "ramoops", "5.10"),
        ("qcom,rmtfs-mem", "qcom_rmtfs_mem", "5.10"),
        ("qcom,cmd-db", "cmd-db", "5.10"),
        ("RAMOOPS", "ramoops", "5.10"),
        ("qcom,smem", "qcom-smem", "6.1"),
        ("nvmem-rmem", "rmem", "6.1"),
        ("google,open-dice", "open-dice", "6.1"),
        ("phram", "phram", "6.1"),
        ("arm,scmi-shmem", None, "5.10"),
        (POOL, None, "5.10"),
    ],
)
def test_devices_of_regions(kernel: str, compatible: str, driver: str | None, since: str) -> None:
    found = boot_regions(kernel, plain("r@50000000", compatible=compatible)).region_devices
    is_made = driver is not None and (since == "5.10" or kernel != "5.10")
    assert [(one.name, one.driver, one.errno, one.base) for one in found] == (
        [("50000000.r", driver, None, AT)] if is_made else []
    )
    assert all(one.exactness == ("exact" if driver == "ramoops" else "modelled") for one in found)


@pytest.mark.parametrize(
    ("target", "errno", "words"),
    [
        pytest.param(region("oops", size=mib(1), compatible="ramoops"), EINVAL, "failed to locate DT", id="dynamic"),
        pytest.param(region("db", size=mib(1), compatible="qcom,cmd-db"), None, None, id="dynamic-looked-up"),
        pytest.param(region("db", size=mib(2048), compatible="qcom,cmd-db"), EINVAL, "no such region", id="no-room"),
        pytest.param(
            region("d@50000100", "no-map", reg=[(AT + 0x100, 0x1000)], compatible="google,open-dice"),
            EINVAL, "page-aligned", id="not-aligned",
        ),
        pytest.param(plain(compatible="ramoops", status="disabled"), "none", None, id="disabled"),
    ],
)  # fmt: skip
def test_devices_of_regions_that_fail(target: DraftNode, errno: int | str | None, words: str | None) -> None:
    found = boot_regions("6.12", target).region_devices
    if errno == "none":
        assert found == ()
        return
    (one,) = found
    assert one.errno == errno
    assert (words or "") in " ".join([one.message or "", *one.log])


@pytest.mark.parametrize("kernel", KERNELS)
def test_one_ramoops_is_enough(kernel: str) -> None:
    # ramoops_probe() refuses another before it looks at it; one that fails does not count.
    regions = [
        region("first", size=mib(1), compatible="ramoops"),
        plain("oops@50000000", compatible="ramoops"),
        plain("oops@52000000", 0x5200_0000, 2, compatible="ramoops"),
    ]
    found = boot_regions(kernel, *regions).region_devices
    assert [one.errno for one in found] == [EINVAL, None, EINVAL]
    assert [one.log for one in found] == [
        ("failed to locate DT /reserved-memory resource",), (), ("already initialized",),
    ]  # fmt: skip


def test_powerpc_makes_no_devices_of_regions() -> None:
    board = usual_board(plain(compatible="ramoops"))
    scene = Scene(kernel="6.12", arch="powerpc64", memory=(Span.sized(0, 1 << 31),))
    assert boot(board, scene).region_devices == ()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("entry", "reg", "expected"),
    [
        pytest.param(wide(AT, mib(1)), True, ("direct", AT, mib(1), 0), id="direct"),
        pytest.param(wide(0x1000, mib(1)), True, ("reserved", 0x1000, mib(1), 1), id="elsewhere"),
        pytest.param(wide(AT, 0x1000), True, ("reserved", AT, 0x1000, 1), id="other-size"),
        pytest.param(wide(0x1000, 0x1000), False, ("reserved", 0x1000, 0x1000, 0), id="without-reg"),
    ],
)
def test_iommu_addresses(kernel: str, entry: bytes, reg: bool, expected: tuple[str, int, int, int]) -> None:
    target = region("fw@50000000", reg=[(AT, mib(1))] if reg else [], phandle=1)
    target.properties["iommu-addresses"] = cells(7) + entry
    for iommus in (True, False):
        more = {"phandle": cells(7), **({"iommus": cells(9, 1)} if iommus else {})}
        found = bound(kernel, target, device(1, **more))
        # binding 2: read from 6.3 on, and only behind an IOMMU.
        assert [(one.kind, one.iova, one.size, len(one.log)) for one in found.iommu] == (
            [expected] if iommus and kernel not in OLD else []
        )


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(
    ("base", "dma_ranges", "warned", "exactness"),
    [
        pytest.param(AT, None, False, "exact", id="within"),
        pytest.param(0x1_0000_0000, None, True, "modelled", id="above-4-GiB"),
        # The last byte counts.
        pytest.param(0xFFF0_0000, None, False, "exact", id="up-to-4-GiB"),
        pytest.param(
            # The warning was read, not booted.
            0x5100_0000,
            cells(0, 0x5000_0000, 0, 0x5000_0000, 0, 0x100_0000),
            True,
            "modelled",
            id="bus",
        ),
        pytest.param(
            0x50F0_0000, cells(0, 0x5000_0000, 0, 0x5000_0000, 0, 0x100_0000), False, "exact", id="in-bus"
        ),
        pytest.param(AT, b"", False, "exact", id="empty-dma-ranges"),
    ],
)
def test_a_pool_beyond_reach(
    kernel: str, base: int, dma_ranges: bytes | None, warned: bool, exactness: str
) -> None:
    # 5.1: 7.2 warns, older kernels say nothing. Nothing else changes.
    pool = region(f"p@{base:x}", "no-map", reg=[(base, mib(1))], compatible=POOL, phandle=1)
    more = {} if dma_ranges is None else {"dma-ranges": dma_ranges}
    bus = node("soc", {"#address-cells": cells(2), "#size-cells": cells(2), "ranges": b"", **more},
               device(1, compatible="allwinner,sun50i-h6-video-engine"))  # fmt: skip
    (use,) = boot_regions(kernel, pool, others=[bus]).device("/soc/vpu@1000").regions
    line = "reserved memory is beyond device's set DMA address range"
    assert (line in use.log) is (warned and kernel == "7.2")
    assert (use.errno, use.mapping) == (None, "write-combined")
    assert use.exactness == (exactness if kernel == "7.2" else "exact")


def test_without_ram_nothing_is_invented() -> None:
    board = usual_board(region("dyn", size=mib(1), phandle=1), others=[device(1)], ram=[])
    result = boot(board, Scene(kernel="6.12"))
    (use,) = result.device("/vpu@1000").regions
    assert (use.exactness, use.errno, use.base, use.calls) == ("unknown", None, None, ())
